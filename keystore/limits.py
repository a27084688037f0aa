"""Budgets, count budgets and limits: how much may be issued, and how much may be written. Pure; time is an argument.

A budget is what a hostile web server can still mint, so it is exact: a request that does not fit is refused, and
what it used is derived from the log alone. Budgets belong to a supply group and a service (or, for counts, to a
kind of act), run from a start to an end, and may renew each UTC day or month.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

WARN_AT = (50, 25, 10)  # per cent left
_PACE_DAYS = 7


@dataclass(slots=True)
class Account:
    """One budget and its use. Changed only by entries of the log."""

    budget_id: str
    kind: str  # units, free, management, key-change
    sgc: str
    service: str | None
    allotted: int
    period: str
    starts: int  # seconds, UTC
    ends: int
    used: int = 0  # in the period `current`
    current: str = ""
    by_day: dict[str, int] = field(default_factory=dict)  # the last days' use, for the forecast
    closed: bool = False

    def left_at(self, now: int) -> int:
        if self.closed or not self.starts <= now < self.ends:
            return 0
        return self.allotted - (self.used if self.current >= period_name(self.period, now) else 0)

    def spend(self, amount: int, now: int) -> None:
        # A period never goes back, though the clock may step back a little: names sort as their days do.
        name = max(self.current, period_name(self.period, now))
        if name != self.current:
            self.current, self.used = name, 0
        self.used += amount
        day = period_name("day", now)
        if day not in self.by_day and len(self.by_day) > _PACE_DAYS:
            del self.by_day[min(self.by_day)]
        self.by_day[day] = self.by_day.get(day, 0) + amount


def period_name(period: str, now: int) -> str:
    return "once" if period == "once" else _calendar(period, now // 86400)


@lru_cache(maxsize=64)
def _calendar(period: str, day: int) -> str:
    moment = datetime.fromtimestamp(day * 86400, UTC)
    return moment.strftime("%Y-%m-%d" if period == "day" else "%Y-%m")


def choose(accounts: list[Account], amount: int, now: int) -> Account | None:
    """The budget that ends first among those that hold the whole amount."""
    fitting = [a for a in accounts if a.left_at(now) >= amount]
    return min(fitting, key=lambda a: (a.ends, a.budget_id), default=None)


def pace(account: Account, now: int) -> float:
    """Units a second over the last seven days; days before the first use do not count."""
    if not account.by_day:
        return 0.0
    days = [day for day in account.by_day if _age_days(day, now) < _PACE_DAYS]
    if not days:
        return 0.0
    first = datetime.fromisoformat(min(days)).replace(tzinfo=UTC).timestamp()
    return sum(account.by_day[day] for day in days) / max(now - first, 3600.0)


def _age_days(day: str, now: int) -> float:
    return (now - datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) / 86400


def lasts_until(account: Account, now: int) -> datetime | None:
    """When the budget runs dry at the pace of the last days, or its end if that comes first."""
    speed = pace(account, now)
    end = datetime.fromtimestamp(account.ends, UTC)
    if speed <= 0:
        return None
    seconds = account.left_at(now) / speed
    if seconds >= (end - datetime.fromtimestamp(now, UTC)).total_seconds():
        return end
    return datetime.fromtimestamp(now, UTC) + timedelta(seconds=int(seconds))


def name_of(account: Account) -> str:
    what = f"{account.service} units" if account.kind == "units" else f"{account.kind} acts"
    return f"budget {account.budget_id} ({account.sgc}, {what})"


def warnings(account: Account, now: int) -> tuple[str, ...]:
    """At 50, 25 and 10 % left, and at the end: one sentence, the strongest."""
    if account.closed or now >= account.ends or now < account.starts:
        return ()
    left = account.left_at(now)
    share = 100 * left // account.allotted if account.allotted else 0
    reached = [mark for mark in WARN_AT if share <= mark]
    if not reached:
        return ()
    until = lasts_until(account, now)
    forecast = f" At the present pace it lasts until {until:%A %H:%M} UTC." if until and left else ""
    return (f"The {name_of(account)} has {left} left, {share} %.{forecast}",)


# --- limits by meter class --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClassLimit:
    """What one meter may get in a day of its supply group's time."""

    units_a_day: int
    tokens_a_day: int


DEFAULT_LIMITS = {
    "small": ClassLimit(20_000, 20),
    "medium": ClassLimit(200_000, 20),
    "large": ClassLimit(2_000_000, 20),
}
FREE_A_MONTH = 2  # free issues for one meter in a month


def is_lower(new: ClassLimit, old: ClassLimit) -> bool:
    """Whether a change of limits only takes away."""
    return new.units_a_day <= old.units_a_day and new.tokens_a_day <= old.tokens_a_day


# --- entries that no budget pays for ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many entries at once, and afterwards one in a while: each stays in the log for ever and fills its disk.

    What was used is one moment, the time at which the whole burst will be there again; it follows from the log.
    """

    burst: int
    every_s: int

    def wait(self, full_at: int, now: int) -> int:
        """Seconds until one more may be written; 0 when it may be now."""
        return max(0, max(full_at, now) - now - (self.burst - 1) * self.every_s)

    def spend(self, full_at: int, now: int) -> int:
        return max(full_at, now) + self.every_s


# Meter tests move no value, and a cancel of an order that was never issued leaves a tombstone of half a kilobyte. The bursts
# are far above a day of a large site, an outage included; at the lasting pace a hostile caller fills half a gigabyte a year.
UNPAID = {"meter-test": Allowance(200, 300), "cancel": Allowance(5000, 30)}
