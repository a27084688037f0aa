"""The last resort for a log whose end is damaged and of which no copy exists: cut it off, openly, and keep it aside.

A module does not start on a damaged log, and it never cuts anything that was acknowledged. A person may, knowing what is
lost: the mark of what was acknowledged stays, so that the module knows that its log is short and sells nothing before
two people fast-forward it (`heads.py`). No keys are needed: the hashes of the entries suffice.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from keystore import entries, snapshot
from keystore.errors import KeystoreError, LogDamaged
from keystore.journal import write_whole
from keystore.mark import mark_in
from keystore.merkle import leaf_hash
from keystore.verify_log import read_lines


@dataclass(frozen=True, slots=True)
class Damage:
    """The first line that does not hold, and how much follows from there."""

    sequence: int
    offset: int
    lines: int


def first_damage(folder: Path) -> Damage | None:
    """Read the chain from its beginning.

    An entry vouches for the one before it, so where two do not fit together the earlier one counts as damaged; for the
    last one the mark vouches.
    """
    starts, previous = [0], entries.GENESIS
    lines = read_lines(str(folder / "entries.log"))
    for line in lines:
        public, leaf = _read(line)
        sequence = len(starts) - 1
        if public is None or public["n"] != sequence or public["prev"] != previous:
            first = sequence if public is None else max(0, sequence - 1)
            return Damage(first, starts[first], 1 + sequence - first + sum(1 for _ in lines))
        starts.append(starts[-1] + len(line))
        previous = leaf.hex()
    mark = mark_in(folder)
    size = len(starts) - 1
    if mark is not None and mark.size == size and mark.leaf.hex() != previous:
        return Damage(size - 1, starts[-2], 1)
    return None


def _read(line: bytes) -> tuple[entries.Json | None, bytes]:
    """The public half and its leaf; None if the line does not hold in itself."""
    try:
        data, sealed = entries.split(line[:-1])
        public = json.loads(data)
        if (
            line.endswith(b"\n")
            and public["sealed"] == sha256(sealed).hexdigest()
            and {"n", "prev"} <= public.keys()
        ):
            return public, leaf_hash(data)
    except (LogDamaged, ValueError, KeyError, TypeError, AttributeError):
        pass
    return None, b""


def cut(folder: Path, damage: Damage) -> Path:
    """Keep the end aside, then shorten the log; what was derived from the longer one is forgotten."""
    kept = folder / f"cut-{damage.offset}.part"
    if kept.exists():
        raise KeystoreError(f"{kept} exists already. Move it away first.", code="file-exists")
    with (folder / "entries.log").open("r+b") as file:
        file.seek(damage.offset)
        write_whole(kept, file.read())
        file.truncate(damage.offset)
        file.flush()
        os.fsync(file.fileno())
    snapshot.forget(folder)
    return kept
