"""Entries: what is written into the books in one breath. Pure; an entry that does not balance cannot be constructed.

A leg names an account, a unit and an amount: positive is a debit, negative a credit. Units are currencies ("ZAR", in minor
units) and services ("electricity", in the smallest amount a token carries); each unit balances on its own, so that neither
a cent nor a tenth of a kilowatt-hour comes from nowhere (I-01). A correction is a reversing entry (I-02).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from vending.ledger.chart import is_money, root_of
from vending.ledger.errors import EntryEmpty, EntryInvalid, EntryUnbalanced, LegInvalid

LARGEST = 10**15  # one leg; sums of a thousand such legs still fit the database's 64 bits
MOST_LEGS = 1000
REVERSAL = "reversal"

_KIND = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,119}\Z")


@dataclass(frozen=True, slots=True)
class Leg:
    account: str
    unit: str
    amount: int

    def __post_init__(self) -> None:
        if type(self.amount) is not int or self.amount == 0 or not -LARGEST <= self.amount <= LARGEST:
            raise LegInvalid(
                f"A leg on {self.account} needs a whole amount, not zero and at most fifteen digits.",
                "amount",
            )
        if is_money(self.unit) is not root_of(self.account).money:
            raise LegInvalid(
                f"{self.account} does not hold {self.unit}: money and energy have accounts of their own.",
                "unit",
            )


@dataclass(frozen=True, slots=True)
class Entry:
    """`source` is what the entry came from, such as `vend/6f0c…`; kind and source together are unique for ever, so that
    posting twice is the same as posting once."""

    kind: str
    source: str
    legs: tuple[Leg, ...]
    reverses: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if not _KIND.match(self.kind):
            raise EntryInvalid(
                f"The kind {self.kind!r} must be a short word of small letters and hyphens.", "kind"
            )
        if not _SOURCE.match(self.source):
            raise EntryInvalid(
                f"The source {self.source!r} must name one act, such as vend/6f0c2a.", "source"
            )
        if len(self.note) > 500:
            raise EntryInvalid("A note has at most 500 characters.", "note")
        if len(self.legs) < 2:
            raise EntryEmpty(
                "An entry needs at least two legs: what one account gains another gives.", "legs"
            )
        if len(self.legs) > MOST_LEGS:
            raise EntryInvalid(f"An entry has at most {MOST_LEGS} legs. Write several entries.", "legs")
        sums: dict[str, int] = {}
        for leg in self.legs:
            sums[leg.unit] = sums.get(leg.unit, 0) + leg.amount
        for unit, amount in sums.items():
            if amount:
                raise EntryUnbalanced(
                    f"The entry {self.kind} of {self.source} is {amount:+d} {unit} away from zero. Nothing was posted.",
                    unit,
                )

    def fingerprint(self) -> str:
        """The same for the same legs, in whatever order. Tells a repeated posting from a different one."""
        text = "\n".join(sorted([f"{leg.account} {leg.unit} {leg.amount}" for leg in self.legs]))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def debit(account: str, unit: str, amount: int) -> Leg:
    """So much onto the left side. The amount is above zero."""
    if type(amount) is not int or amount <= 0:
        raise LegInvalid(f"A debit to {account} needs an amount above zero.", "amount")
    return Leg(account, unit, amount)


def credit(account: str, unit: str, amount: int) -> Leg:
    """So much onto the right side. The amount is above zero."""
    if type(amount) is not int or amount <= 0:
        raise LegInvalid(f"A credit to {account} needs an amount above zero.", "amount")
    return Leg(account, unit, -amount)


def transfer(
    kind: str, source: str, unit: str, amount: int, *, debited: str, credited: str, note: str = ""
) -> Entry:
    """An entry of two legs."""
    return Entry(kind, source, (debit(debited, unit, amount), credit(credited, unit, amount)), note=note)


def collected(legs: Iterable[Leg]) -> tuple[Leg, ...]:
    """The same movement with one leg per account and unit, in order of first appearance; zeros fall away."""
    sums: dict[tuple[str, str], int] = {}
    for leg in legs:
        place = (leg.account, leg.unit)
        sums[place] = sums.get(place, 0) + leg.amount
    return tuple(Leg(account, unit, amount) for (account, unit), amount in sums.items() if amount)


def reversal_of(entry: Entry, entry_id: int, *, source: str, note: str) -> Entry:
    """The entry that takes another one back. It names the old one; it never changes it."""
    return Entry(
        REVERSAL,
        source,
        tuple(Leg(leg.account, leg.unit, -leg.amount) for leg in entry.legs),
        entry_id,
        note,
    )
