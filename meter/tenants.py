"""Tenants: when they buy, how much, and what goes wrong when they type. Pure: a seed and the present give the act.

Four habits: *steady* buys every Monday morning, *early* before a third of the usual store is left, *late* only after the
light went out (and some hours of it), *never* lets the first credit run out. People mistype, and people enter a slip twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from meter.loads import DAY_S, EPOCH_WEEKDAY, noise

HOUR_S = 3600
OPENING, CLOSING = 8, 18


class Habit(StrEnum):
    """How a tenant buys."""

    STEADY = "steady"
    EARLY = "early"
    LATE = "late"
    NEVER = "never"


# Shares of a hundred tenants.
HABITS = (Habit.STEADY,) * 40 + (Habit.EARLY,) * 40 + (Habit.LATE,) * 17 + (Habit.NEVER,) * 3


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant. `weekly_units` is what a usual week takes."""

    habit: Habit
    weekly_units: int
    seed: int
    utc_offset_s: int = 0

    def wants(self, now: int, credit_units: int, off_since: int | None) -> int:
        """Token units that the tenant buys in this hour; 0 for none. Asked once an hour."""
        hour = (now + self.utc_offset_s) // HOUR_S
        if not OPENING <= hour % 24 < CLOSING:
            return 0
        if self.habit is Habit.STEADY:
            monday = (hour // 24 + EPOCH_WEEKDAY) % 7 == 0
            if (monday and hour % 24 == OPENING + self.seed % 3) or off_since is not None:
                return max(1, self.weekly_units * (95 + noise(self.seed, hour) % 16) // 100)
        elif self.habit is Habit.EARLY:
            if credit_units * 3 < self.weekly_units:
                return max(1, self.weekly_units * (1 + noise(self.seed, hour) % 3))
        elif self.habit is Habit.LATE and off_since is not None:
            patience_s = HOUR_S * (1 + noise(self.seed, hour // 24) % 20)
            if now - off_since >= patience_s:
                return max(1, self.weekly_units // (2 + noise(self.seed, hour) % 3))
        return 0


def mistyped(digits: str, seed: int, now: int) -> str | None:
    """What a hurried person types first, once in twenty: two neighbouring digits exchanged."""
    bits = noise(seed ^ 0x7E57, now)
    if bits % 20:
        return None
    at = bits // 20 % 19
    changed = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
    return changed if changed != digits else None


def enters_twice(seed: int, now: int) -> bool:
    """Once in thirty the slip is still in the hand and is typed again."""
    return noise(seed ^ 0x2C0FFEE, now) % 30 == 0


def is_dead(seed: int, now: int) -> bool:
    """A meter that fails: one in fifty, for one day of its hundred."""
    return seed % 50 == 7 and now // DAY_S % 100 == seed % 100
