"""A start that does not read the whole log: the state at one entry, and an index of the orders before it.

Both are copies, rebuilt from the log whenever they are missing or do not open; both are sealed under the log's
secret, so that nobody edits a budget there. `snapshot` is replaced whole; `index/<from>-<to>` holds, for a run of
entries, their leaf hashes, the hashed order ids and the offsets of their lines, and is never changed.
"""

from __future__ import annotations

import os
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystore import crash
from keystore.journal import write_whole

VERSION = 2
NOBODY = b"\x00" * 16  # for entries without an order


@dataclass(frozen=True, slots=True)
class Run:
    """Entries since the last save, as columns: 32 bytes of leaf, 16 of hashed order id, an offset for each."""

    leaves: bytes
    orders: bytes
    offsets: array[int]


@dataclass(slots=True)
class Loaded:
    """What a start begins with."""

    size: int = 0
    offset: int = 0
    head: str = "0" * 64
    group: int = 0
    image: dict[str, Any] | None = None
    leaves: bytearray = field(default_factory=bytearray)
    orders: dict[bytes, int] = field(default_factory=dict)
    offsets: array[int] = field(default_factory=lambda: array("Q"))


def save(
    folder: Path, secret: AESGCM, *, size: int, offset: int, head: str, group: int, image: Any, run: Run
) -> None:
    """Seal the state at `size` entries; `run` holds the entries since the last save."""
    crash.point("keystore.before-snapshot")
    index = folder / "index"
    index.mkdir(mode=0o700, exist_ok=True)
    if run.offsets:
        name = f"{size - len(run.offsets)}-{size}"
        columns = run.leaves + run.orders + run.offsets.tobytes()
        write_whole(index / name, _seal(secret, columns, f"index {name}"))
    content = {"v": VERSION, "size": size, "offset": offset, "head": head, "group": group, "image": image}
    data = orjson.dumps(content)
    write_whole(folder / "snapshot", _seal(secret, data, "snapshot"), inside="keystore.inside-snapshot")
    crash.point("keystore.after-snapshot")


def load(folder: Path, secret: AESGCM, log_bytes: int) -> Loaded:
    """The last state that opens and fits; an empty one otherwise, which makes the start read the whole log."""
    try:
        content = orjson.loads(_open(secret, (folder / "snapshot").read_bytes(), "snapshot"))
        if content["v"] != VERSION or content["offset"] > log_bytes:
            return Loaded()
        loaded = Loaded(
            content["size"], content["offset"], content["head"], content["group"], content["image"]
        )
        _load_index(folder / "index", secret, loaded)
    except (OSError, ValueError, KeyError, InvalidTag):
        return Loaded()
    return loaded


def _load_index(index: Path, secret: AESGCM, loaded: Loaded) -> None:
    runs: dict[int, int] = {}
    for path in index.iterdir() if index.is_dir() else ():
        first, _, last = path.name.partition("-")
        if first.isdigit() and last.isdigit() and int(last) <= loaded.size:
            runs[int(first)] = max(int(last), runs.get(int(first), 0))
    at = 0
    while at < loaded.size:
        end = runs[at]
        name = f"{at}-{end}"
        columns = _open(secret, (index / name).read_bytes(), f"index {name}")
        count = end - at
        if count <= 0 or len(columns) != 56 * count:
            raise ValueError("length")
        loaded.leaves += columns[: 32 * count]
        orders = columns[32 * count : 48 * count]
        loaded.offsets.frombytes(columns[48 * count :])
        loaded.orders.update(
            zip([orders[i : i + 16] for i in range(0, 16 * count, 16)], range(at, end), strict=True)
        )
        at = end
    loaded.orders.pop(NOBODY, None)


def forget(folder: Path) -> None:
    """Drop the copies: the next start reads the log from its first entry."""
    (folder / "snapshot").unlink(missing_ok=True)
    index = folder / "index"
    if index.is_dir():
        for path in index.iterdir():
            path.unlink()


def _seal(secret: AESGCM, data: bytes, name: str) -> bytes:
    nonce = os.urandom(12)
    return nonce + secret.encrypt(nonce, data, name.encode())


def _open(secret: AESGCM, data: bytes, name: str) -> bytes:
    return secret.decrypt(data[:12], data[12:], name.encode())
