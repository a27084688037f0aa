"""The lines of a quote: from the rounded amounts of a tariff's charges to what a receipt shows and the books take. Pure.

No arithmetic of money happens here: `arithmetic.py` has rounded the amounts, this file says what each consists of.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from vending.tariffs.arithmetic import billed_demand, half_up
from vending.tariffs.charges import (
    ENERGY,
    FIXED,
    Block,
    Blocks,
    BlocksThenSlab,
    ByCategory,
    ByPeriod,
    BySeasonAndPeriod,
    Daily,
    Demand,
    ExcessDemand,
    IncludedTax,
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
from vending.tariffs.program import Ladder
from vending.tariffs.quote import Line, Part
from vending.tariffs.situation import Situation
from vending.tariffs.structure import Tariff


def contained(tax: IncludedTax, lines: list[Line]) -> Line:
    base = sum(line.amount_minor for line in lines if line.id in tax.of)
    numerator, denominator = tax.percent.as_integer_ratio()
    amount = half_up(base * numerator, numerator + 100 * denominator)
    return Line(
        tax.id, "tax", tax.label, amount, tax.account or f"tax/{tax.id}", (), tax.percent, base, tax.of
    )


def lines_of(tariff: Tariff, situation: Situation, units: int, amounts: list[int]) -> list[Line]:
    """The lines in the order of the tariff. Lines that charge nothing and count nothing are left out."""
    found: list[Line] = []
    for charge, amount in zip(tariff.charges, amounts, strict=True):
        if isinstance(charge, Percent | PercentGiven | Minimum):
            if not amount:
                continue
            bases = tariff.program.bases[charge.id]
            base = sum([amounts[place] for place in bases])
            percent = (
                charge.percent
                if isinstance(charge, Percent)
                else situation.readings[charge.reading]
                if isinstance(charge, PercentGiven)
                else None
            )
            kind = (
                "minimum"
                if isinstance(charge, Minimum)
                else "tax"
                if getattr(charge, "tax", False)
                else "share"
            )
            found.append(
                Line(
                    charge.id,
                    kind,
                    charge.label,
                    amount,
                    account_of(tariff, charge),
                    (),
                    percent,
                    base,
                    charge.of,
                )
            )
            continue
        parts = _parts(tariff, charge, situation, units)
        if amount or parts:
            kind = (
                "energy" if isinstance(charge, ENERGY) else "fixed" if isinstance(charge, FIXED) else "demand"
            )
            found.append(Line(charge.id, kind, charge.label, amount, account_of(tariff, charge), parts))
    return found


def account_of(tariff: Tariff, charge: Any) -> str:
    """Where a line is booked: its own account, or the usual place of its kind in the chart."""
    if charge.account:
        return str(charge.account)
    if isinstance(charge, ENERGY):
        return f"sales/{tariff.service}"
    if isinstance(charge, Percent) and charge.tax:
        return f"tax/{charge.id}"
    if isinstance(charge, FIXED):
        return "sales/fixed"
    if isinstance(charge, Demand | ExcessDemand):
        return "sales/demand"
    return "sales/charges"


def _parts(tariff: Tariff, charge: Any, situation: Situation, units: int) -> tuple[Part, ...]:
    steps = tariff.program.steps
    unit = tariff.unit
    if isinstance(charge, PerUnit):
        waived = WAIVED if _is_waived(charge, situation, units, steps) else ""
        return (Part(_units(units, steps), unit, charge.rate, waived),) if units else ()
    if isinstance(charge, Blocks):
        return _block_parts(tariff.program.ladders[charge.id], charge.blocks, situation, units, steps, unit)
    if isinstance(charge, WholeSlab | BlocksThenSlab):
        return _slab_parts(tariff, charge, situation, units)
    if isinstance(charge, ByCategory):
        rate = dict(charge.rates)[situation.category]
        return (Part(_units(units, steps), unit, rate, situation.category),) if units else ()
    if isinstance(charge, ByPeriod):
        rates = dict(charge.rates)
        used = situation.periods(charge.label)
        return tuple(Part(_units(used[name], steps), unit, rates[name], name) for name in used if used[name])
    if isinstance(charge, BySeasonAndPeriod):
        factors, season = dict(charge.periods), dict(charge.seasons)[situation.season]
        used = situation.periods(charge.label)
        return tuple(
            Part(
                _units(used[name], steps),
                unit,
                charge.rate * season * factors[name],
                f"{situation.season} {name}",
            )
            for name in used
            if used[name]
        )
    return _other_parts(charge, situation, units, steps, unit)


def _other_parts(charge: Any, situation: Situation, units: int, steps: int, unit: str) -> tuple[Part, ...]:
    months = Decimal(situation.months_due)
    if isinstance(charge, Monthly):
        due = months if charge.at_sale or situation.bill else Decimal(0)
        waived = WAIVED if _is_waived(charge, situation, units, steps) else ""
        return (Part(due, "month", charge.amount, waived),) if due else ()
    if isinstance(charge, Daily):
        return (Part(Decimal(situation.days_due), "day", charge.amount),) if situation.days_due else ()
    if isinstance(charge, PerSale):
        return (Part(Decimal(1), "purchase", charge.amount),)
    if isinstance(charge, PerArea):
        return (Part((situation.area_m2 or Decimal(0)) * months, "m²", charge.rate),) if months else ()
    if isinstance(charge, PerCapacity):
        return (
            (Part(situation.readings[charge.reading] * months, charge.reading, charge.rate),)
            if months
            else ()
        )
    if isinstance(charge, Demand | ExcessDemand):
        return (Part(_decimal(billed_demand(charge, situation)), charge.reading, charge.rate),)
    if isinstance(charge, MonthlyByUnits):
        column = dict(charge.steps)[situation.variant or charge.steps[0][0]]
        rate = _block_at(column, situation.units_before + units, steps).rate
        return (Part(months, "month", rate, situation.variant),) if months else ()
    return ()


def _block_parts(
    ladder: Ladder, blocks: Any, situation: Situation, units: int, steps: int, unit: str
) -> tuple[Part, ...]:
    several = len(blocks) > 1
    return tuple(
        Part(_units(taken, steps), unit, blocks[place].rate, f"block {place + 1}" if several else "")
        for place, taken in ladder.taken(situation.units_before, units)
    )


WAIVED = "waived"
WHOLE = "one rate for all of the month"


def _is_waived(charge: PerUnit | Monthly, situation: Situation, units: int, steps: int) -> bool:
    return charge.waived_upto is not None and situation.units_before + units <= charge.waived_upto * steps


def _block_at(blocks: tuple[Block, ...], reached: int, steps: int) -> Block:
    return next(block for block in blocks if block.upto is None or reached <= block.upto * steps)


def _slab_parts(
    tariff: Tariff, charge: WholeSlab | BlocksThenSlab, situation: Situation, units: int
) -> tuple[Part, ...]:
    steps, reached = tariff.program.steps, situation.units_before + units
    if not units:
        return ()
    if isinstance(charge, BlocksThenSlab) and reached <= tariff.program.ladders[charge.id].tops[-1]:
        return _block_parts(
            tariff.program.ladders[charge.id], charge.blocks, situation, units, steps, tariff.unit
        )
    slabs = charge.slabs if isinstance(charge, BlocksThenSlab) else charge.blocks
    return (Part(_units(units, steps), tariff.unit, _block_at(slabs, reached, steps).rate, WHOLE),)


_STEP = {10**digits: Decimal(1).scaleb(-digits) for digits in range(4)}


def _units(units: int, steps: int) -> Decimal:
    return units * _STEP[steps]


def _decimal(exact: Fraction) -> Decimal:
    return Decimal(exact.numerator) / Decimal(exact.denominator)
