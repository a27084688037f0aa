"""Room on the database's disk that only the ending of paid orders may use: a file that is there to be given up.

Money is taken in one commit and the token released in a second one. Were the disk to fill up between the two, a customer would
have paid and stand there; so nothing new is sold unless the reserve is whole, and what was paid is ended on its room. When
space comes back the reserve is made again by itself, without a restart. Not for PostgreSQL: its disk is its own.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

SHARE = 20  # a twentieth of the disk
MOST = 64 << 20
LEAST = 256 << 10


class Reserve:
    """One file beside the database."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".reserve")
        self._lock = threading.Lock()
        self._whole = False

    def size(self) -> int:
        disk = os.statvfs(self.path.parent)
        return max(LEAST, min(MOST, disk.f_blocks * disk.f_frsize // SHARE))

    def is_whole(self) -> bool:
        """There, or made now. False when the disk has no room for it."""
        with self._lock:
            if not self._whole:
                self._whole = self._make()
            return self._whole

    def _make(self) -> bool:
        try:
            size = self.size()
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            if os.fstat(descriptor).st_size != size:
                os.ftruncate(descriptor, 0)
                os.posix_fallocate(descriptor, 0, size)
                os.fsync(descriptor)
            return True
        except OSError:
            self.path.unlink(missing_ok=True)
            return False
        finally:
            os.close(descriptor)

    def give_up(self) -> bool:
        """Frees its room for what must still be written. True when there was some."""
        with self._lock:
            self._whole = False
            try:
                self.path.unlink()
            except OSError:
                return False
            return True
