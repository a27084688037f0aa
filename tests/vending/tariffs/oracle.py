"""Plain Decimal pricing, written for reading and not for speed: the oracle of the property tests and of the benchmark.

It knows the charges of token meters, arrears and channel fees, and finds the quantity for money by halving an interval.
It shares the tariff's values with the product and none of its arithmetic.
"""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from vending.tariffs.charges import (
    Arrears,
    Blocks,
    ByCategory,
    ChannelFee,
    Daily,
    Monthly,
    Percent,
    PerSale,
    PerUnit,
)
from vending.tariffs.situation import Situation
from vending.tariffs.structure import Tariff


def rounded(value: Decimal) -> Decimal:
    """To a whole minor unit, halves away from zero."""
    return value.quantize(Decimal(1), rounding=ROUND_HALF_UP)


def exact_lines(tariff: Tariff, situation: Situation, units: int, *, rounding: bool) -> list[Decimal]:
    """Each line in minor units; percentages on rounded lines when rounding."""
    steps = Decimal(10) ** tariff.decimals
    minor = Decimal(10) ** tariff.minor_digits
    energy = Decimal(units) / steps
    before = Decimal(situation.units_before) / steps
    lines: dict[str, Decimal] = {}
    for charge in tariff.charges:
        if isinstance(charge, PerUnit):
            amount = charge.rate * energy * minor
        elif isinstance(charge, ByCategory):
            amount = dict(charge.rates)[situation.category] * energy * minor
        elif isinstance(charge, Blocks):
            amount = Decimal(0)
            low = Decimal(0)
            for block in charge.blocks:
                high = block.upto if block.upto is not None else before + energy
                amount += max(min(high, before + energy) - max(low, before), Decimal(0)) * block.rate * minor
                low = high
        elif isinstance(charge, Monthly):
            amount = charge.amount * situation.months_due * minor
        elif isinstance(charge, Daily):
            amount = charge.amount * situation.days_due * minor
        elif isinstance(charge, PerSale):
            amount = charge.amount * minor
        else:
            assert isinstance(charge, Percent)
            amount = sum((lines[name] for name in charge.of), Decimal(0)) * charge.percent / 100
        lines[charge.id] = rounded(amount) if rounding else amount
    return list(lines.values())


def total(tariff: Tariff, situation: Situation, units: int) -> int:
    if tariff.rounding == "total":
        return int(rounded(sum(exact_lines(tariff, situation, units, rounding=False), Decimal(0))))
    return int(sum(exact_lines(tariff, situation, units, rounding=True), Decimal(0)))


def fits(tariff: Tariff, situation: Situation, units: int, money: int) -> bool:
    exact = sum(exact_lines(tariff, situation, units, rounding=False), Decimal(0))
    return exact <= money and total(tariff, situation, units) <= money


def after_deductions(tariff: Tariff, situation: Situation, paid: int) -> int:
    left = paid
    for step in tariff.deductions:
        if isinstance(step, ChannelFee):
            left -= min(int(rounded(paid * dict(step.percent)[situation.channel] / 100)), left)
        else:
            assert isinstance(step, Arrears)
            assert step.percent is not None
            base = paid if step.base == "tendered" else left
            for debt in situation.debts:
                share = int((base * step.percent / 100).quantize(Decimal(1), rounding=ROUND_DOWN))
                left -= min(share, debt.owed_minor, left)
    return left


def largest(tariff: Tariff, situation: Situation, paid: int) -> int:
    """The largest quantity for the money, by halving; -1 when the fixed charges alone are too much."""
    money = after_deductions(tariff, situation, paid)
    if not fits(tariff, situation, 0, money):
        return -1
    low, high = 0, 1
    while fits(tariff, situation, high, money):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if fits(tariff, situation, middle, money):
            low = middle
        else:
            high = middle
    return low
