"""Which vending key may do what, and when: the states of a key and the end of its time. Pure.

States follow NIST SP 800-57 part 1: pre-active, active, suspended, deactivated (replay and verify only),
compromised, destroyed (the record keeps its description). The end of a key's time follows IEC 62055-41: the upper
eight bits of a token identifier may not pass the key expiry number, 255 never expires, and a token identifier has
24 bits; an expired key still changes a meter to the next key, but sells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sts import tid as token_time

STATES = ("pre-active", "active", "suspended", "deactivated", "compromised", "destroyed")
MOVES: dict[str, tuple[str, ...]] = {
    "pre-active": ("active", "compromised", "destroyed"),
    "active": ("suspended", "deactivated", "compromised"),
    "suspended": ("active", "deactivated", "compromised"),
    "deactivated": ("compromised", "destroyed"),
    "compromised": ("destroyed",),
    "destroyed": (),
}
NEVER = 255
LAST_TID = 2**24 - 1
HORIZONS_DAYS = (("5 years", 1826), ("2 years", 731), ("1 year", 365), ("90 days", 90))


@dataclass(frozen=True, slots=True)
class KeyTime:
    """What of a vending key matters for time."""

    base_date: int
    ken: int
    active_from: datetime | None = None
    issue_until: datetime | None = None


def last_tid(ken: int) -> int:
    """The last token identifier that a key with this expiry number may be used for."""
    return LAST_TID if ken >= NEVER else (ken << 16) | 0xFFFF


def last_minute(key: KeyTime) -> datetime:
    """The last minute for which the key can issue credit."""
    end = token_time.decode(last_tid(key.ken), token_time.BaseDate(key.base_date))
    return end if key.issue_until is None else min(end, key.issue_until)


def may_move(state: str, to: str) -> bool:
    return to in MOVES[state]


def refusal(state: str, *, key_change: bool = False, replay: bool = False) -> tuple[str, str] | None:
    """Why a key in this state does not do it: a code and a sentence. None when it does."""
    if state == "active" or (replay and state in ("suspended", "deactivated", "compromised")):
        return None
    if key_change and state in ("deactivated", "compromised"):
        return None  # meters that missed the change still have to leave the old key (rules of the trade 34)
    return {
        "pre-active": ("key-not-active", "The vending key is not active yet. The key manager activates it."),
        "suspended": ("key-suspended", "The vending key is suspended. Two approvers can resume it."),
        "deactivated": ("key-deactivated", "The vending key is retired. Change the meter to the next key."),
        "compromised": (
            "key-compromised",
            "The vending key is marked as compromised. Change its meters to a new key under two approvals.",
        ),
        "destroyed": (
            "key-destroyed",
            "The vending key was destroyed. Its record is kept, its bytes are gone.",
        ),
    }[state]


def horizon(end: datetime, now: datetime) -> str | None:
    """The nearest horizon that the end of a key lies within, for the expiry report."""
    if end <= now:
        return "over"
    found = None
    for name, days in HORIZONS_DAYS:
        if end <= now + timedelta(days=days):
            found = name
    return found
