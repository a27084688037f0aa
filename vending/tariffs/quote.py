"""The answer of pricing: a quote with every line, or a refusal with its reason. Values only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from vending.tariffs.structure import Tariff

# What a token can hold: the nearest quantity in the direction given, "down" or "up" (decisions.md D19).
Quantise = Callable[[int, Literal["down", "up"]], int]


def every_step(units: int, _rounding: str) -> int:
    """For account meters: any number of steps can be booked."""
    return units


class Part(NamedTuple):
    """One product inside a line: so much of something at a rate. `what` names a block, a period or a category."""

    quantity: Decimal
    unit: str
    rate: Decimal
    what: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt or bill. `kind` is energy, fixed, demand, share, tax, minimum, rounding or deduction.

    Either `parts` tell how the amount came about, or `percent` of `base_minor` does. `account` says where it is booked.
    """

    id: str
    kind: str
    label: str
    amount_minor: int
    account: str
    parts: tuple[Part, ...] = ()
    percent: Decimal | None = None
    base_minor: int | None = None
    of: tuple[str, ...] = ()
    left_minor: int | None = None

    @property
    def quantity(self) -> Decimal | None:
        return sum((part.quantity for part in self.parts), Decimal(0)) if self.parts else None

    @property
    def rate(self) -> Decimal | None:
        """The rate, where the line has one; a line over several blocks has several."""
        return self.parts[0].rate if len(self.parts) == 1 else None


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing is sold. `least_minor`: the smallest payment that would buy something, where that is the remedy."""

    code: str
    sentence: str
    least_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A priced purchase: paid = deductions + lines + carried, exactly.

    `units` are steps of the tariff, already what a token can hold. `inside` are taxes contained in the lines, shown and
    booked but not added. `raised` are fixed charges that this purchase turned into a debt of the meter.
    """

    tariff: Tariff
    units: int
    paid_minor: int
    carried_minor: int
    deductions: tuple[Line, ...]
    lines: tuple[Line, ...]
    inside: tuple[Line, ...] = ()
    raised: tuple[Line, ...] = ()
    outstanding_fixed_minor: int = 0

    @property
    def cost_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)

    def postings(self) -> tuple[tuple[str, int], ...]:
        """What is booked to which account, in minor units; with what is carried, they sum to the money paid.

        Taxes contained in prices are moved from the lines' accounts to their own. A raised charge is income now and a
        debt until it is recovered.
        """
        sums: dict[str, int] = {}

        def add(account: str, amount: int) -> None:
            sums[account] = sums.get(account, 0) + amount

        for line in (*self.deductions, *self.lines, *self.raised):
            add(line.account, line.amount_minor)
        for line in self.raised:
            add("debt/fixed", -line.amount_minor)
        for tax in self.inside:
            for account, share in _spread(tax, (*self.deductions, *self.lines)):
                add(account, -share)
            add(tax.account, tax.amount_minor)
        return tuple((account, amount) for account, amount in sums.items() if amount)


def _spread(tax: Line, lines: tuple[Line, ...]) -> list[tuple[str, int]]:
    """The contained tax on the lines that contain it, by largest remainder, so that the shares sum to the tax."""
    taxed = [line for line in lines if line.id in tax.of and line.amount_minor]
    whole = sum(line.amount_minor for line in taxed)
    if not whole:
        return []
    exact = [tax.amount_minor * line.amount_minor for line in taxed]
    shares = [amount // whole for amount in exact]
    missing = tax.amount_minor - sum(shares)
    by_remainder = sorted(range(len(taxed)), key=lambda place: (-(exact[place] % whole), place))
    for place in by_remainder[:missing]:
        shares[place] += 1
    return [(line.account, share) for line, share in zip(taxed, shares, strict=True)]
