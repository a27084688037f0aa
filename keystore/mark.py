"""How far the log was acknowledged: a small file beside it, which tells damage at its end from a torn write.

The mark is written after each sync and before any answer, so whatever was answered lies below it. A kill does not
lose it (the kernel has it); it is synced when nothing waits, and with every checkpoint, so only a power cut in between
leaves an older one. An older mark, or none, claims less and never something wrong.

It is not a witness: whoever may write the log's folder may write this file too. Against him stand the heads kept outside
(`heads.py`).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_LAYOUT = struct.Struct(">8sQQ32s")
_MAGIC = b"ampmark1"
_CHECK = 8
_NAME = "acknowledged"


@dataclass(frozen=True, slots=True)
class Mark:
    """The acknowledged log: entries, bytes, and the leaf hash of the last entry."""

    size: int
    end: int
    leaf: bytes


class MarkFile:
    """The file, held open for as long as the log is."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._fresh = False

    def close(self) -> None:
        os.close(self._fd)

    def read(self) -> Mark | None:
        """The mark, or None when there is none, or one that a power cut tore."""
        return _parsed(os.pread(self._fd, _LAYOUT.size + _CHECK, 0))

    def write(self, mark: Mark) -> None:
        body = _LAYOUT.pack(_MAGIC, mark.size, mark.end, mark.leaf)
        os.pwrite(self._fd, body + sha256(body).digest()[:_CHECK], 0)
        self._fresh = True

    def settle(self) -> None:
        """Make the last mark durable; called when no answer waits."""
        if self._fresh:
            os.fdatasync(self._fd)
            self._fresh = False


def mark_in(folder: Path) -> Mark | None:
    """The mark of a log that nobody works with."""
    path = folder / _NAME
    return _parsed(path.read_bytes()) if path.exists() else None


def _parsed(data: bytes) -> Mark | None:
    body, check = data[: _LAYOUT.size], data[_LAYOUT.size :]
    if len(check) != _CHECK or sha256(body).digest()[:_CHECK] != check or not body.startswith(_MAGIC):
        return None
    _, size, end, leaf = _LAYOUT.unpack(body)
    return Mark(size, end, leaf)
