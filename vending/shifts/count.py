"""Counting a drawer: which notes and coins there are, what was counted, and how far it is from the books. Pure.

The expected side is computed only when a count is locked (`service.lock_count`); nothing in this file knows it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vending.money import currency, plain
from vending.shifts.errors import CountInvalid

# What a person counts at the end of a shift, and the sentence of the paper that is summed for it. A bank transfer leaves
# nothing in a drawer: the bank's line is its count.
COUNTED = ("cash", "card", "cheque", "voucher")
UNCOUNTED = ("transfer",)
WAYS = (*COUNTED, *UNCOUNTED)

# Notes and coins in use, in minor units, the largest first; behind the bar the smallest that is a note.
_PIECES: dict[str, tuple[tuple[int, ...], int]] = {
    "AED": ((100000, 50000, 20000, 10000, 5000, 2000, 1000, 500, 100, 50, 25), 500),
    "AUD": ((10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5), 500),
    "BWP": ((20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 25, 10, 5), 1000),
    "CHF": ((100000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5), 1000),
    "CNY": ((10000, 5000, 2000, 1000, 500, 100, 50, 10), 100),
    "EGP": ((20000, 10000, 5000, 2000, 1000, 500, 100, 50, 25), 500),
    "EUR": ((20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 2, 1), 500),
    "GBP": ((5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 2, 1), 500),
    "GHS": ((20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 1), 100),
    "INR": ((50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100), 1000),
    "JPY": ((10000, 5000, 2000, 1000, 500, 100, 50, 10, 5, 1), 1000),
    "KES": ((100000, 50000, 20000, 10000, 5000, 4000, 2000, 1000, 500, 100), 5000),
    "KWD": ((20000, 10000, 5000, 1000, 500, 250, 100, 50, 20, 10, 5), 250),
    "MAD": ((20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10), 2000),
    "MYR": ((10000, 5000, 2000, 1000, 500, 100, 50, 20, 10, 5), 100),
    "MZN": ((100000, 50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50), 2000),
    "NAD": ((20000, 10000, 5000, 3000, 2000, 1000, 500, 100, 50, 10, 5), 1000),
    "NGN": ((100000, 50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100), 500),
    "PHP": ((100000, 50000, 20000, 10000, 5000, 2000, 1000, 500, 100, 25), 2000),
    "SAR": ((50000, 20000, 10000, 5000, 1000, 500, 200, 100, 50, 25, 10, 5), 500),
    "TND": ((50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10), 5000),
    "TZS": ((1000000, 500000, 200000, 100000, 50000, 20000, 10000, 5000), 50000),
    "UGX": ((50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50), 1000),
    "USD": ((10000, 5000, 2000, 1000, 500, 200, 100, 50, 25, 10, 5, 1), 100),
    "XAF": ((10000, 5000, 2000, 1000, 500, 200, 100, 50, 25), 500),
    "XOF": ((10000, 5000, 2000, 1000, 500, 250, 200, 100, 50, 25, 10, 5), 500),
    "ZAR": ((20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10), 1000),
    "ZMW": ((50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 10, 5), 200),
}


@dataclass(frozen=True, slots=True)
class Piece:
    minor: int
    is_note: bool


def pieces_of(code: str) -> tuple[Piece, ...]:
    currency(code)
    worths, smallest_note = _PIECES[code]
    return tuple(Piece(worth, worth >= smallest_note) for worth in worths)


@dataclass(frozen=True, slots=True)
class Count:
    """What somebody counted: so many of each note and coin, and a sum for every other way of paying."""

    currency: str
    pieces: Mapping[int, int]
    sums: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {piece.minor for piece in pieces_of(self.currency)}
        for worth, number in self.pieces.items():
            if worth not in known:
                raise CountInvalid(
                    f"{self.currency} has no note or coin of {plain(worth, self.currency)}. Load the page again.",
                    f"count-{worth}",
                )
            if not 0 <= number <= 1_000_000:
                raise CountInvalid(
                    f"{number} pieces of {plain(worth, self.currency)} cannot be in one drawer. Count them again.",
                    f"count-{worth}",
                )
        for way, minor in self.sums.items():
            if way not in COUNTED or way == "cash":
                raise CountInvalid(f"{way!r} is not counted as a sum. Load the page again.", f"sum-{way}")
            if not 0 <= minor <= 10**13:
                raise CountInvalid("A counted sum is zero or more. Type it again.", f"sum-{way}")

    @property
    def cash_minor(self) -> int:
        return sum(worth * number for worth, number in self.pieces.items())

    def counted(self, way: str) -> int:
        return self.cash_minor if way == "cash" else self.sums.get(way, 0)

    def as_json(self) -> dict[str, dict[str, int]]:
        return {
            "pieces": {
                str(worth): number for worth, number in sorted(self.pieces.items(), reverse=True) if number
            },
            "sums": {way: minor for way, minor in sorted(self.sums.items()) if minor},
        }


def of_json(code: str, stored: Mapping[str, Mapping[str, int]]) -> Count:
    return Count(
        code, {int(worth): number for worth, number in stored["pieces"].items()}, dict(stored["sums"])
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """One way of paying, counted against the books. Below zero is short."""

    way: str
    counted_minor: int
    expected_minor: int

    @property
    def minor(self) -> int:
        return self.counted_minor - self.expected_minor


def differences(count: Count, expected: Mapping[str, int]) -> tuple[Difference, ...]:
    """Cash always, the other ways where either side has something."""
    return tuple(
        Difference(way, count.counted(way), expected.get(way, 0))
        for way in COUNTED
        if way == "cash" or count.counted(way) or expected.get(way, 0)
    )
