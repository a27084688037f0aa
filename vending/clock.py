"""The one place where the business asks for the time: always aware, always UTC.

Local time is made in pages and in tariff periods only, from the site's zone.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow, for waiting and for judging jumps of the other clock."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class FixedClock:
    """A clock that moves only when told; for tests and for simulated time."""

    def __init__(self, moment: datetime) -> None:
        assert moment.tzinfo is not None, "the clock speaks aware time only"
        self._moment = moment.astimezone(UTC)
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._moment

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, by: timedelta) -> None:
        self._moment += by
        self._elapsed += by.total_seconds()

    def set(self, moment: datetime) -> None:
        assert moment.tzinfo is not None, "the clock speaks aware time only"
        self._moment = moment.astimezone(UTC)
