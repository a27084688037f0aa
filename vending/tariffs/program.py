"""A tariff made ready for arithmetic: every rate turned once into a fraction of integers, minor units per energy step.

Pricing then runs on integers alone, which is exact and several times faster than Decimal. The program is made when the
tariff is built and kept on it, so that a sale never does this work. Not here: anything that depends on the customer or
the month; `arithmetic.py` binds a program to a situation.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

from vending.tariffs.charges import (
    ACCOUNT_ONLY,
    Block,
    Blocks,
    BlocksThenSlab,
    ByCategory,
    Daily,
    Minimum,
    Monthly,
    Percent,
    PerSale,
    PerUnit,
    WholeSlab,
)
from vending.tariffs.errors import NetRateNegative, RateTooFine

if TYPE_CHECKING:
    from vending.tariffs.structure import Tariff

Ratio = tuple[int, int]


class Ladder:
    """Blocks over a counter: the exact cost of the first x steps, as numerators over one denominator."""

    __slots__ = ("below", "costs", "denominator", "rates", "tops")

    def __init__(self, name: str, blocks: tuple[Block, ...], scale: Fraction, steps: int) -> None:
        rates = [Fraction(block.rate) * scale for block in blocks]
        self.denominator = lcm(*(rate.denominator for rate in rates))
        self.rates = [int(rate * self.denominator) for rate in rates]
        self.tops = [whole_steps(name, block.upto, steps) for block in blocks if block.upto is not None]
        self.below = [0, *self.tops]
        self.costs = [0]
        for rate, low, high in zip(self.rates, self.below, self.tops, strict=False):
            self.costs.append(self.costs[-1] + rate * (high - low))

    def cost(self, reached: int) -> int:
        place = bisect_left(self.tops, reached)
        return self.costs[place] + self.rates[place] * (reached - self.below[place])

    def whole(self, reached: int) -> int:
        """The cost when the total picks one rate for all units."""
        return self.rates[bisect_left(self.tops, reached)] * reached

    def taken(self, before: int, units: int) -> list[tuple[int, int]]:
        """Which block took how many steps of a purchase."""
        end = before + units
        found = []
        for place, low in enumerate(self.below[: len(self.rates)]):
            high = self.tops[place] if place < len(self.tops) else end
            steps = min(high, end) - max(low, before)
            if steps > 0:
                found.append((place, steps))
        return found


def whole_steps(name: str, units: Decimal, steps: int) -> int:
    exact = Fraction(units) * steps
    if exact.denominator != 1:
        raise RateTooFine(
            f"{name}: the limit {units} falls between two steps of energy. Use {1 / Decimal(steps)} or coarser.",
            name,
        )
    return int(exact)


@dataclass(frozen=True, slots=True)
class Program:
    """The tariff's numbers as integers.

    `weights`, `slopes` and `climbs` serve the first guess at an inversion: what a minor unit of each line adds to the
    total, and the weighted price of a step, all over the one denominator `per`.
    """

    steps: int
    minor: int
    ratios: dict[str, Ratio]
    ladders: dict[str, Ladder]
    slabs: dict[str, Ladder]
    bases: dict[str, tuple[int, ...]]
    per: int
    weights: tuple[int, ...]
    slopes: dict[str, int]
    climbs: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    monotone: bool


def compiled(tariff: Tariff) -> Program:
    steps, minor = 10**tariff.decimals, 10**tariff.minor_digits
    scale = Fraction(minor, steps)  # currency per unit -> minor units per step
    places = {charge.id: place for place, charge in enumerate(tariff.charges)}
    rates: dict[str, Fraction] = {}
    ratios: dict[str, Ratio] = {}
    ladders: dict[str, Ladder] = {}
    slabs: dict[str, Ladder] = {}
    bases: dict[str, tuple[int, ...]] = {}
    for charge in tariff.charges:
        if isinstance(charge, PerUnit):
            rates[charge.id] = Fraction(charge.rate) * scale
        elif isinstance(charge, ByCategory):
            rates.update({f"{charge.id}/{name}": Fraction(rate) * scale for name, rate in charge.rates})
        elif isinstance(charge, Blocks):
            ladders[charge.id] = Ladder(charge.id, charge.blocks, scale, steps)
        elif isinstance(charge, WholeSlab):
            slabs[charge.id] = Ladder(charge.id, charge.blocks, scale, steps)
        elif isinstance(charge, BlocksThenSlab):
            ladders[charge.id] = Ladder(charge.id, charge.blocks, scale, steps)
            slabs[charge.id] = Ladder(charge.id, charge.slabs, scale, steps)
        elif isinstance(charge, Monthly | Daily | PerSale):
            ratios[charge.id] = (Fraction(charge.amount) * minor).as_integer_ratio()
        elif isinstance(charge, Percent):
            ratios[charge.id] = (Fraction(charge.percent) / 100).as_integer_ratio()
        if isinstance(charge, PerUnit | Monthly) and charge.waived_upto is not None:
            whole_steps(charge.id, charge.waived_upto, steps)
        bases[charge.id] = tuple(places[base] for base in getattr(charge, "of", ()))
    ratios.update({name: rate.as_integer_ratio() for name, rate in rates.items()})
    weights = _weights(tariff, bases)
    weight_of = {name: weights[places[name.partition("/")[0]]] for name in [*rates, *ladders]}
    slopes = {name: rate * weight_of[name] for name, rate in rates.items()}
    climbs = {
        name: [Fraction(rate, ladder.denominator) * weight_of[name] for rate in ladder.rates]
        for name, ladder in ladders.items()
    }
    per = lcm(
        *(number.denominator for number in [*weights, *slopes.values(), *itertools.chain(*climbs.values())])
    )
    program = Program(
        steps=steps,
        minor=minor,
        ratios=ratios,
        ladders=ladders,
        slabs=slabs,
        bases=bases,
        per=per,
        weights=tuple(int(weight * per) for weight in weights),
        slopes={name: int(slope * per) for name, slope in slopes.items()},
        climbs=tuple(
            (tuple(ladders[name].tops), tuple(int(rate * per) for rate in climb))
            for name, climb in climbs.items()
        ),
        monotone=not _has_rebate(tariff),
    )
    if not program.monotone and not any(type(charge) in ACCOUNT_ONLY for charge in tariff.charges):
        _refuse_negative_net(tariff, program)
    return program


def _has_rebate(tariff: Tariff) -> bool:
    return any(
        (isinstance(charge, PerUnit) and charge.rate < 0)
        or (isinstance(charge, Percent) and charge.percent < 0)
        for charge in tariff.charges
    )


def _weights(tariff: Tariff, bases: dict[str, tuple[int, ...]]) -> list[Fraction]:
    """What one minor unit of each line adds to the total, with all shares that are taken of it."""
    weights = [Fraction(1)] * len(tariff.charges)
    for place in reversed(range(len(tariff.charges))):
        charge = tariff.charges[place]
        if isinstance(charge, Percent):
            for base in bases[charge.id]:
                weights[base] += Fraction(charge.percent) / 100 * weights[place]
    return weights


def _refuse_negative_net(tariff: Tariff, program: Program) -> None:
    """Rebates must leave a price: below zero each unit more would cost less, and at zero no quantity is the largest.

    A block at zero is fine while a later one has a price, as with free units.
    """
    if not program.slopes and not program.climbs:
        return  # fixed amounts alone
    flat = sum(program.slopes[charge.id] for charge in tariff.charges if isinstance(charge, PerUnit))
    for charge in tariff.charges:
        if isinstance(charge, ByCategory):
            flat += min(program.slopes[f"{charge.id}/{name}"] for name, _ in charge.rates)
    lowest = flat + sum(min(climb) for _, climb in program.climbs)
    last = flat + sum(climb[-1] for _, climb in program.climbs)
    if lowest < 0 or last == 0:
        raise NetRateNegative(
            "The rebates are as large as the price of a unit, so that each unit more would cost nothing or less.",
            "charge",
        )


def is_invertible(tariff: Tariff) -> bool:
    """Whether money has one largest quantity. A minimum is a floor under the price and does not disturb that."""
    return all(
        isinstance(charge, Minimum) or type(charge) not in ACCOUNT_ONLY for charge in tariff.charges
    ) and not any(getattr(charge, "waived_upto", None) is not None for charge in tariff.charges)
