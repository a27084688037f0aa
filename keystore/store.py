"""The key file on disk: read it, replace it atomically, let one process work with it.

The last three generations stay beside it (`name.g12`), so that a file spoilt by a mistake can be brought back; an older
one than the log remembers is refused at start. Not here: bytes (`format.py`), cryptography (`seal.py`).
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from keystore import format as layout
from keystore import seal
from keystore.errors import KeyFileUnusable
from keystore.format import KeyFile
from keystore.journal import hold, write_whole
from keystore.seal import Opened

KEPT_GENERATIONS = 3


def read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KeyFileUnusable(f"The key file {path} cannot be read ({error.strerror}).") from error
    if len(data) > layout.MAX_BYTES:
        raise KeyFileUnusable(layout.DAMAGED)
    return data


def describe(path: Path) -> KeyFile:
    """What the file says of itself in clear. Nothing of it is proved before it is opened with shares."""
    return layout.read(read(path))[0]


def lock(path: Path) -> int:
    """For the life of a module: two modules never share a key file."""
    return hold(path.with_name(path.name + ".lock"), "this key file")


def lock_for_change(path: Path) -> int:
    """For one change of the file; a running module notices the new file by itself."""
    return hold(path.with_name(path.name + ".edit"), "a change of this key file")


def create(path: Path, opened: Opened) -> None:
    if path.exists():
        raise KeyFileUnusable(
            f"{path} exists already. A key file is never written over; choose another name."
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, seal.write(opened))


def save(path: Path, before: Opened, after: Opened) -> Opened:
    """Put the next generation in place of the one on disk, which must still be the one that was opened."""
    now = describe(path)
    if now.generation != before.file.generation or now.keystore_id != before.file.keystore_id:
        raise KeyFileUnusable(
            "The key file was changed by somebody else meanwhile. Open it again and repeat the step."
        )
    following = Opened(replace(after.file, generation=before.file.generation + 1), after.root)
    kept = path.with_name(f"{path.name}.g{before.file.generation}")
    if not kept.exists():
        os.link(path, kept)
    write_whole(path, seal.write(following))
    for old in path.parent.glob(f"{path.name}.g*"):
        number = old.name.rpartition(".g")[2]
        if number.isdigit() and int(number) <= before.file.generation - KEPT_GENERATIONS:
            old.unlink()
    return following
