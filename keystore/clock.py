"""The module's clock: when is it believed, and when does it stop the sale (decisions.md D15).

While the module runs, the wall clock is judged against the monotonic one, which nobody can set. After a stop only
the log's last entry is known: a clock behind it is never accepted, one that is far ahead is accepted when the
system says that it is synchronised or when approvers confirm it. Whatever the clock does, token identifiers rise
(`state.py`); this file decides whether tokens are made at all.

The simulator's clock is for key files with test keys only, and each log entry made under it says so.
"""

from __future__ import annotations

import ctypes
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from keystore.errors import ClockInvalid

BACKWARD_S = 120  # a step back that time servers make; identifiers hide it
FORWARD_S = 600  # a step forward accepted while running; all steps of a day together
QUIET_S = 15 * 60  # a stop shorter than this needs no confirmation
FAR_S = 31 * 86400

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5


class TimeSource(Protocol):
    """Where a clock reads."""

    simulated: bool

    def wall(self) -> float: ...

    def steady(self) -> float: ...


class SystemTime:
    """The machine's own clock; the steady one counts through sleep as well."""

    simulated = False

    def wall(self) -> float:
        return time.time()

    def steady(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)


class SimulatedTime:
    """Time from the simulator: a start that runs on at a speed, or a file that is read again when it changes.

    The file holds one JSON object: `{"at": "2045-11-24T20:14:00+00:00", "real": 1789000000.0, "speed": 60}`; `real`
    is the machine's time when `at` held.
    """

    simulated = True

    def __init__(self, setting: str) -> None:
        self._path: Path | None = None
        self._stamp: tuple[int, int] | None = None
        self._speed = 1.0
        self._real = time.time()
        try:
            self._at = _moment(setting)
        except ValueError:
            self._path = Path(setting)
            self._at = 0.0
            self._read()

    def wall(self) -> float:
        if self._path is not None:
            self._read()
        return self._at + (time.time() - self._real) * self._speed

    def steady(self) -> float:
        return self.wall()

    def _read(self) -> None:
        assert self._path is not None
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino)
            if stamp == self._stamp:
                return
            found = json.loads(self._path.read_text(encoding="utf-8"))
            at, real, speed = _moment(found["at"]), float(found["real"]), float(found["speed"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ClockInvalid(
                f"The simulated clock {self._path} cannot be read. "
                'Give a time such as 2045-11-24T20:14:00Z, or a file with "at", "real" and "speed".'
            ) from error
        self._at, self._real, self._speed, self._stamp = at, real, speed, stamp


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


class _Timex(ctypes.Structure):
    """The head of `struct timex`; only `status` is read, the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def synchronised() -> bool:
    """Whether the kernel says that a time server disciplines the clock."""
    try:
        timex = _Timex()
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return False
    return answer not in (-1, _TIME_ERROR) and not timex.status & _STA_UNSYNC


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why no token is made now, and how many signatures over `confirm-clock` end it (0: only a right clock)."""

    sentence: str
    signatures: str  # none, one, quorum


class Clock:
    """The judged clock of one module."""

    def __init__(
        self,
        source: TimeSource,
        last_logged: float | None,
        *,
        all_test: bool,
        in_step: Callable[[], bool] = synchronised,
    ) -> None:
        self._source = source
        self._last_logged = last_logged
        self._lenient = all_test
        self._in_step = in_step
        self._confirmed = False
        self._wall = source.wall()
        self._steady = source.steady()
        self._gap = 0.0 if last_logged is None else self._wall - last_logged
        self._jump: str | None = None

    @property
    def simulated(self) -> bool:
        return self._source.simulated

    def now(self) -> float:
        """Seconds since 1970, as read. Whether to believe it is `doubt`."""
        return self._source.wall()

    def logged(self, moment: float) -> None:
        """An entry was written at this time: the clock may never be believed below it again."""
        if self._last_logged is None or moment > self._last_logged:
            self._last_logged = moment

    def doubt(self) -> Doubt | None:
        """Judge the clock now."""
        wall, steady = self._source.wall(), self._source.steady()
        if self._last_logged is not None and wall < self._last_logged - BACKWARD_S:
            return Doubt(
                f"The clock says {_text(wall)}, but the log was written at {_text(self._last_logged)}. "
                "Set the clock right; a clock behind the log is never accepted.",
                "none",
            )
        if self.simulated:
            return None
        drift = (wall - self._wall) - (steady - self._steady)
        if self._jump is None and -BACKWARD_S <= drift <= FORWARD_S:
            # Looked at from the same point for a day: many small steps would else be a jump of any size that nobody saw.
            if steady - self._steady >= 86400:
                self._wall, self._steady = wall, steady
        else:
            if -BACKWARD_S <= drift <= FORWARD_S:
                self._jump = None  # it came back by itself
            else:
                self._jump = f"The clock jumped by {drift:+.0f} seconds while the module ran."
        if self._jump is not None:
            return Doubt(f"{self._jump} Set it right, or let an approver confirm it.", "one")
        return self._after_stop()

    def _after_stop(self) -> Doubt | None:
        gap = self._gap
        if self._confirmed or gap <= QUIET_S:
            return None
        if gap > FAR_S:
            return Doubt(
                f"The clock is {gap / 86400:.0f} days after the last entry of the log. Approvers confirm it with a confirm-clock act.",
                "quorum",
            )
        if self._lenient or self._in_step():
            self._confirmed = True
            return None
        return Doubt(
            "The clock is not synchronised, and the module was stopped. One approver confirms the time.",
            "one",
        )

    def confirm(self) -> None:
        """Approvers said that the time is right as it is."""
        self._confirmed = True
        self._jump = None
        self._wall, self._steady = self._source.wall(), self._source.steady()


def _text(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
