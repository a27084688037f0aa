"""Signed heads kept outside the log: read at the start, kept up to date, each place by a thread of its own.

A place outside (another disk, a folder of another machine) may be away, may refuse, and may hang for hours in the middle
of a call that nobody can take back. So the serving thread touches none of them: it leaves the newest head in the place's
one slot and goes on. Whatever hangs for however long, there is one thread and one head waiting for each place.

A place is read before it is first written to in a run, and what it held is written over only after the serving thread has
seen it (`heard`): else an older copy of the log would wipe out the proof that it is one. So a witness that was away or
hung at the start is heard when it comes back.

Not here: what a head says about this log (`heads.py`), when there is a new one (`log.py`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from keystore.journal import write_whole

GREET_S = 3.0  # the start waits so long for the places to be read
LEAVE_S = 2.0  # and the end for the last head to be written
STUCK_S = 10.0  # a call that takes longer is told of
AGAIN_S = 30.0  # what was refused is tried again after so long, or with the next head


class _Place:
    """One file outside and the thread that alone touches it. Its fields are looked at under its lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.turn = threading.Condition()
        self.wanted: str | None = None  # the newest head that is not written yet
        self.held: str | None = None  # what the place held when it was first read, until somebody has seen it
        self.read = False
        self.seen = True  # nothing is written over what nobody has seen
        self.foreign = False
        self.ended = False
        self.busy_since: float | None = time.monotonic()
        self.problem = ""
        self.again_at = 0.0
        threading.Thread(target=self._run, name=f"witness {path.name}", daemon=True).start()

    def _run(self) -> None:
        self._attempt(None)
        while True:
            with self.turn:
                while not self.ended and (left := self._left()) > 0:
                    self.turn.wait(left)
                if self.ended:
                    return
                note, self.wanted, self.busy_since = self.wanted, None, time.monotonic()
            self._attempt(note)

    def _left(self) -> float:
        """How long there is nothing to do, if nobody comes: the longest that a wait may take, without a head to write."""
        if self.wanted is None or not self.seen:
            return threading.TIMEOUT_MAX
        return self.again_at - time.monotonic()

    def _attempt(self, note: str | None) -> None:
        """Read the place if that is still to be done, and write to it."""
        problem, held = "", None
        try:
            if not self.read:
                held = self._read()
            if held is None and note is not None:
                write_whole(self.path, note.encode())
        except OSError as error:
            problem = error.strerror or str(error)
        with self.turn:
            if not self.read and not problem and (held is not None or note is not None):
                self.read = True
            if held is not None:
                self.held, self.seen = held, False
            if (problem or held is not None) and self.wanted is None:
                self.wanted, self.again_at = note, time.monotonic() + AGAIN_S * bool(problem)
            self.problem, self.busy_since = problem, None
            self.turn.notify_all()

    def _read(self) -> str | None:
        """What lies there; nothing while the file or its folder is missing, which may be because a disk is away."""
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def wait(self, until: float) -> None:
        """Until nothing is under way or waiting, at most until this moment."""
        with self.turn:
            while self.busy_since is not None or self._left() <= 0:
                left = until - time.monotonic()
                if left <= 0 or not self.turn.wait(left):
                    return

    def warning(self) -> str | None:
        with self.turn:
            if self.foreign:
                return (
                    f"The witness {self.path} holds a head that this log did not sign. It is not written over; move it away "
                    "if it belongs to no one."
                )
            if self.busy_since is not None:
                hangs = time.monotonic() - self.busy_since
                if hangs < STUCK_S:
                    return None
                return (
                    f"The witness {self.path} has hung for {_long(hangs)} and takes no head. The sale goes on without it; "
                    "look at its disk or network."
                )
            if self.problem:
                return f"The witness {self.path} takes no head ({self.problem}). The sale goes on without it."
            return None


class Witnesses:
    """All places outside."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._places = [_Place(path) for path in paths]

    def greet(self, timeout_s: float = GREET_S) -> list[tuple[Path, str]]:
        """What the places hold, as far as they say so in this time; the others are heard later."""
        until = time.monotonic() + timeout_s
        for place in self._places:
            place.wait(until)
        return self.heard()

    def heard(self) -> list[tuple[Path, str]]:
        """What was read since the last time. Say with `answered` whether it may be written over."""
        found = []
        for place in self._places:
            if place.seen:
                continue
            with place.turn:
                if place.held is not None:
                    found.append((place.path, place.held))
                    place.held = None
        return found

    def answered(self, path: Path, *, ours: bool) -> None:
        """What this place held was looked at; if it is a head of this log, the next one may replace it."""
        for place in self._places:
            if place.path == path:
                with place.turn:
                    place.foreign, place.seen = not ours, ours
                    place.turn.notify_all()

    def push(self, note: str) -> None:
        """A new head for every place, instead of the one that still waits there."""
        for place in self._places:
            with place.turn:
                place.wanted, place.again_at = note, 0.0
                place.turn.notify_all()

    def settle(self, timeout_s: float = LEAVE_S) -> None:
        """Wait for what was pushed to be written, but not for a place that hangs."""
        until = time.monotonic() + timeout_s
        for place in self._places:
            place.wait(until)

    def close(self) -> None:
        """The threads end, but for one that hangs, which ends with the process."""
        for place in self._places:
            with place.turn:
                place.wanted, place.ended = None, True
                place.turn.notify_all()

    def warnings(self) -> tuple[str, ...]:
        return tuple(said for place in self._places if (said := place.warning()) is not None)


def _long(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
