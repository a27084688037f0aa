"""Tariffs and quotes in words: what a version says before it is published, and why each line is what it is.

Sentences are patterns with named places, so that a page or a receipt can put them into another language: pass its
`translate`. English is what stands here. Pure; no formatting for a locale beyond grouping by the pattern's numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from vending.tariffs.calendar import Calendar
from vending.tariffs.charges import (
    AnyCharge,
    Arrears,
    Block,
    Blocks,
    BlocksThenSlab,
    ByCategory,
    ByPeriod,
    BySeasonAndPeriod,
    ChannelFee,
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
    SplitFixed,
    WholeSlab,
)
from vending.tariffs.document import Document
from vending.tariffs.quote import Line, Quote
from vending.tariffs.structure import Tariff

Translate = Callable[[str], str]


def as_it_stands(text: str) -> str:
    return text


# --- why a line is what it is ----------------------------------------------------------------------------------------

PART = "{quantity} {unit} × {rate}"
PART_OF = "{quantity} {unit} × {rate} ({what})"
SHARE = "{percent} % of {base}"
SHARE_OF = "{percent} % of {base} ({lines})"
INSIDE = "{percent} % contained in {base}"
TOPPED = "raised from {base} to the minimum"
LEFT = "{owed} still owed"
ROUNDED = "the exact sum of all lines, rounded once"
UNITS = {
    "month": ("month", "months"),
    "day": ("day", "days"),
    "purchase": ("purchase", "purchases"),
}


def why(tariff: Tariff, line: Line, translate: Translate = as_it_stands) -> str:
    """One line of a quote in words and numbers."""
    words = []
    if line.kind == "rounding":
        words.append(translate(ROUNDED))
    elif line.kind == "minimum":
        words.append(translate(TOPPED).format(base=amount(tariff, line.base_minor or 0)))
    elif line.percent is not None and line.base_minor is not None:
        names = [charge.label for charge in tariff.charges if charge.id in line.of]
        contained = any(tax.id == line.id for tax in tariff.included) or line.id == "channel_fee_tax"
        pattern = (
            INSIDE if contained else SHARE_OF if names and len(names) < len(tariff.charges) - 1 else SHARE
        )
        words.append(
            translate(pattern).format(
                percent=number(line.percent), base=amount(tariff, line.base_minor), lines=" + ".join(names)
            )
        )
    if line.parts:
        words.append(" + ".join(_part(part, translate) for part in line.parts))
    if line.left_minor:
        words.append(translate(LEFT).format(owed=amount(tariff, line.left_minor)))
    return "; ".join(words)


def _part(part: Any, translate: Translate) -> str:
    one, many = UNITS.get(part.unit, (part.unit, part.unit))
    return translate(PART_OF if part.what else PART).format(
        quantity=number(part.quantity),
        unit=translate(one if part.quantity == 1 else many),
        rate=number(part.rate),
        what=translate(part.what),
    )


def explained(quote: Quote, translate: Translate = as_it_stands) -> list[tuple[str, str, str]]:
    """Every line of a quote as (label, amount, why), in the order of a receipt, down to what is carried forward."""
    tariff = quote.tariff
    rows = [
        (line.label, amount(tariff, line.amount_minor), why(tariff, line, translate))
        for line in (*quote.deductions, *quote.lines)
    ]
    if quote.carried_minor:
        least = number(Decimal(1) / tariff.program.steps)
        pattern = translate("less than {least} {unit} costs; it stays in your account")
        rows.append(
            (
                translate("Carried forward"),
                amount(tariff, quote.carried_minor),
                pattern.format(least=least, unit=tariff.unit),
            )
        )
    return rows


def number(value: Decimal) -> str:
    """Digits as they were written, without trailing zeros after the point and without an exponent."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def amount(tariff: Tariff, minor: int) -> str:
    return f"{Decimal(minor).scaleb(-tariff.minor_digits):,.{tariff.minor_digits}f}"


# --- a whole tariff in words -----------------------------------------------------------------------------------------


def described(document: Document, translate: Translate = as_it_stands) -> list[str]:
    """The tariff as a person reads it before it is published: one sentence a line."""
    tariff = document.tariff
    lines = [
        f"{tariff.name} ({tariff.code}): {tariff.service}, {tariff.currency} per {tariff.unit}.",
        _validity(document.valid_from, document.valid_until),
        *(f"{charge.label}: {of_charge(tariff, charge)}." for charge in tariff.charges),
        *(
            f"{tax.label}: {number(tax.percent)} % is contained in the price of {_names(tariff, tax.of)}."
            for tax in tariff.included
        ),
        *(
            f"Before energy, step {place}: {of_deduction(tariff, step)}."
            for place, step in enumerate(tariff.deductions, 1)
        ),
    ]
    if tariff.allowance is not None:
        counted = (
            "they count in the blocks" if tariff.allowance.counted else "they do not count in the blocks"
        )
        lines.append(
            f"{tariff.allowance.label}: {number(tariff.allowance.units)} {tariff.unit} free once in each calendar month; {counted}."
        )
    lines += _purchases(tariff)
    if tariff.calendar is not None:
        lines += of_calendar(tariff.calendar)
    rounding = {"line": "Each line is rounded to the cent.", "total": "The total is rounded once."}
    lines.append(
        f"{rounding[tariff.rounding]} Halves go up. What a purchase leaves over stays with the customer."
    )
    reasons = tariff.reasons_for_account_meter()
    if reasons:
        lines.append(f"For account meters only, because it has {'; '.join(reasons)}.")
    if tariff.note:
        lines.append(tariff.note)
    return [translate(line) for line in lines]


def _validity(start: datetime, until: datetime | None) -> str:
    def moment(value: datetime) -> str:
        return (
            f"{value:%Y-%m-%d}"
            if (value.hour, value.minute, value.second) == (0, 0, 0)
            else f"{value:%Y-%m-%d %H:%M:%S}"
        )

    return f"From {moment(start)}" + (
        f" up to, not including, {moment(until)}." if until else " until it is replaced."
    )


def _purchases(tariff: Tariff) -> list[str]:
    lines = []
    if tariff.least_purchase:
        lines.append(f"The smallest purchase is {tariff.currency} {number(tariff.least_purchase)}.")
    if tariff.most_purchase is not None:
        lines.append(f"The largest purchase is {tariff.currency} {number(tariff.most_purchase)}.")
    if tariff.most_months_due is not None:
        lines.append(f"Unpaid monthly charges pile up over at most {tariff.most_months_due} months.")
    counters = {"month": "calendar month", "year": "calendar year", "bill": "billing period"}
    if tariff.counter in counters:
        free = "free units included" if tariff.counts_free else "free units left out"
        lines.append(f"Blocks count the units of the {counters[tariff.counter]}, {free}.")
    return lines


def _names(tariff: Tariff, of: tuple[str, ...]) -> str:
    return ", ".join(tariff.charge(name).label for name in of)


def of_charge(tariff: Tariff, charge: AnyCharge) -> str:
    unit, per = tariff.unit, f"per {tariff.unit}"
    waived = ""
    if isinstance(charge, PerUnit | Monthly) and charge.waived_upto is not None:
        waived = f", waived up to {number(charge.waived_upto)} {unit}"
    match charge:
        case PerUnit():
            return f"{number(charge.rate)} {per}{waived}"
        case Blocks():
            return _ladder(charge.blocks, unit)
        case ByCategory():
            return "; ".join(f"{name} {number(rate)} {per}" for name, rate in charge.rates)
        case ByPeriod():
            return "; ".join(f"{name} {number(rate)} {per}" for name, rate in charge.rates)
        case BySeasonAndPeriod():
            seasons = ", ".join(f"{name} × {number(factor)}" for name, factor in charge.seasons)
            periods = ", ".join(f"{name} × {number(factor)}" for name, factor in charge.periods)
            return f"{number(charge.rate)} {per}, times the season ({seasons}), times the period ({periods})"
        case WholeSlab():
            return f"one rate for all units of the month: {_ladder(charge.blocks, unit)}"
        case BlocksThenSlab():
            return f"{_ladder(charge.blocks, unit)}; above that one rate for all units of the month: {_ladder(charge.slabs, unit)}"
        case Monthly():
            where = "" if charge.at_sale else ", on another account"
            return f"{number(charge.amount)} a month{waived}{where}"
        case MonthlyByUnits():
            return "; ".join(f"{name}, a month: {_ladder(ladder, unit)}" for name, ladder in charge.steps)
        case Daily():
            return f"{number(charge.amount)} a day"
        case PerSale():
            return f"{number(charge.amount)} for each purchase"
        case PerArea():
            return f"{number(charge.rate)} for each m² and month"
        case PerCapacity():
            return f"{number(charge.rate)} for each unit of {charge.reading} and month"
        case Demand():
            return _demand(charge)
        case ExcessDemand():
            return f"{number(charge.rate)} × {number(charge.surcharge)} for each unit of {charge.reading} above {charge.contract}"
        case Percent():
            what = "rebate" if charge.percent < 0 else "tax" if charge.tax else "share"
            return f"{number(charge.percent)} % of {_names(tariff, charge.of)} ({what})"
        case PercentGiven():
            return f"a percentage from {charge.reading} of {_names(tariff, charge.of)}"
        case Minimum():
            least = f"{number(charge.amount)}" if charge.amount else charge.reading
            return f"{_names(tariff, charge.of)} together are at least {least}"


def _demand(charge: Demand) -> str:
    words = f"{number(charge.rate)} for each unit of {charge.reading} over {charge.interval_minutes} minutes"
    if charge.within:
        words += f", within {', '.join(charge.within)} only"
    if charge.whole_up:
        words += ", rounded up to whole units"
    if charge.least:
        words += f", at least {number(charge.least)}"
    if charge.least_charge:
        words += f", not less than {number(charge.least_charge)} in all"
    if charge.power_factor_floor is not None:
        words += f", raised by the shortfall of the power factor below {number(charge.power_factor_floor)}"
    return words


def _ladder(blocks: tuple[Block, ...], unit: str) -> str:
    words = []
    for block in blocks:
        limit = (
            f"to {number(block.upto)} {unit}"
            if block.upto is not None
            else "above"
            if len(blocks) > 1
            else "all"
        )
        words.append(f"{limit} {number(block.rate)}")
    return ", ".join(words)


def of_deduction(tariff: Tariff, step: ChannelFee | Arrears | SplitFixed) -> str:
    if isinstance(step, ChannelFee):
        return f"{step.label}, " + ", ".join(f"{name} {number(percent)} %" for name, percent in step.percent)
    if isinstance(step, SplitFixed):
        return (
            f"for purchases below {number(step.in_full_from)} the fixed charges due become a debt, "
            f"of which at most {number(step.percent)} % of the money is taken"
        )
    words = [step.label]
    if step.percent is not None:
        base = "the money tendered" if step.base == "tendered" else "the money left"
        words.append(f"{number(step.percent)} % of {base}")
    if step.instalment is not None:
        words.append(
            f"{'' if step.percent is None else 'at most '}an instalment of {number(step.instalment)}"
        )
    if step.most is not None:
        words.append(f"at most {number(step.most)} in a purchase")
    if step.floor_percent:
        words.append(f"leaving {number(step.floor_percent)} % of the money for energy")
    if step.floor_units:
        words.append(f"leaving enough for {number(step.floor_units)} {tariff.unit}")
    if step.required:
        words.append("before any unit is sold")
    return ", ".join(words)


def of_calendar(calendar: Calendar) -> list[str]:
    lines = []
    for rule in calendar.rules:
        seasons = f" in {', '.join(rule.seasons)}" if rule.seasons else ""
        days = {"all": "every day", "weekday": "on weekdays", "weekend": "on weekends"}.get(
            rule.days, f"on {rule.days}s"
        )
        lines.append(f"{rule.period}: {days}{seasons} from {rule.start} to {rule.end}.")
    lines.append(f"{calendar.default}: at all other times.")
    if calendar.holidays:
        days = ", ".join(day.isoformat() for day in calendar.holidays)
        lines.append(f"Holidays count as weekends: {days}.")
    return lines
