"""The memory chip of a meter: its state on disk, whole after a cut of power at any moment.

Two slots take turns. A save writes the older slot, waits until it is on the medium, and only then counts; a record
carries a rising number and a digest, and the newest whole record wins. A cut in the middle of a save therefore leaves the
record before it, and a cut after it leaves the new one: there is no third case. Losing a save means losing the last
moments of consumption, never a token: a token is saved before the meter says ACCEPT.

What it is not: a secret place. It holds the meter's own key, as a real meter's chip does, so the file is readable by its owner
only, and belongs to test keys and simulations.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import struct
from pathlib import Path
from typing import Any, Protocol

from meter.errors import MeterError

MAGIC = b"AMPM"
SLOT = 32 * 1024
HEAD = struct.Struct(">4sHQI")
DIGEST = 32
VERSION = 1


class NvramDamaged(MeterError):
    code = "nvram_damaged"


class NvramInUse(MeterError):
    code = "nvram_in_use"


class NvramFailed(MeterError):
    code = "nvram_failed"


class Chip(Protocol):
    """Where the bytes lie: a file, or the tests' chip whose power can be cut."""

    def read(self) -> bytes: ...

    def create(self, first_slot: bytes) -> None:
        """Bring the chip into being with one whole record on it, all or nothing."""

    def write(self, offset: int, record: bytes) -> None:
        """Write and wait until it is on the medium."""


class FileChip:
    """A file. Opened for each save, so that thousands of meters need no thousands of open files."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""

    def create(self, first_slot: bytes) -> None:
        # A rename is all or nothing, so a file that exists always began with a whole record: if later none
        # is whole, that is damage and not a new meter.
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        self._put(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0, first_slot)
        fresh.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def write(self, offset: int, record: bytes) -> None:
        self._put(self._path, os.O_WRONLY, offset, record)

    def _put(self, path: Path, flags: int, offset: int, record: bytes) -> None:
        handle = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(record)
            while view:
                written = os.pwrite(handle, view, offset)
                view, offset = view[written:], offset + written
            # fsync and not fdatasync: the first records also grow the file.
            os.fsync(handle)
        finally:
            os.close(handle)


class Nvram:
    """Load once, then save as often as needed. One `Nvram` per chip and process."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._number = 0
        self._slot = 1

    def load(self) -> dict[str, Any] | None:
        """The newest whole state, or None when the chip is new."""
        content = self._chip.read()
        if not content:
            return None
        found = [(*whole, slot) for slot in (0, 1) if (whole := _whole(content, slot * SLOT))]
        if not found:
            raise NvramDamaged(
                "Both records of this meter's memory are damaged. Restore the file from a copy; do not start it afresh,"
                " or used tokens would work again."
            )
        self._number, payload, self._slot = max(found, key=lambda each: each[0])
        state: dict[str, Any] = json.loads(payload)
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Keep this state. When the call returns it survives a cut; when it raises, the state before it does."""
        payload = json.dumps(state, separators=(",", ":"), ensure_ascii=False).encode()
        record = _record(self._number + 1, payload)
        if self._number == 0:
            self._chip.create(record)
            self._slot = 0
        else:
            slot = 1 - self._slot
            self._chip.write(slot * SLOT, record)
            self._slot = slot
        self._number += 1


def _record(number: int, payload: bytes) -> bytes:
    assert HEAD.size + len(payload) + DIGEST <= SLOT, "a meter's state fits its slot"
    head = HEAD.pack(MAGIC, VERSION, number, len(payload)) + payload
    return head + hashlib.sha256(head).digest()


def _whole(content: bytes, offset: int) -> tuple[int, bytes] | None:
    if len(content) < offset + HEAD.size + DIGEST:
        return None
    magic, version, number, length = HEAD.unpack_from(content, offset)
    end = offset + HEAD.size + length
    if magic != MAGIC or version != VERSION or length > SLOT or len(content) < end + DIGEST:
        return None
    if hashlib.sha256(content[offset:end]).digest() != content[end : end + DIGEST]:
        return None
    return number, content[offset + HEAD.size : end]


class FolderLock:
    """Only one process runs the meters of a folder. The lock goes with the process, also when it is killed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._handle = os.open(folder / "in-use.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise NvramInUse(
                f"Another process runs the meters in {folder}. Stop it, or use another folder."
            ) from None

    def release(self) -> None:
        os.close(self._handle)
