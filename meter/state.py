"""Everything one meter knows, in one flat value that fits into its memory chip.

All figures are whole numbers. Credit is kept in *grains*, so fine that every debit of one second is a whole number
of them (see `Scales` in consumption.py): nothing is rounded, so nothing drifts. Times are seconds of the meter's own
clock, which only runs forward.

The value is mutable, for the sake of a building of hundreds; only `twin.py` and the files it is made of change it,
and `to_dict` / `from_dict` give the copy that `nvram.py` keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntFlag
from typing import Any, NamedTuple

from meter.outcome import Outcome
from sts.tokens.key_change import Section

EVENTS_KEPT = 32
TOKENS_KEPT = 10


class Cause(IntFlag):
    """Why the relay is open. Supply is on while there is no cause."""

    NONE = 0
    CREDIT = 1
    OVERLOAD = 2
    UNBALANCE = 4
    TAMPER = 8
    REMOTE = 16
    READY = 32
    TEST = 64


class Event(NamedTuple):
    """One line of the meter's diary: when, what, and at most one figure or word to it, and credit after it."""

    at: int
    kind: str
    detail: str = ""
    units: int = 0


class Entry(NamedTuple):
    """One token as the meter remembers it. `digits` are kept only of accepted tokens, which are spent."""

    at: int
    tail: str
    outcome: Outcome
    units: int = 0
    account: str = ""
    tid: int | None = None
    digits: str = ""


@dataclass(slots=True)
class State:
    """The registers of one meter."""

    now: int
    # key register
    key_hex: str
    ea: str
    key_type: int
    sgc: str
    krn: int
    ti: str
    ken: int
    base_year: int
    # money and energy, in grains; loaded and cleared are the two ways in and out that are not consumption
    credit: list[int]
    loaded: list[int]
    cleared: list[int]
    totals: list[int]
    # limits and settings
    power_limit_w: int = 0
    unbalance_limit_w: int = 0
    tariff_rate: int = 0
    water_factor: int = 0
    # tokens
    tids: list[int] = field(default_factory=list)
    sections: dict[int, Section] = field(default_factory=dict)
    sections_since: int = 0
    wrong_entries: int = 0
    lock_until: int = 0
    lock_wait: int = 0
    # supply
    causes: Cause = Cause.NONE
    low: int = 0
    emergency: int = 0
    over_s: int = 0
    unbalance_s: int = 0
    trips: int = 0
    restore_at: int = 0
    test_until: int = 0
    watts: int = 0
    source: int = 0
    # the box
    powered: bool = True
    tamper: list[str] = field(default_factory=list)
    battery_ok: bool = True
    clock_ok: bool = True
    clock_offset: int = 0
    paired: bool = True
    power_fails: int = 0
    last: int = 0
    tokens: list[Entry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def supply(self) -> bool:
        """Whether current can flow."""
        return self.causes == Cause.NONE and self.powered

    def note(self, kind: str, detail: str = "", units: int = 0) -> None:
        """Write one line into the diary; the oldest falls out."""
        self.events.append(Event(self.now, kind, detail, units))
        if len(self.events) > EVENTS_KEPT:
            del self.events[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the memory chip, shared with nobody."""
        content = {
            name: list(value) if isinstance(value := getattr(self, name), list) else value for name in _NAMES
        }
        content["causes"] = int(self.causes)
        content["sections"] = {}  # half a key-change set does not survive a power cut
        content["events"] = [list(each) for each in self.events]
        content["tokens"] = [list(each) for each in self.tokens]
        return content

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> State:
        """The state from its plain values; an entry that an older firmware did not write keeps its default."""
        known = {each.name for each in fields(cls)}
        state = cls(**{key: value for key, value in content.items() if key in known})
        state.causes = Cause(state.causes)
        state.events = [Event(*each) for each in state.events]
        state.tokens = [Entry(each[0], each[1], Outcome(each[2]), *each[3:]) for each in state.tokens]
        return state


_NAMES = tuple(each.name for each in fields(State))
