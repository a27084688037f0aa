"""How much credit is where, when a tenant leaves or a meter dies. Pure.

The books know what a meter was given; the meter shows what it still holds and what it counted. What was given and is
neither counted nor held was never entered: it is on paper, and the newest tokens are the likeliest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What was seen at the meter, in its smallest units. `total`: counted since it was taken into service. Of a dead meter
    only the last known reading may be had; `credit` is then unknown."""

    total: int
    credit: int | None = None


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A token that the meter was sold, without its digits."""

    order_id: str
    receipt: str
    units: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Estimate:
    """`given` = `used` + `held` + `unentered`, where nothing was lost. `doubtful`: the meter counted or holds more than it
    was given, which somebody has to look into before anything is settled."""

    given: int
    used: int
    held: int
    unentered: int
    tokens: tuple[GivenToken, ...]  # those that were probably not entered, the newest first
    doubtful: bool

    @property
    def left(self) -> int:
        """What the customer still has: in the meter and on paper."""
        return self.held + self.unentered


def estimate(given: int, reading: Reading, tokens: Sequence[GivenToken]) -> Estimate:
    """`given`: by the books, with the credit of the factory. `tokens`: the newest first."""
    rest = given - reading.total
    if reading.credit is None:
        # A dead display: what is not counted is in the meter or on paper, and nobody can tell which. It is owed either way.
        return Estimate(given, reading.total, max(rest, 0), 0, (), rest < 0)
    unentered = rest - reading.credit
    likely: list[GivenToken] = []
    found = 0
    for token in tokens:
        if found >= unentered:
            break
        likely.append(token)
        found += token.units
    return Estimate(given, reading.total, reading.credit, max(unentered, 0), tuple(likely), unentered < 0)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a deposit pays, debt by debt in their order, what of it is left for the tenant, and what he still owes."""

    deposit: int
    paid: tuple[tuple[str, int], ...]
    left: int
    owed: tuple[tuple[str, int], ...]


def settle(deposit: int, debts: Mapping[str, int]) -> Settlement:
    paid: list[tuple[str, int]] = []
    owed: list[tuple[str, int]] = []
    left = deposit
    for account, debt in debts.items():
        part = max(min(left, debt), 0)
        left -= part
        if part:
            paid.append((account, part))
        if debt > part:
            owed.append((account, debt - part))
    return Settlement(deposit, tuple(paid), left, tuple(owed))
