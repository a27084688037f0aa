"""A tariff as one frozen value, checked when it is built: what cannot be priced cannot be constructed.

Not here: since when it is valid and who published it (`service.py`), what it costs (`pricing.py`), how it is written in
a file (`document.py`). The clauses are rules.md 4 (what binds to which meter).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from vending.tariffs.calendar import Calendar
from vending.tariffs.charges import (
    ACCOUNT_ONLY,
    AnyCharge,
    AnyDeduction,
    Arrears,
    Block,
    Blocks,
    BlocksThenSlab,
    ByCategory,
    ByPeriod,
    BySeasonAndPeriod,
    ChannelFee,
    Demand,
    FreeAllowance,
    IncludedTax,
    Minimum,
    MonthlyByUnits,
    Percent,
    PercentGiven,
    PerUnit,
    SplitFixed,
    WholeSlab,
)
from vending.tariffs.errors import (
    BaseUnknown,
    BlocksUpsideDown,
    BlocksWithGap,
    ChargeIdInvalid,
    ChargeMissing,
    ChargeNamedTwice,
    CounterMissing,
    DeductionInvalid,
    PercentOutOfRange,
    PeriodUnknown,
    RateNegative,
    RateTooFine,
    ServiceUnknown,
    TariffInvalid,
)
from vending.tariffs.program import Program, compiled, whole_steps

SERVICES = ("electricity", "water", "gas", "cooling", "time")
COUNTERS = ("none", "month", "year", "bill")
ROUNDINGS = ("line", "total")

MOST_DIGITS = 9  # decimals of a rate: finer than any published one, and a bound for the arithmetic
_ID = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._-]*(/[A-Za-z0-9._-]+)*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What one unit of one service costs, with everything taken before and added after.

    `decimals`: energy is counted in steps of 10^-decimals of the unit (tokens 1, bills 3). `counter`: which sum of
    earlier units the blocks stand on; `counts_free` says whether free units move it. `rounding`: "line" rounds every
    line and adds them, "total" rounds the exact sum once and shows the difference as a line. Halves go away from zero.
    """

    code: str
    name: str
    service: str
    unit: str
    currency: str
    minor_digits: int
    charges: tuple[AnyCharge, ...]
    included: tuple[IncludedTax, ...] = ()
    deductions: tuple[AnyDeduction, ...] = ()
    allowance: FreeAllowance | None = None
    calendar: Calendar | None = None
    counter: str = "none"
    counts_free: bool = True
    rounding: str = "line"
    decimals: int = 1
    most_months_due: int | None = None
    least_purchase: Decimal = Decimal(0)
    most_purchase: Decimal | None = None
    note: str = ""
    program: Program = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "program", compiled(self))

    def charge(self, name: str) -> AnyCharge:
        return next(charge for charge in self.charges if charge.id == name)

    def reasons_for_account_meter(self) -> tuple[str, ...]:
        """Why a unit-token meter cannot carry this tariff; empty when it can."""
        reasons = [ACCOUNT_ONLY[type(charge)] for charge in self.charges if type(charge) in ACCOUNT_ONLY]
        if any(getattr(charge, "waived_upto", None) is not None for charge in self.charges):
            reasons.append("a charge that is waived in a small month, so that one unit more costs a jump")
        return tuple(dict.fromkeys(reasons))


def _check(tariff: Tariff) -> None:
    _check_head(tariff)
    seen: set[str] = set()
    for charge in tariff.charges:
        _check_charge(tariff, charge, seen)
        seen.add(charge.id)
    for tax in tariff.included:
        _check_id(tax.id, seen)
        _check_base(tax.id, tax.of, {charge.id for charge in tariff.charges})
        _check_percent(tax.id, tax.percent, Decimal(0), Decimal(100))
        seen.add(tax.id)
    for deduction in tariff.deductions:
        _check_deduction(deduction)
        if isinstance(deduction, Arrears):
            whole_steps("arrears", deduction.floor_units, 10**tariff.decimals)
    if len({type(deduction) for deduction in tariff.deductions}) != len(tariff.deductions):
        raise DeductionInvalid(
            "A way of deduction is written twice. Keep one of each; a debt may carry a plan of its own.",
            "deduction",
        )
    if tariff.allowance is not None and tariff.allowance.units <= 0:
        raise TariffInvalid("A free allowance needs units above zero; leave it out to give none.", "free")


def _check_head(tariff: Tariff) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,59}", tariff.code):
        raise ChargeIdInvalid(
            f"The code {tariff.code!r} must be small letters, digits and hyphens, at most 60, such as shops-2026.",
            "code",
        )
    if not tariff.name.strip():
        raise TariffInvalid("A tariff needs a name that a tenant can read on a receipt.", "name")
    if tariff.service not in SERVICES:
        raise ServiceUnknown(
            f"The service {tariff.service!r} is not one of {', '.join(SERVICES)}.", "service"
        )
    if not re.fullmatch(r"[A-Z]{3}", tariff.currency) or tariff.minor_digits not in (0, 2, 3):
        raise TariffInvalid(
            f"{tariff.currency!r} with {tariff.minor_digits} decimals is no currency. Use an ISO code such as ZAR.",
            "currency",
        )
    if tariff.counter not in COUNTERS:
        raise TariffInvalid(f"The counter {tariff.counter!r} is not one of {', '.join(COUNTERS)}.", "counter")
    if tariff.rounding not in ROUNDINGS:
        raise TariffInvalid(f"The rounding {tariff.rounding!r} is neither line nor total.", "rounding")
    if tariff.decimals not in (0, 1, 2, 3):
        raise TariffInvalid("Energy is counted with 0 to 3 decimals: tokens hold 1, bills 3.", "decimals")
    if tariff.most_months_due is not None and tariff.most_months_due < 1:
        raise TariffInvalid(
            "At least one month of fixed charges can fall due; leave the limit out for none.",
            "most_months_due",
        )
    if tariff.least_purchase < 0 or (
        tariff.most_purchase is not None and tariff.most_purchase <= tariff.least_purchase
    ):
        raise TariffInvalid(
            "The largest purchase must be above the smallest, and neither below zero.", "most_purchase"
        )
    if not tariff.charges:
        raise ChargeMissing("A tariff without charges sells for nothing. Add at least one.", "charge")


def _check_charge(tariff: Tariff, charge: AnyCharge, seen: set[str]) -> None:
    _check_id(charge.id, seen)
    if not charge.label.strip():
        raise TariffInvalid(f"{charge.id}: give the words that stand on the receipt (label).", charge.id)
    if charge.account and not _ACCOUNT.match(charge.account):
        raise TariffInvalid(
            f"{charge.id}: {charge.account!r} is no account, write it like sales/electricity.", charge.id
        )
    for name, number in _numbers(charge):
        _check_fine(charge.id, name, number)
    for ladder in _ladders(charge):
        _check_ladder(charge.id, ladder)
    if isinstance(charge, BlocksThenSlab):
        _check_handover(charge)
    if isinstance(charge, Blocks | WholeSlab | BlocksThenSlab) and tariff.counter == "none":
        raise CounterMissing(
            f"{charge.id}: blocks stand on a counter. Say counter = month, year or bill at the top of the tariff.",
            charge.id,
        )
    if isinstance(charge, ByPeriod):
        _check_periods(tariff, charge.id, [name for name, _ in charge.rates])
    elif isinstance(charge, BySeasonAndPeriod):
        _check_periods(tariff, charge.id, [name for name, _ in charge.periods])
        _check_names(charge.id, [name for name, _ in charge.seasons])
    elif isinstance(charge, ByCategory):
        _check_names(charge.id, [name for name, _ in charge.rates])
    elif isinstance(charge, Percent):
        _check_base(charge.id, charge.of, seen)
        _check_percent(charge.id, charge.percent, Decimal(-100), Decimal(100))
    elif isinstance(charge, PercentGiven | Minimum):
        _check_base(charge.id, charge.of, seen)
    _check_signs(charge)


def _check_signs(charge: AnyCharge) -> None:
    may_be_negative = (PerUnit, WholeSlab, Percent)
    for name, number in _numbers(charge):
        if number < 0 and not isinstance(charge, may_be_negative):
            raise RateNegative(
                f"{charge.id}: {name} is {number}. Only a rate by the unit or a percentage may be a rebate.",
                charge.id,
            )
    if isinstance(charge, Demand):
        if charge.power_factor_floor is not None and charge.power_factor_floor > 1:
            raise TariffInvalid(f"{charge.id}: a power factor is at most 1.", charge.id)
        if charge.interval_minutes not in (5, 10, 15, 30, 60):
            raise TariffInvalid(f"{charge.id}: demand lasts 5, 10, 15, 30 or 60 minutes.", charge.id)


def _check_id(name: str, seen: set[str]) -> None:
    if not _ID.match(name):
        raise ChargeIdInvalid(
            f"The charge {name!r} needs a short name of small letters, digits and underscores.",
            name or "charge",
        )
    if name in seen:
        raise ChargeNamedTwice(f"Two charges are named {name}. Give each its own name.", name)


def _check_ladder(name: str, ladder: tuple[Block, ...]) -> None:
    if not ladder:
        raise BlocksWithGap(f"{name}: there is no block. Write at least one, the last without upto.", name)
    below = Decimal(0)
    for block in ladder[:-1]:
        if block.upto is None:
            raise BlocksUpsideDown(f"{name}: only the last block may be without upto.", name)
        if block.upto <= below:
            raise BlocksUpsideDown(
                f"{name}: the block up to {block.upto} comes after the one up to {below}. Write blocks from small to large.",
                name,
            )
        below = block.upto
    if ladder[-1].upto is not None:
        raise BlocksWithGap(
            f"{name}: above {ladder[-1].upto} there is no price. Leave upto out of the last block.", name
        )


def _check_handover(charge: BlocksThenSlab) -> None:
    """The tiers end where the slabs begin, so the last tier has an end, above the tier before it."""
    ends = [block.upto or Decimal(0) for block in charge.blocks]
    if charge.blocks[-1].upto is None or ends[-1] <= max(ends[:-1], default=Decimal(0)):
        raise BlocksWithGap(
            f"{charge.id}: say up to where the tiers go before the slabs begin (upto of the last block).",
            charge.id,
        )


def _check_periods(tariff: Tariff, name: str, periods: list[str]) -> None:
    _check_names(name, periods)
    if tariff.calendar is None:
        return  # the meter itself keeps a register for each period
    for period in tariff.calendar.periods():
        if period not in periods:
            raise PeriodUnknown(
                f"{name}: the calendar has the period {period}, which has no price here.", name
            )
    for period in periods:
        if period not in tariff.calendar.periods():
            raise PeriodUnknown(f"{name}: the period {period} is never reached in the calendar.", name)


def _check_names(name: str, names: list[str]) -> None:
    if not names:
        raise TariffInvalid(f"{name}: there is no rate. Write at least one.", name)
    if len(set(names)) != len(names):
        raise ChargeNamedTwice(f"{name}: one name has two rates.", name)


def _check_base(name: str, of: tuple[str, ...], seen: Iterable[str]) -> None:
    known = set(seen)
    if not of:
        raise BaseUnknown(f"{name}: say which lines it is taken of.", name)
    for base in of:
        if base not in known:
            raise BaseUnknown(
                f"{name} is taken of {base}, which is not written above it. Put it after its base, or correct the name.",
                name,
            )
    if len(set(of)) != len(of):
        raise BaseUnknown(f"{name}: the same line is named twice as its base.", name)


def _check_percent(name: str, percent: Decimal, least: Decimal, most: Decimal) -> None:
    if not least <= percent <= most or percent == 0:
        raise PercentOutOfRange(
            f"{name}: {percent} % is outside {least} to {most} or zero. Write 15 for fifteen per cent.", name
        )


def _check_fine(name: str, what: str, number: Decimal) -> None:
    if not number.is_finite() or abs(number) >= Decimal(10) ** 12:
        raise RateTooFine(f"{name}: {what} is not a number a tariff can hold.", name)
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    if -exponent > MOST_DIGITS:
        raise RateTooFine(f"{name}: {what} has more than {MOST_DIGITS} decimals.", name)


def _check_deduction(deduction: AnyDeduction) -> None:
    hundred = Decimal(100)
    if isinstance(deduction, ChannelFee):
        _check_names("channel_fee", [channel for channel, _ in deduction.percent])
        for channel, percent in deduction.percent:
            if not 0 <= percent < hundred:
                raise PercentOutOfRange(
                    f"channel_fee: {channel} takes {percent} %, which is outside 0 to 100.", "channel_fee"
                )
        if not 0 <= deduction.tax_inside < hundred:
            raise PercentOutOfRange("channel_fee: the tax inside must be from 0 to 100 %.", "channel_fee")
    elif isinstance(deduction, SplitFixed):
        _check_percent("split_fixed", deduction.percent, Decimal(0), hundred)
    elif isinstance(deduction, Arrears):
        if deduction.percent is None and deduction.instalment is None:
            raise DeductionInvalid("arrears: say a percentage, an instalment, or both.", "arrears")
        if deduction.percent is not None:
            _check_percent("arrears", deduction.percent, Decimal(0), hundred)
        if deduction.base not in ("tendered", "left"):
            raise DeductionInvalid("arrears: the base is either tendered or left.", "arrears")
        if not 0 <= deduction.floor_percent < hundred or deduction.floor_units < 0:
            raise DeductionInvalid(
                "arrears: the floor is 0 to 100 % of the money, or units from zero up.", "arrears"
            )
        for name, amount in (("instalment", deduction.instalment), ("most", deduction.most)):
            if amount is not None and amount <= 0:
                raise DeductionInvalid(
                    f"arrears: {name} must be above zero; leave it out for none.", "arrears"
                )
        if deduction.required and deduction.instalment is None:
            raise DeductionInvalid("arrears: only an instalment can be required before a sale.", "arrears")


def _numbers(charge: AnyCharge) -> list[tuple[str, Decimal]]:
    found: list[tuple[str, Decimal]] = []

    def walk(name: str, value: Any) -> None:
        if isinstance(value, Decimal):
            found.append((name, value))
        elif isinstance(value, Block):
            walk(name, value.rate)
            walk(name, value.upto)
        elif isinstance(value, tuple):
            for item in value:
                walk(name, item)

    for name in charge.__dataclass_fields__:
        walk(name, getattr(charge, name))
    return found


def _ladders(charge: AnyCharge) -> list[tuple[Block, ...]]:
    if isinstance(charge, Blocks | WholeSlab):
        return [charge.blocks]
    if isinstance(charge, BlocksThenSlab):
        return (
            [(*charge.blocks[:-1], Block(None, charge.blocks[-1].rate)), charge.slabs]
            if charge.blocks
            else [()]
        )
    if isinstance(charge, MonthlyByUnits):
        return [ladder for _, ladder in charge.steps]
    return []
