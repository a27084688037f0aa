"""Rebuilds the disk as a power cut would have left it: from what the shim wrote down, one legal state after another.

A disk that honours fsync keeps everything that was synced. Of what came after, it may keep nothing, the first so many writes,
any of them, or any 512-byte sectors of them; a file whose folder was never synced may be missing, and what was removed or
renamed without such a sync may be as before. It models no disk that lies about a sync.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
ACKED = "ACK"


@dataclass(frozen=True, slots=True)
class Op:
    kind: str  # w write, t truncate, s sync, c create, u unlink, r rename
    name: str
    offset: int
    data: bytes


def recorded(path: Path) -> list[Op]:
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        kind, length, offset, size = struct.unpack_from("<cxxxIqI", data, at)
        at += 32
        name = data[at : at + length].decode()
        at += length
        found.append(Op(kind.decode(), name, offset, data[at : at + size] if kind in b"wr" else b""))
        at += size if kind in b"wr" else 0
    return found


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Op] = field(default_factory=list)
    entry_durable: bool = False  # its folder was synced since it was made

    def copy(self) -> _File:
        return _File(bytearray(self.durable), list(self.pending), self.entry_durable)


@dataclass(frozen=True, slots=True)
class State:
    files: dict[str, bytes]
    acked: int  # the newest number that was acknowledged before the cut
    cut_at: int

    def write_into(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, data in self.files.items():
            (folder / name).write_bytes(data)


def states(ops: list[Op], count: int, seed: int) -> Iterator[State]:
    """So many states, their cuts spread over the whole recording. The folder begins empty."""
    chance = random.Random(seed)
    cuts = sorted(chance.randrange(1, len(ops) + 1) for _ in range(count))
    files: dict[str, _File] = {}
    gone: dict[str, _File] = {}  # removed, and the folder not synced since
    acked, at = 0, 0
    for cut in cuts:
        while at < cut:
            acked = _follow(ops[at], files, gone, acked)
            at += 1
        yield State(_after_the_cut(files, gone, chance), acked, cut)


def _follow(op: Op, files: dict[str, _File], gone: dict[str, _File], acked: int) -> int:
    if op.name == ACKED:
        return int(op.data.split()[-1]) if op.kind == "w" else acked
    if op.name.endswith(("-shm", ".lock")) or op.name == "lock":
        return acked
    if op.kind == "s" and op.name == ".":
        gone.clear()
        for file in files.values():
            file.entry_durable = True
        return acked
    if op.kind == "u":
        removed = files.pop(op.name, None)
        if removed is not None:
            gone[op.name] = removed
        return acked
    if op.kind == "r":
        moved = files.pop(op.name)
        target = op.data.decode()
        if target in files:
            gone[target] = files[target]
        files[target] = moved
        moved.entry_durable = False
        return acked
    file = files.setdefault(op.name, _File())
    if op.kind == "s":
        for each in file.pending:
            _carry_out(file.durable, each)
        file.pending.clear()
    elif op.kind in "wt":
        file.pending.append(op)
    return acked


def _carry_out(data: bytearray, op: Op) -> None:
    if op.kind == "t":
        if op.offset < len(data):
            del data[op.offset :]
        else:
            data.extend(bytes(op.offset - len(data)))
        return
    if op.offset > len(data):
        data.extend(bytes(op.offset - len(data)))
    data[op.offset : op.offset + len(op.data)] = op.data


def _after_the_cut(
    files: dict[str, _File], gone: dict[str, _File], chance: random.Random
) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    style = chance.choice(("none", "prefix", "subset", "torn"))
    for name, file in files.items():
        if not file.entry_durable and chance.random() < 0.25:
            continue  # nobody synced the folder: the file may never have been
        found[name] = _contents(file, style, chance)
    for name, file in gone.items():
        if chance.random() < 0.5:
            found[name] = _contents(file, "none", chance)
    return found


def _contents(file: _File, style: str, chance: random.Random) -> bytes:
    data = bytearray(file.durable)
    kept = file.pending
    if style == "none":
        kept = []
    elif style == "prefix":
        kept = kept[: chance.randrange(len(kept) + 1)]
    elif style == "subset":
        kept = [op for op in kept if chance.random() < 0.5]
    for op in kept:
        _carry_out(data, _torn(op, chance) if style == "torn" and op.kind == "w" else op)
    return bytes(data)


def _torn(op: Op, chance: random.Random) -> Op:
    """A write of which whole sectors arrived, from its beginning or from its middle."""
    sectors = (len(op.data) + SECTOR - 1) // SECTOR
    first = chance.randrange(sectors + 1) * SECTOR
    last = chance.randrange(sectors + 1) * SECTOR
    first, last = min(first, last), max(first, last)
    return Op("w", op.name, op.offset + first, op.data[first:last])
