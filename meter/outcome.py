"""What became of one token at the meter: a value for every case, in the numbers of the result register.

The numbers 1 to 16 are the ones that prepayment meters show on their token result register (docs/reference/
conformance.md, section 7, and docs/reference/serial-line.md). The words on a display and the advice to a person are in `words/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Outcome(IntEnum):
    """The token result register."""

    NONE = 0
    ACCEPTED = 1
    FIRST_SECTION = 2
    FURTHER_SECTION = 3
    OVERFLOW = 4
    KEY_TYPE = 5
    FORMAT = 6
    RANGE = 7
    FUNCTION = 8
    OLD = 9
    USED = 10
    KEY_EXPIRED = 11
    DEFAULT_KEY = 12
    CRC = 13
    MANUFACTURER = 14
    LOCKED_OUT = 15
    NOT_READY = 16


GOOD = frozenset({Outcome.ACCEPTED, Outcome.FIRST_SECTION, Outcome.FURTHER_SECTION})


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of the display: a label's key in the word lists, the figure, and its unit."""

    label: str
    figure: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one token.

    `what` names the kind of token in a word ("credit", "key change", "power limit" …; empty when it could not be
    read). `units` and `account` say what a credit token added, in token units. `missing` holds the sections that a
    key-change set still waits for. `wait_s` is the time to the next try after a refusal. `pages` is what a test token shows.
    """

    outcome: Outcome
    what: str = ""
    units: int = 0
    account: str = ""
    tid: int | None = None
    missing: tuple[int, ...] = ()
    wait_s: int = 0
    pages: tuple[Shown, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.outcome in GOOD
