"""A slip in the words of its customer's language: what every form of it prints, and nothing that one form needs alone. Pure.

The receipt's language is the customer's and not the cashier's; which one it is stands in the slip. Forms lay this out:
`sheet.py` (A4, A5), `roll.py` (80 and 58 mm), `thermal.py` (a printer's bytes), `message.py` (SMS, e-mail), and the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from vending.languages import Tongue, clock_time, meter_number, tongue, unit_of
from vending.receipts import counting, tax
from vending.receipts.slip import MeterFacts, Month, Party, Slip, SlipOrder, SlipToken


@dataclass(frozen=True, slots=True)
class PaperParty:
    name: str
    legal: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PaperToken:
    n: int
    title: str
    detail: str
    units: str
    unit: str
    digits: str
    note: str
    keying: str
    made: str


@dataclass(frozen=True, slots=True)
class PaperLine:
    what: str
    why: str
    quantity: str
    rate: str
    amount: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PaperGroup:
    title: str
    lines: tuple[PaperLine, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    what: str
    amount: str


@dataclass(frozen=True, slots=True)
class Ruler:
    """Where a purchase stands in the month's steps of price; every number also stands in `told`."""

    title: str
    told: str
    before: float
    after: float
    steps: tuple[tuple[float, str], ...]
    unit: str


@dataclass(frozen=True, slots=True)
class FixedWords:
    sold_to: str
    sold_by: str
    line: str
    quantity: str
    price: str
    amount: str
    paid: str
    change: str
    rounding: str
    paid_for: str
    real: str
    scan: str
    square: str
    page: str


@dataclass(frozen=True, slots=True)
class Paper:
    language: str
    direction: str
    kind: str
    number: str
    at: str
    place: str
    copy_number: int
    marks: tuple[str, ...]  # COPY n, test keys: never to be overlooked
    seller: PaperParty
    buyer: PaperParty | None
    tokens: tuple[PaperToken, ...]
    enter: tuple[str, ...]
    counted: tuple[PaperGroup, ...]
    summary: tuple[Pair, ...]
    total: str
    tenders: tuple[Pair, ...]
    change: str
    rounding: str
    squares: tuple[str, ...]
    proof: str
    tariff: str
    ruler: Ruler | None
    help: str
    words: FixedWords

    @property
    def rtl(self) -> bool:
        return self.direction == "rtl"


def worded(slip: Slip) -> Paper:
    around = slip.around
    spoken = tongue(around.language)
    zone = ZoneInfo(around.zone)
    seller = around.seller
    kind = tax.kind_of(around.country, slip.total_minor, registered=bool(seller.tax_number))
    place = spoken.speak("Till %(till)s", till=slip.till)
    if around.shift:
        place = spoken.speak("Till %(till)s, shift %(shift)s", till=slip.till, shift=around.shift)
    return Paper(
        language=spoken.code,
        direction=spoken.direction,
        kind=_kind(spoken, kind, around.country, credits_=slip.credits),
        number=slip.receipt,
        at=f"{spoken.day(slip.sold_at, zone)} {clock_time(slip.sold_at, zone)}",
        place=spoken.listed((place, slip.cashier)),
        copy_number=slip.copy,
        marks=_marks(spoken, slip),
        seller=_seller(spoken, seller),
        buyer=_buyer(spoken, around.buyer, kind) if around.buyer else None,
        tokens=tuple(_token(spoken, slip, token) for token in slip.tokens),
        enter=_enter(spoken, slip),
        counted=tuple(_group(spoken, slip, order) for order in slip.orders if order.lines),
        summary=tuple(
            Pair(_title(spoken, slip, order), spoken.money(order.paid_minor, slip.currency))
            for order in slip.orders
        ),
        total=spoken.total(slip.total_minor, slip.currency),
        tenders=tuple(
            Pair(
                f"{_capital(spoken.way(one.way))} {one.reference}".strip(),
                spoken.money(one.received_minor, slip.currency),
            )
            for one in slip.tenders
        ),
        change=spoken.money(slip.change_minor, slip.currency) if slip.change_minor else "",
        rounding=spoken.money(slip.rounding_minor, slip.currency) if slip.rounding_minor else "",
        squares=slip.squares,
        proof=_proof(spoken, slip),
        tariff=", ".join(dict.fromkeys(order.tariff for order in slip.orders if order.tariff)),
        ruler=_ruler(spoken, slip, zone),
        help=spoken.speak("Questions: call %(phone)s", phone=seller.phone) if seller.phone else "",
        words=_fixed(spoken, slip),
    )


def _kind(spoken: Tongue, kind: tax.Kind, country: str, *, credits_: str) -> str:
    if credits_:
        return spoken.speak("Credit note for %(receipt)s", receipt=credits_)
    if kind == "receipt":
        return spoken.speak("Receipt")
    if kind == "simple":
        if tax.RULES[country].simple == "abridged":
            return spoken.speak("Abridged tax invoice and receipt")
        return spoken.speak("Simplified tax invoice and receipt")
    return spoken.speak("Tax invoice and receipt")


def _marks(spoken: Tongue, slip: Slip) -> tuple[str, ...]:
    found = []
    if slip.copy:
        found.append(spoken.speak("COPY %(number)s", number=slip.copy))
    if slip.around.test:
        found.append(spoken.speak("TEST KEYS: OPENS NO REAL METER"))
    return tuple(found)


def _seller(spoken: Tongue, seller: Party) -> PaperParty:
    lines = [seller.address]
    if seller.tax_number:
        lines.append(spoken.speak("Tax number %(number)s", number=seller.tax_number))
    return PaperParty(seller.name, seller.legal, tuple(line for line in lines if line))


def _buyer(spoken: Tongue, buyer: Party, kind: tax.Kind) -> PaperParty:
    """A full invoice names the customer's address, which is his unit in this building."""
    lines = []
    where = [spoken.speak("Unit %(unit)s", unit=buyer.unit)] if buyer.unit else []
    if buyer.number:
        where.append(spoken.speak("Customer %(number)s", number=buyer.number))
    if where:
        lines.append(" · ".join(where))
    if kind == "invoice" and buyer.address:
        lines.append(buyer.address)
    if buyer.tax_number:
        lines.append(spoken.speak("Tax number %(number)s", number=buyer.tax_number))
    return PaperParty(buyer.name, "", tuple(lines))


def _facts(slip: Slip, pan: str) -> MeterFacts | None:
    return slip.around.meters.get(pan)


def _title(spoken: Tongue, slip: Slip, order: SlipOrder) -> str:
    facts = _facts(slip, order.pan)
    if order.kind == "account":
        return spoken.speak("Top-up of the account")
    if order.kind == "charge":
        return spoken.listed(counting.label(spoken, line) for line in order.lines if line["kind"] != "tax")
    return f"{facts.unit if facts else ''} {spoken.service_name(order.service)}".strip()


def _token(spoken: Tongue, slip: Slip, token: SlipToken) -> PaperToken:
    facts = _facts(slip, token.pan)
    unit = facts.unit if facts else ""
    several = len({one.tenant for one in slip.around.meters.values()}) > 1
    title = f"{unit} {spoken.service_name(token.service)}".strip()
    if facts and several and facts.tenant:
        title = f"{title}, {facts.tenant}"
    detail = spoken.speak("Meter %(number)s", number=meter_number(facts.drn if facts else token.pan))
    return PaperToken(
        n=token.number,
        title=title,
        detail=detail,
        units=spoken.units(token.units) if token.units is not None else "",
        unit=unit_of(token.service) if token.units is not None else "",
        digits=token.digits,
        note=_token_kind(spoken, slip, token),
        keying=f"SGC {token.sgc} · KRN {token.krn} · TI {token.ti} · EA {token.ea} · TCT {token.tct}",
        made=f"TID {token.made_at:%Y-%m-%d %H:%M}" if token.made_at else "",
    )


def _token_kind(spoken: Tongue, slip: Slip, token: SlipToken) -> str:
    if token.kind == "key-change":
        sets = [one for one in slip.tokens if one.pan == token.pan and one.kind == "key-change"]
        return spoken.speak(
            "Key change, token %(number)s of %(count)s",
            number=[one.number for one in sets].index(token.number) + 1,
            count=len(sets),
        )
    kinds = {
        "credit": spoken.speak("Credit"),
        "allowance": spoken.speak("Free units of the month"),
        "free-issue": spoken.speak("Free units"),
        "replacement": spoken.speak("Credit of the replaced meter"),
        "engineering": spoken.speak("Engineering token"),
    }
    return kinds.get(token.kind, token.kind)


def _enter(spoken: Tongue, slip: Slip) -> tuple[str, ...]:
    """How to enter the tokens, and in which order (rules.md 13)."""
    if slip.waiting:
        return (spoken.speak("The token is on its way. This receipt shows it as soon as it is there."),)
    if not slip.tokens:
        return ()
    changes = [token for token in slip.tokens if token.kind == "key-change"]
    if not changes:
        return (
            spoken.speak(
                "Type each row of 20 digits on its own meter, then press Enter. The meter shows the energy added and says ACCEPT."
            ),
        )
    told = [
        spoken.speak(
            "This meter gets a new key. First enter tokens that you bought before and have not used: afterwards they are lost."
        ),
        spoken.speak(
            "Then type rows %(first)s to %(last)s in this order, each followed by Enter.",
            first=changes[0].number,
            last=changes[-1].number,
        ),
        spoken.speak("If the meter refuses one of them as used, it has it already: go on with the next row."),
    ]
    credit = next(
        (token for token in slip.tokens if token.kind != "key-change" and token.pan == changes[-1].pan), None
    )
    if credit is not None:
        told.append(
            spoken.speak(
                "The meter's key revision must now be %(krn)s. Type the other rows last.", krn=credit.krn
            )
        )
    return tuple(told)


def _group(spoken: Tongue, slip: Slip, order: SlipOrder) -> PaperGroup:
    notes = []
    facts = _facts(slip, order.pan)
    if facts is not None:
        if facts.source:
            notes.append(spoken.speak("Source: %(source)s", source=facts.source))
        if (facts.ct, facts.vt) != ((1, 1), (1, 1)):
            notes.append(_ratio(spoken, facts))
    month = slip.around.months.get(order.order)
    if month is not None and order.units:
        notes.append(_month(spoken, order, month))
    for name, minor in order.taxed:
        notes.append(
            spoken.speak(
                "%(tax)s in the corrected order: %(amount)s",
                tax=counting.label(spoken, {"label": name}),
                amount=spoken.money(minor, slip.currency),
            )
        )
    for told, sentence in (
        (order.account, spoken.template("Account: %(before)s before, %(after)s now")),
        (order.debt, spoken.template("Owed: %(before)s before, %(after)s now")),
    ):
        if told is not None:
            before, after = (spoken.money(minor, slip.currency) for minor in told)
            notes.append(sentence % {"before": before, "after": after})
    return PaperGroup(
        _title(spoken, slip, order),
        tuple(_line(spoken, line, slip.currency) for line in order.lines),
        tuple(notes),
    )


def _ratio(spoken: Tongue, facts: MeterFacts) -> str:
    ratio = f"CT {facts.ct[0]}/{facts.ct[1]}"
    if facts.vt != (1, 1):
        ratio += f", VT {facts.vt[0]}/{facts.vt[1]}"
    if facts.ratio_applied_by == "meter":
        return spoken.speak("%(ratio)s, counted by the meter", ratio=ratio)
    return spoken.speak("%(ratio)s, counted by the seller", ratio=ratio)


def _month(spoken: Tongue, order: SlipOrder, month: Month) -> str:
    return spoken.speak(
        "Bought this month: %(before)s before, %(after)s %(unit)s with this purchase",
        before=spoken.units(month.units_before),
        after=spoken.units(month.units_before + order.units),
        unit=unit_of(order.service),
    )


def _ruler(spoken: Tongue, slip: Slip, zone: ZoneInfo) -> Ruler | None:
    """The picture is for one order; a paper of many has the sentence of each."""
    counted = [order for order in slip.orders if order.units]
    month = slip.around.months.get(counted[0].order) if len(counted) == 1 else None
    if month is None or len(month.steps) < 2:
        return None
    (order,) = counted
    facts = _facts(slip, order.pan)
    day = slip.sold_at.astimezone(zone).date()
    title = spoken.speak(
        "%(month)s at %(unit)s", month=spoken.month(day), unit=facts.unit if facts else order.pan
    )
    return Ruler(
        title=title,
        told=_month(spoken, order, month),
        before=month.units_before / 10,
        after=(month.units_before + order.units) / 10,
        steps=tuple(
            (
                float(start),
                spoken.speak(
                    "above %(from)s %(unit)s: %(rate)s",
                    **{
                        "from": spoken.number(Decimal(start), 0),
                        "unit": unit_of(order.service),
                        "rate": spoken.number(Decimal(rate), max(2, -_exponent(rate))),
                    },
                ),
            )
            for start, rate in month.steps[1:]
        ),
        unit=unit_of(order.service),
    )


def _exponent(text: str) -> int:
    exponent = Decimal(text).normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a rate is a finite number"
    return exponent


def _line(spoken: Tongue, line: dict[str, object], code: str) -> PaperLine:
    parts = line.get("parts") or []
    assert isinstance(parts, list), "parts are a list of quantity, unit, rate and name"
    single = parts[0] if len(parts) == 1 else None
    amount = line["amount_minor"]
    assert isinstance(amount, int), "money is an integer"
    return PaperLine(
        what=counting.label(spoken, line),
        why=counting.why(spoken, line, code),
        quantity=counting.quantity(spoken, single) if single else "",
        rate=counting.rate(spoken, single) if single else "",
        amount=spoken.money(amount, code),
        steps=counting.steps(spoken, line, code),
    )


def _proof(spoken: Tongue, slip: Slip) -> str:
    numbers = list(dict.fromkeys(token.sequence for token in slip.tokens))
    if not numbers:
        return ""
    return spoken.speak("Log entry %(number)s", number=spoken.listed(numbers))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _fixed(spoken: Tongue, slip: Slip) -> FixedWords:
    return FixedWords(
        sold_to=spoken.speak("Sold to"),
        sold_by=spoken.speak("Sold by"),
        line=spoken.speak("Line"),
        quantity=spoken.speak("Quantity"),
        price=spoken.speak("Price"),
        amount=spoken.speak("Amount"),
        paid=spoken.speak("Credited") if slip.credits else spoken.speak("Paid"),
        change=spoken.speak("Change given"),
        rounding=spoken.speak("Rounded to coins"),
        paid_for=spoken.speak("What was paid for"),
        real=spoken.speak("Is this paper real?"),
        scan=spoken.speak(
            "Scan the square with a phone. It holds the seller's signature on the money, the meter and the token; one changed digit and the check fails."
        ),
        square=spoken.template("Square %(number)s of %(count)s"),
        page=spoken.template("Page %(number)s of %(count)s"),
    )
