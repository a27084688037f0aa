"""The issuance log as a file: append a group, sync it once, read it back, find its end after a crash.

`entries.log` in the log's folder is append-only and is the only truth of the module (decisions.md D11). A group of
entries is one write and one fdatasync; nothing is answered before it. A write that finds no room is taken back
whole; a sync that fails ends the process, because the kernel may have dropped the bytes and forgotten the error.

After a crash the end may be torn, and that must not be taken for damage, nor damage for it. A torn end is cut only
where nothing says that it was acknowledged: no entry of a later group follows (it would prove that this one had been
synced), the mark of what was acknowledged does not reach it (`mark.py`), and it looks torn, that is, it ends inside a line
or has a hole of zeros where a sector never arrived. What stays undecidable is a write that a power cut tore at the very
moment at which another fault altered it.

While the module runs, the file is longer than the log: zeros stand ahead of its end, written in advance, so that a sync
need not also make a new length durable, which costs the file system as much again. They are taken away when the log is
closed, and at the next start when it could not be. Who reads along stops where only zeros follow.

Not here: what entries mean (`state.py`), the tree (`merkle.py`).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystore import crash, entries, syncing
from keystore.entries import Entry
from keystore.errors import KeyFileBusy, KeystoreError, LogDamaged, LogFull
from keystore.mark import Mark, MarkFile

MAX_GROUP_BYTES = 16 * 1024 * 1024
_CHUNK = 1024 * 1024
_AHEAD = (
    512 * 1024
)  # of zeros, some four hundred entries; a larger group than a quarter of it makes its own way

_WORTH_A_THREAD = (
    4  # entries: the answers of fewer are worked out before the disk could be handed over and back
)

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _nothing() -> None:
    return


class SyncFailed(BaseException):
    """The disk did not confirm. The process must end; what was written counts as unknown until it is read again."""


class Journal:
    """The file, held by one process."""

    def __init__(self, folder: Path, secret: AESGCM) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / "entries.log"
        self._secret = secret
        self._lock = hold(folder / "lock", "this issuance log")
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._mark_file = MarkFile(folder)
        self.mark = self._mark_file.read()
        self.end = self._room = self._without_zeros()
        try:
            _sync_folder(folder)
        except OSError as error:
            raise KeystoreError(
                f"The disk of the issuance log did not confirm its folder ({error.strerror}). Look at the disk, then start again.",
                code="disk-failing",
            ) from error

    def close(self) -> None:
        if self._room > self.end:
            os.ftruncate(self._fd, self.end)
        os.close(self._fd)
        self._mark_file.close()
        os.close(self._lock)

    @property
    def secret(self) -> AESGCM:
        return self._secret

    def append(self, lines: Sequence[bytes], meanwhile: Callable[[], None] = _nothing) -> None:
        """Write the lines of a group and make them durable. All or nothing for every reader that comes later.

        `meanwhile` is carried out while the disk works. What it prepares may be shown only after this call has returned.
        """
        data = b"".join(lines)
        crash.point("keystore.before-append")
        if crash.armed("keystore.half-written"):
            os.pwrite(self._fd, data[: len(data) // 2], self.end)
            crash.point("keystore.half-written")
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._fd, memoryview(data)[written:], self.end + written)
        except OSError as error:
            self._take_back()
            if error.errno in _NO_ROOM:
                raise LogFull(
                    "The disk of the issuance log is full. Nothing was issued; make room and repeat the sale."
                ) from error
            raise SyncFailed(str(error)) from error
        crash.point("keystore.before-sync")
        try:
            self._write_ahead(self.end + len(data))
            sync = syncing.begin(self._fd, alone=len(lines) < _WORTH_A_THREAD)
            try:
                meanwhile()
            finally:
                sync.finish()
        except OSError as error:
            raise SyncFailed(str(error)) from error
        self.end += len(data)
        crash.point("keystore.after-append")

    def acknowledge(self, size: int, leaf: bytes) -> None:
        """What was synced may be answered now: `size` entries, of which the last has this leaf hash."""
        self.mark = Mark(size, self.end, leaf)
        self._mark_file.write(self.mark)

    def settle(self) -> None:
        """Make the mark durable, when no answer waits."""
        try:
            self._mark_file.settle()
        except OSError as error:
            raise SyncFailed(str(error)) from error

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._fd, self.end)
            self._room = self.end
            os.fdatasync(self._fd)
        except OSError as error:
            raise SyncFailed(str(error)) from error

    def _write_ahead(self, end: int) -> None:
        """Zeros for the groups after this one, when those from last time are used up. Without room there are none."""
        if end <= self._room:
            return
        self._room = end
        if end - self.end > _AHEAD // 4:
            return
        try:
            self._room += os.pwrite(self._fd, bytes(_AHEAD), end)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise

    def _without_zeros(self) -> int:
        """Where the log ends; the zeros of a run that could not close it are taken away.

        Zeros below the mark are no room made ahead: something was there, and its loss is to be found.
        """
        size = os.fstat(self._fd).st_size
        least = 0 if self.mark is None else min(self.mark.end, size)
        end = size
        while end > least:
            start = max(least, end - _CHUNK)
            kept = os.pread(self._fd, end - start, start).rstrip(b"\0")
            end = start + len(kept)
            if kept:
                break
        if end < size:
            os.ftruncate(self._fd, end)
        return end

    def line_at(self, offset: int) -> bytes:
        """The line that begins at `offset`, with its line feed."""
        data = os.pread(self._fd, 4096, offset)
        while b"\n" not in data:
            more = os.pread(self._fd, 65536, offset + len(data))
            if not more:
                raise LogDamaged("The issuance log ends inside an entry.")
            data += more
        return data[: data.index(b"\n") + 1]

    def read_at(self, offset: int) -> Entry:
        return entries.read(self.line_at(offset), offset, self._secret)

    def scan(self, offset: int, sequence: int, previous: str) -> Iterator[Entry]:
        """Entries from `offset` on, checked against the chain. Cuts a torn end; raises on damage.

        `sequence` and `previous` belong to the first entry expected.
        """
        at = offset
        for line in self._lines(offset):
            try:
                if not line.endswith(b"\n"):
                    raise LogDamaged("The last line of the issuance log is not complete.")
                entry = entries.read(line, at, self._secret)
                if entry.public["n"] != sequence or entry.public["prev"] != previous:
                    raise LogDamaged(
                        f"Entry {sequence} of the issuance log does not follow the one before it."
                    )
            except LogDamaged as damage:
                self._cut(at, sequence, damage)
                return
            yield entry
            at += len(line)
            sequence += 1
            previous = entry.leaf.hex()

    def _lines(self, offset: int) -> Iterator[bytes]:
        rest = b""
        at = offset
        while True:
            chunk = os.pread(self._fd, _CHUNK, at)
            if not chunk:
                if rest:
                    yield rest
                return
            at += len(chunk)
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield line + b"\n"

    def _cut(self, offset: int, sequence: int, damage: LogDamaged) -> None:
        """The first line that does not verify is at `offset`: a torn end is cut off, anything else is damage."""
        tail = os.pread(self._fd, MAX_GROUP_BYTES + 1, offset)
        acknowledged = self.mark is not None and offset < self.mark.end
        if (
            acknowledged
            or len(tail) > MAX_GROUP_BYTES
            or _later_group(tail, sequence)
            or not _looks_torn(tail)
        ):
            raise LogDamaged(
                f"{damage.sentence} Entry {sequence} was altered or lost after it was written. Restore the log from a "
                "back-up; the module does not start on it. If no copy holds that entry, `keystore log cut` shows what "
                "would be given up."
            ) from damage
        keep = self.folder / f"torn-{offset}.part"
        keep.write_bytes(tail)
        os.ftruncate(self._fd, offset)
        os.fsync(self._fd)
        self.end = self._room = offset


def _looks_torn(tail: bytes) -> bool:
    """A write that a power cut stopped ends inside a line, or has zeros where a sector never reached the disk."""
    return not tail.endswith(b"\n") or b"\x00" in tail


def _later_group(tail: bytes, sequence: int) -> bool:
    """Whether the tail holds an entry whose group began after entry `sequence`."""
    for line in tail.split(b"\n"):
        try:
            if int(json.loads(line.partition(b"\t")[0])["g"]) > sequence:
                return True
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return False


def hold(path: Path, what: str) -> int:
    """An exclusive lock for the life of this process."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise KeyFileBusy(
            f"Another process works with {what} ({path.parent}). Stop it first; two modules never share one."
        ) from error
    return lock


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_whole(path: Path, data: bytes, *, inside: str | None = None) -> None:
    """Replace a file atomically and durably; only the owner may read it."""
    temporary = path.with_name(path.name + ".new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if inside is not None:
            crash.point(inside)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(temporary, path)
    _sync_folder(path.parent)
