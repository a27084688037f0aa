"""The arithmetic of a tariff: a program bound to one situation, the price of a quantity, the quantity for a price.

Pure integers. Rates are never rounded; each line is exact and then rounded once, half away from zero (policy "line"), or
the exact sum is rounded once (policy "total"). Percentages work on rounded lines under "line" and on exact ones under
"total". The inverse is found by a guess on the exact slopes and then settled on the rounded price itself, so that the
answer is the largest quantity whose printed price fits, not an approximation of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from vending.tariffs.charges import (
    Blocks,
    BlocksThenSlab,
    ByCategory,
    ByPeriod,
    BySeasonAndPeriod,
    Daily,
    Demand,
    ExcessDemand,
    Minimum,
    Monthly,
    MonthlyByUnits,
    PerArea,
    PerCapacity,
    Percent,
    PercentGiven,
    PerSale,
    PerUnit,
    WholeSlab,
)
from vending.tariffs.errors import SituationIncomplete
from vending.tariffs.program import Program, whole_steps

if TYPE_CHECKING:
    from vending.tariffs.situation import Situation
    from vending.tariffs.structure import Tariff

# The forms a line can take once the situation is known. Tuples and small integers, because this runs for every sale.
CONSTANT, LINEAR, CLIMB, CURVE, SHARE, TOP_UP = range(6)
Line = tuple[Any, ...]


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number; halves go away from zero. The one rounding of money in a tariff."""
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((denominator - 2 * numerator) // (2 * denominator))


class Bound:
    """A tariff in one situation: prices any quantity, and finds the largest quantity for money."""

    __slots__ = ("_base_slope", "_fixed", "before", "exact_sum", "forms", "program")

    def __init__(self, tariff: Tariff, situation: Situation) -> None:
        self.program = tariff.program
        self.before = situation.units_before
        self.exact_sum = tariff.rounding == "total"
        self.forms = [_form(tariff, charge, situation) for charge in tariff.charges]

    def amounts(self, units: int) -> list[int]:
        """The rounded amount of each line, in the order of the tariff."""
        if self.exact_sum:
            return [half_up(*exact.as_integer_ratio()) for exact in self.exact(units)]
        found: list[int] = []
        for form in self.forms:
            kind = form[0]
            if kind == LINEAR:
                amount = half_up(units * form[1], form[2])
            elif kind == SHARE:
                amount = half_up(sum([found[place] for place in form[1]]) * form[2], form[3])
            elif kind == CLIMB:
                ladder = form[1]
                amount = half_up(ladder.cost(self.before + units) - form[2], ladder.denominator)
            elif kind == CONSTANT:
                amount = form[1]
            elif kind == TOP_UP:
                amount = max(form[2] - sum([found[place] for place in form[1]]), 0)
            else:
                amount = half_up(*form[1](units).as_integer_ratio())
            found.append(amount)
        return found

    def exact(self, units: int) -> list[Fraction]:
        """The same without rounding."""
        found: list[Fraction] = []
        for form in self.forms:
            kind = form[0]
            if kind == LINEAR:
                amount = Fraction(units * form[1], form[2])
            elif kind == SHARE:
                amount = sum((found[place] for place in form[1]), Fraction(0)) * Fraction(form[2], form[3])
            elif kind == CLIMB:
                amount = Fraction(form[1].cost(self.before + units) - form[2], form[1].denominator)
            elif kind == CONSTANT:
                amount = form[2]
            elif kind == TOP_UP:
                amount = max(form[3] - sum((found[place] for place in form[1]), Fraction(0)), Fraction(0))
            else:
                amount = form[1](units)
            found.append(amount)
        return found

    def total(self, units: int) -> int:
        if self.exact_sum:
            return half_up(*sum(self.exact(units), Fraction(0)).as_integer_ratio())
        return sum(self.amounts(units))

    def largest(self, money: int, most: int) -> int:
        """The largest quantity up to `most` that fits the money; -1 when not even nothing does.

        It fits when both the exact and the printed price do. The printed price alone would give away energy: where a
        step costs less than half a minor unit, it rounds to nothing.
        """
        units = min(self._affordable(money), most)
        if units < 0 or self.total(units) <= money:
            return units
        if self.total(0) > money:
            return -1
        if not self.program.monotone:
            # Rebates round on lines of their own, so that the price may dip by a minor unit from step to step: only a
            # walk finds the largest. It is short, because rounding is worth a few minor units.
            while self.total(units) > money:
                units -= 1
            return units
        low, high, reach = 0, units, 1
        while high - reach > low:
            if self.total(high - reach) <= money:
                low = high - reach
                break
            high -= reach
            reach *= 2
        while high - low > 1:
            middle = (low + high) // 2
            if self.total(middle) <= money:
                low = middle
            else:
                high = middle
        return low

    def _affordable(self, money: int) -> int:
        """The largest quantity whose exact price fits; -1 when the fixed part alone does not. A minimum is left out."""
        program = self.program
        left: Any = money * program.per  # whole, or a fraction while a constant is one
        slope = 0
        for form, weight in zip(self.forms, program.weights, strict=True):
            if form[0] == CONSTANT:
                left -= form[2] * weight
            elif form[0] == LINEAR:
                slope += form[3]
        left = int(left // 1)
        if left < 0:
            return -1
        climbs = program.climbs
        units = 0
        if climbs:
            places = [bisect_left(tops, self.before + 1) for tops, _ in climbs]
            while True:
                here = slope
                room = -1
                for (tops, climb), place in zip(climbs, places, strict=True):
                    here += climb[place]
                    if place < len(tops):
                        gap = tops[place] - self.before - units
                        room = gap if room < 0 or gap < room else room
                if room < 0 or left < here * room:
                    slope = here
                    break
                left -= here * room
                units += room
                reached = self.before + units
                places = [bisect_left(tops, reached + 1) for tops, _ in climbs]
        return units + (left // slope if slope > 0 else UNBOUNDED)


UNBOUNDED = 10**18


def _form(tariff: Tariff, charge: Any, situation: Situation) -> Line:
    program = tariff.program
    return _FORMS[type(charge)](tariff, program, charge, situation)


def _per_unit(_tariff: Tariff, program: Program, charge: PerUnit, situation: Situation) -> Line:
    numerator, denominator = program.ratios[charge.id]
    if charge.waived_upto is not None:
        limit = whole_steps(charge.id, charge.waived_upto, program.steps) - situation.units_before
        rate = Fraction(numerator, denominator)
        return (CURVE, lambda units: rate * units if units > limit else Fraction(0))
    return (LINEAR, numerator, denominator, program.slopes[charge.id])


def _by_category(_tariff: Tariff, program: Program, charge: ByCategory, situation: Situation) -> Line:
    name = f"{charge.id}/{situation.category}"
    if name not in program.ratios:
        known = ", ".join(category for category, _ in charge.rates)
        raise SituationIncomplete(
            f"{charge.label} depends on the customer's category, which is not set. Set one of {known}.",
            charge.id,
        )
    return (LINEAR, *program.ratios[name], program.slopes[name])


def _blocks(_tariff: Tariff, program: Program, charge: Blocks, situation: Situation) -> Line:
    ladder = program.ladders[charge.id]
    return (CLIMB, ladder, ladder.cost(situation.units_before))


def _slab(_tariff: Tariff, program: Program, charge: WholeSlab, situation: Situation) -> Line:
    ladder, before = program.slabs[charge.id], situation.units_before

    def curve(units: int) -> Fraction:
        return Fraction(ladder.whole(before + units) - ladder.whole(before), ladder.denominator)

    return (CURVE, curve)


def _blocks_then_slab(
    _tariff: Tariff, program: Program, charge: BlocksThenSlab, situation: Situation
) -> Line:
    ladder, slab, before = program.ladders[charge.id], program.slabs[charge.id], situation.units_before
    limit = ladder.tops[-1]

    def reached(units: int) -> Fraction:
        if units <= limit:
            return Fraction(ladder.cost(units), ladder.denominator)
        return Fraction(slab.whole(units), slab.denominator)

    return (CURVE, lambda units: reached(before + units) - reached(before))


def _constant(exact: Fraction) -> Line:
    return _times(exact.numerator, exact.denominator)


def _by_period(_tariff: Tariff, program: Program, charge: ByPeriod, situation: Situation) -> Line:
    used = situation.periods(charge.label)
    scale = Fraction(program.minor, program.steps)
    rates = dict(charge.rates)
    for name in used:
        if name not in rates:
            raise SituationIncomplete(f"{charge.label} has no price for the period {name}.", charge.id)
    return _constant(
        sum((Fraction(rates[name]) * units for name, units in used.items()), Fraction(0)) * scale
    )


def _by_season(_tariff: Tariff, program: Program, charge: BySeasonAndPeriod, situation: Situation) -> Line:
    seasons, factors = dict(charge.seasons), dict(charge.periods)
    used = situation.periods(charge.label)
    if situation.season not in seasons or any(name not in factors for name in used):
        raise SituationIncomplete(f"{charge.label} needs the season and known periods.", charge.id)
    base = (
        Fraction(charge.rate) * Fraction(seasons[situation.season]) * Fraction(program.minor, program.steps)
    )
    return _constant(
        base * sum((Fraction(factors[name]) * units for name, units in used.items()), Fraction(0))
    )


def _monthly(_tariff: Tariff, program: Program, charge: Monthly, situation: Situation) -> Line:
    if not charge.at_sale and not situation.bill:
        return (CONSTANT, 0, Fraction(0))
    numerator, denominator = program.ratios[charge.id]
    if charge.waived_upto is not None:
        limit = whole_steps(charge.id, charge.waived_upto, program.steps) - situation.units_before
        due = Fraction(numerator * situation.months_due, denominator)
        return (CURVE, lambda units: due if units > limit else Fraction(0))
    return _times(numerator * situation.months_due, denominator)


def _times(numerator: int, denominator: int) -> Line:
    """A constant, kept as a whole number where it is one: the usual case, and much cheaper than a fraction."""
    if numerator % denominator == 0:
        return (CONSTANT, numerator // denominator, numerator // denominator)
    return (CONSTANT, half_up(numerator, denominator), Fraction(numerator, denominator))


def _monthly_by_units(
    _tariff: Tariff, program: Program, charge: MonthlyByUnits, situation: Situation
) -> Line:
    columns = dict(charge.steps)
    name = situation.variant or charge.steps[0][0]
    if name not in columns:
        raise SituationIncomplete(f"{charge.label} has no column {name}.", charge.id)
    tops = [
        whole_steps(charge.id, block.upto, program.steps) for block in columns[name] if block.upto is not None
    ]
    amounts = [Fraction(block.rate) * program.minor * situation.months_due for block in columns[name]]
    before = situation.units_before
    return (CURVE, lambda units: amounts[bisect_left(tops, before + units)])


def _daily(_tariff: Tariff, program: Program, charge: Daily, situation: Situation) -> Line:
    numerator, denominator = program.ratios[charge.id]
    return _times(numerator * situation.days_due, denominator)


def _per_sale(_tariff: Tariff, program: Program, charge: PerSale, _situation: Situation) -> Line:
    return _times(*program.ratios[charge.id])


def _per_area(_tariff: Tariff, program: Program, charge: PerArea, situation: Situation) -> Line:
    area = situation.area_m2
    if area is None or area <= 0:
        raise SituationIncomplete(
            f"{charge.label} is charged by the square metre, and the leased area is not set. Set it on the lease.",
            charge.id,
        )
    return _constant(Fraction(charge.rate) * Fraction(area) * program.minor * situation.months_due)


def _per_capacity(_tariff: Tariff, program: Program, charge: PerCapacity, situation: Situation) -> Line:
    size = situation.reading(charge.reading, charge.label)
    return _constant(Fraction(charge.rate) * size * program.minor * situation.months_due)


def billed_demand(charge: Demand | ExcessDemand, situation: Situation) -> Fraction:
    """The demand that is charged: rounded up to whole, corrected for a poor power factor, at least the least."""
    demand = situation.reading(charge.reading, charge.label)
    if charge.whole_up:
        demand = Fraction(-(-demand.numerator // demand.denominator))
    if isinstance(charge, Demand):
        if charge.power_factor_floor is not None:
            shortfall = Fraction(charge.power_factor_floor) - situation.reading("power_factor", charge.label)
            demand *= 1 + max(shortfall, Fraction(0))
        demand = max(demand, Fraction(charge.least))
    return demand


def _demand(_tariff: Tariff, program: Program, charge: Demand, situation: Situation) -> Line:
    amount = Fraction(charge.rate) * billed_demand(charge, situation)
    return _constant(max(amount, Fraction(charge.least_charge)) * program.minor)


def _excess(_tariff: Tariff, program: Program, charge: ExcessDemand, situation: Situation) -> Line:
    over = billed_demand(charge, situation) - situation.reading(charge.contract, charge.label)
    return _constant(
        Fraction(charge.rate) * Fraction(charge.surcharge) * max(over, Fraction(0)) * program.minor
    )


def _percent(_tariff: Tariff, program: Program, charge: Percent, _situation: Situation) -> Line:
    return (SHARE, program.bases[charge.id], *program.ratios[charge.id])


def _percent_given(_tariff: Tariff, program: Program, charge: PercentGiven, situation: Situation) -> Line:
    share = situation.reading(charge.reading, charge.label) / 100
    return (SHARE, program.bases[charge.id], *share.as_integer_ratio())


def _minimum(_tariff: Tariff, program: Program, charge: Minimum, situation: Situation) -> Line:
    least = Fraction(charge.amount)
    if charge.reading:
        least = max(least, situation.reading(charge.reading, charge.label))
    least *= program.minor
    return (TOP_UP, program.bases[charge.id], half_up(*least.as_integer_ratio()), least)


_FORMS: dict[type[Any], Callable[..., Line]] = {
    PerUnit: _per_unit,
    ByCategory: _by_category,
    Blocks: _blocks,
    WholeSlab: _slab,
    BlocksThenSlab: _blocks_then_slab,
    ByPeriod: _by_period,
    BySeasonAndPeriod: _by_season,
    Monthly: _monthly,
    MonthlyByUnits: _monthly_by_units,
    Daily: _daily,
    PerSale: _per_sale,
    PerArea: _per_area,
    PerCapacity: _per_capacity,
    Demand: _demand,
    ExcessDemand: _excess,
    Percent: _percent,
    PercentGiven: _percent_given,
    Minimum: _minimum,
}
