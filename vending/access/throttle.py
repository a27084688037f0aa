"""How long to wait after wrong guesses: nothing for the first few, then doubling, then a hard stop for the account.

Pure rules. The hard stop closes the password only: a passkey still opens the account, and a manager can reset the count.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

FREE_GUESSES = 5
LONGEST_WAIT = timedelta(minutes=15)
HARD_STOP = 100  # NIST 800-63B allows at most one hundred in a row

# One address may stand for a whole desk behind one router, so it is given more patience and no hard stop.
ADDRESS_FREE_GUESSES = 30


@dataclass(frozen=True, slots=True)
class Count:
    wrong: int
    wait_until: datetime


def after_wrong(count: Count | None, now: datetime, *, free: int = FREE_GUESSES) -> Count:
    wrong = (count.wrong if count else 0) + 1
    if wrong < free:
        return Count(wrong, now)
    wait = min(timedelta(seconds=2 ** min(wrong - free, 20)), LONGEST_WAIT)
    return Count(wrong, now + wait)


def seconds_to_wait(count: Count | None, now: datetime) -> int:
    if count is None or count.wait_until <= now:
        return 0
    return -int(-(count.wait_until - now).total_seconds() // 1)


def is_stopped(count: Count | None) -> bool:
    return count is not None and count.wrong >= HARD_STOP
