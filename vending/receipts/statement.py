"""A tenant's statement: what was bought in a time, month by month and meter by meter, and where the money went. Pure.

Sums are sums of the purchases on the same paper, so that a reader can add them up himself. Months are those of the site's
clock. It is no invoice: each purchase has its own receipt, whose number stands in its row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from vending.languages import Tongue, clock_time, meter_number, tongue, unit_of
from vending.receipts.slip import MeterFacts, Party
from vending.vends.purchases import Purchase

# Which lines of a slip are one share of the money, in the order of the chart.
SHARES = {
    "energy": "energy",
    "allowance": "energy",
    "demand": "fixed",
    "fixed": "fixed",
    "minimum": "fixed",
    "share": "fixed",
    "tax": "tax",
    "deduction": "debt",
    "account": "account",
    "kept": "kept",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What is stated, before it has words. `first` and `last` are days of the site's clock, both within."""

    seller: Party
    buyer: Party
    first: date
    last: date
    made_at: datetime
    currency: str
    language: str
    zone: str
    test: bool
    meters: Mapping[str, MeterFacts]  # by key
    purchases: tuple[Purchase, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    told: str
    share: float  # of the longest of its chart


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Stated:
    """The statement in words, as it is laid out (`statement_sheet.py`)."""

    rtl: bool
    title: str
    period: str
    made: str
    seller: tuple[str, ...]
    buyer: tuple[str, ...]
    marks: tuple[str, ...]
    total_title: str
    total: str
    meters: tuple[tuple[str, str, str], ...]  # what was bought for it: name, units, money
    charts: tuple[Chart, ...]
    heads: tuple[str, str, str, str, str]
    rows: tuple[tuple[str, str, str, str, str], ...]
    nothing: str
    note: str
    page: str


def worded(content: Statement) -> Stated:
    spoken = tongue(content.language)
    zone = ZoneInfo(content.zone)
    total = sum(one.paid_minor for one in content.purchases)
    buyer = [content.buyer.name]
    if content.buyer.number:
        buyer.append(spoken.speak("Customer %(number)s", number=content.buyer.number))
    if content.buyer.tax_number:
        buyer.append(spoken.speak("Tax number %(number)s", number=content.buyer.tax_number))
    seller = [content.seller.name, content.seller.legal, content.seller.address]
    if content.seller.tax_number:
        seller.append(spoken.speak("Tax number %(number)s", number=content.seller.tax_number))
    return Stated(
        rtl=spoken.direction == "rtl",
        title=spoken.speak("Statement of purchases"),
        period=spoken.speak(
            "%(first)s to %(last)s", first=spoken.on(content.first), last=spoken.on(content.last)
        ),
        made=spoken.speak(
            "Made on %(day)s at %(time)s",
            day=spoken.day(content.made_at, zone),
            time=clock_time(content.made_at, zone),
        ),
        seller=tuple(one for one in seller if one),
        buyer=tuple(one for one in buyer if one),
        marks=(spoken.speak("TEST KEYS: OPENS NO REAL METER"),) if content.test else (),
        total_title=spoken.speak("Paid"),
        total=spoken.total(total, content.currency),
        meters=_meters(spoken, content),
        charts=tuple(
            chart
            for chart in (_by_month(spoken, content, zone), *_energy(spoken, content, zone), _shares(spoken, content))
            if chart.bars
        ),
        heads=(
            spoken.speak("Day"),
            spoken.speak("Receipt"),
            spoken.speak("What was paid for"),
            spoken.speak("Quantity"),
            spoken.speak("Amount"),
        ),
        rows=tuple(_row(spoken, content, one, zone) for one in content.purchases),
        nothing="" if content.purchases else spoken.speak("Nothing was bought in this time."),
        note=spoken.speak(
            "This is no invoice: the receipt of each purchase is, and its number stands in its row."
        ),
        page=spoken.template("Page %(number)s of %(count)s"),
    )  # fmt: skip


def _name(spoken: Tongue, content: Statement, one: Purchase) -> str:
    facts = content.meters.get(one.meter_key)
    if facts is not None:
        return f"{facts.unit} {spoken.service_name(one.service)}".strip()
    if one.kind == "account":
        return spoken.speak("Top-up of the account")
    return str(one.lines[0]["label"]) if one.lines else ""


def _row(spoken: Tongue, content: Statement, one: Purchase, zone: ZoneInfo) -> tuple[str, str, str, str, str]:
    what = _name(spoken, content, one)
    if one.taken_back:
        back = spoken.speak("taken back")
        what = f"{what}, {back}" if what else back
    return (
        f"{spoken.day(one.sold_at, zone)} {clock_time(one.sold_at, zone)}",
        one.receipt,
        what,
        f"{spoken.units(one.units)} {unit_of(one.service)}" if one.units else "",
        spoken.money(one.paid_minor, one.currency),
    )


def _meters(spoken: Tongue, content: Statement) -> tuple[tuple[str, str, str], ...]:
    sums: dict[str, list[int]] = {}
    services: dict[str, str] = {}
    for one in content.purchases:
        if one.meter_key in content.meters:
            found = sums.setdefault(one.meter_key, [0, 0])
            found[0] += one.units
            found[1] += one.paid_minor
            services[one.meter_key] = one.service
    rows = []
    for key, (units, minor) in sums.items():
        facts = content.meters[key]
        number = spoken.speak("Meter %(number)s", number=meter_number(facts.drn))
        rows.append(
            (
                f"{facts.unit} {spoken.service_name(services[key])} · {number}".strip(),
                f"{spoken.units(units)} {unit_of(services[key])}",
                spoken.money(minor, content.currency),
            )
        )
    return tuple(rows)


def months(first: date, last: date) -> list[date]:
    """The first days of the months, those without a purchase too: a gap must be seen."""
    found, at = [], first.replace(day=1)
    while at <= last:
        found.append(at)
        at = at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
    return found


def _month_of(one: Purchase, zone: ZoneInfo) -> date:
    return one.sold_at.astimezone(zone).date().replace(day=1)


def _chart(title: str, values: Sequence[tuple[str, str, int]]) -> Chart:
    most = max((value for _label, _told, value in values), default=0)
    if most <= 0:
        return Chart(title, ())
    return Chart(title, tuple(Bar(label, told, max(value, 0) / most) for label, told, value in values))


def _by_month(spoken: Tongue, content: Statement, zone: ZoneInfo) -> Chart:
    sums = dict.fromkeys(months(content.first, content.last), 0)
    for one in content.purchases:
        sums[_month_of(one, zone)] += one.paid_minor
    return _chart(
        spoken.speak("Money by month"),
        [
            (spoken.month_of(month), spoken.money(minor, content.currency), minor)
            for month, minor in sums.items()
        ],
    )


def _energy(spoken: Tongue, content: Statement, zone: ZoneInfo) -> list[Chart]:
    charts = []
    for service in dict.fromkeys(one.service for one in content.purchases if one.units):
        sums = dict.fromkeys(months(content.first, content.last), 0)
        for one in content.purchases:
            if one.service == service:
                sums[_month_of(one, zone)] += one.units
        charts.append(
            _chart(
                spoken.speak(
                    "%(service)s by month, %(unit)s", service=spoken.service_name(service), unit=unit_of(service)
                ),
                [(spoken.month_of(month), spoken.units(units), units) for month, units in sums.items()],
            )
        )  # fmt: skip
    return charts


def _shares(spoken: Tongue, content: Statement) -> Chart:
    names = {
        "energy": spoken.speak("Energy and water"),
        "fixed": spoken.speak("Fixed charges and shares"),
        "tax": spoken.speak("Tax"),
        "debt": spoken.speak("Repaid of debts"),
        "account": spoken.speak("To the account"),
        "kept": spoken.speak("Kept for next time"),
        "other": spoken.speak("Fees and other charges"),
    }
    sums: dict[str, int] = {}
    for one in content.purchases:
        rest = one.paid_minor
        for line in one.lines:
            share = SHARES.get(str(line["kind"]), "other")
            sums[share] = sums.get(share, 0) + int(line["amount_minor"])
            rest -= int(line["amount_minor"])
        if rest:
            sums["other"] = sums.get("other", 0) + rest
    return _chart(
        spoken.speak("Where the money went"),
        [
            (names[share], spoken.money(sums[share], content.currency), sums[share])
            for share in names
            if sums.get(share)
        ],
    )
