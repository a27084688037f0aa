"""The content of a slip, for every form of it: screen, A4, A5, thermal, message. Pure: no page, no printer, no clock.

Amounts stay integers and moments stay moments; each form words them for its reader. A slip is made of two halves. The sale,
its orders, tokens and payments are rows that never change. What stood around them does (a tenant's name, the seller's
address, a meter's place): that half is `Around`, taken once and kept, so that a copy in ten years says what the first paper
said (`service.py` keeps it).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sts import tid as token_time
from vending.receipts import qr
from vending.vends.content import canonical
from vending.vends.queries import SaleView, TokenView, VendView


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who is named on the paper."""

    name: str
    legal: str = ""
    address: str = ""
    tax_number: str = ""
    phone: str = ""
    email: str = ""
    unit: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class MeterFacts:
    """How a meter is found in the building, and what lies between it and the tenant's cable (rules.md 6 and 28)."""

    drn: str
    unit: str
    tenant: str
    source: str = ""  # generator or mains, where a meter has both
    ct: tuple[int, int] = (1, 1)
    vt: tuple[int, int] = (1, 1)
    ratio_applied_by: str = "meter"


@dataclass(frozen=True, slots=True)
class Month:
    """Where this purchase stands in the month: units before it, and where the price changes."""

    units_before: int
    steps: tuple[tuple[str, str], ...] = ()  # (from how many units, rate)


@dataclass(frozen=True, slots=True)
class Around:
    """What stood around the sale when its paper was made."""

    seller: Party
    buyer: Party | None
    meters: dict[str, MeterFacts]  # by PAN
    months: dict[str, Month]  # by order
    language: str
    zone: str
    country: str
    test: bool
    shift: str = ""


@dataclass(frozen=True, slots=True)
class SlipToken:
    number: int
    order: int
    pan: str
    service: str
    units: int | None
    digits: str
    kind: str
    made_at: datetime | None
    sequence: int
    sgc: str
    krn: int
    ti: str
    ea: str
    tct: str


@dataclass(frozen=True, slots=True)
class SlipOrder:
    """How one order was counted."""

    order: str
    kind: str
    pan: str
    service: str
    units: int
    lines: tuple[dict[str, Any], ...]
    paid_minor: int
    tariff: str
    account: tuple[int, int] | None = None  # before and after, where money went onto it
    debt: tuple[int, int] | None = None
    free_units: int = 0
    taxed: tuple[tuple[str, int], ...] = ()  # on a credit note: the taxes that the corrected order held


@dataclass(frozen=True, slots=True)
class SlipTender:
    way: str
    received_minor: int
    reference: str


@dataclass(frozen=True, slots=True)
class Slip:
    around: Around
    receipt: str
    copy: int
    sold_at: datetime
    till: str
    cashier: str
    currency: str
    total_minor: int
    tokens: tuple[SlipToken, ...]
    orders: tuple[SlipOrder, ...]
    tenders: tuple[SlipTender, ...]
    change_minor: int
    rounding_minor: int
    waiting: bool  # a token is still on its way
    squares: tuple[str, ...] = field(repr=False)  # none while no entry of the log is known
    credits: str = ""  # the receipt that this paper takes back, for a credit note


def slip_of(sale: SaleView, around: Around, *, copy: int) -> Slip:
    places = {order["order"]: place for place, order in enumerate(sale.content["orders"])}
    return Slip(
        around=around,
        receipt=sale.receipt,
        copy=copy,
        sold_at=sale.sold_at,
        till=sale.till,
        cashier=sale.cashier_name,
        currency=sale.currency,
        total_minor=sale.total_minor,
        tokens=tuple(
            _token(number, places.get(vend.order_id, 0), vend, token)
            for number, (vend, token) in enumerate(sale.tokens, 1)
        ),
        orders=tuple(
            SlipOrder(
                order["order"],
                str(order["kind"]),
                str(order.get("meter") or ""),
                str(order.get("service") or ""),
                int(order.get("units") or 0),
                tuple(order.get("lines", ())),
                int(order["paid_minor"]),
                str(order.get("tariff") or ""),
                _standing(order, "account"),
                _standing(order, "debt"),
                free_units=int(order.get("free_units") or 0),
            )
            for order in sale.content["orders"]
        ),
        tenders=tuple(
            SlipTender(taken.way, taken.received_minor, "" if taken.way == "account" else taken.reference)
            for taken in sale.taken
        ),
        change_minor=sum(taken.change_minor for taken in sale.taken),
        rounding_minor=sum(taken.rounding_minor for taken in sale.taken),
        waiting=sale.state in ("asked", "paid"),
        squares=squares_of(sale),
    )


def credit_note_of(
    sale: SaleView, around: Around, note: dict[str, Any], decided_at: datetime, clerk: str
) -> Slip:
    """The paper of a sale that was taken back (rules.md 28): its own number, the receipt that it corrects, what came back."""
    order = next(one for one in sale.content["orders"] if one["order"] == note["of_order"])
    amount = int(note["amount_minor"])
    taxes = [line for line in order["lines"] if line["kind"] == "tax"]
    lines: list[dict[str, Any]] = [
        {
            "id": "credit",
            "kind": "credit-note",
            "label": str(note["why"]),
            "why": str(note["reason"]),
            "amount_minor": amount,
        }
    ]
    return Slip(
        around=around,
        receipt=str(note["number"]),
        copy=0,
        sold_at=decided_at,
        till=sale.till,
        cashier=clerk,
        currency=str(note["currency"]),
        total_minor=amount,
        tokens=(),
        orders=(
            SlipOrder(
                str(note["of_order"]),
                str(order["kind"]),
                str(order.get("meter") or ""),
                str(order.get("service") or ""),
                0,
                tuple(lines),
                amount,
                str(order.get("tariff") or ""),
                taxed=tuple((str(line["label"]), int(line["amount_minor"])) for line in taxes),
            ),
        ),
        tenders=(),
        change_minor=0,
        rounding_minor=0,
        waiting=False,
        squares=(),
        credits=sale.receipt,
    )


def _standing(order: dict[str, Any], what: str) -> tuple[int, int] | None:
    told = order.get(what)
    return (int(told["before_minor"]), int(told["after_minor"])) if told else None


def _token(number: int, place: int, vend: VendView, token: TokenView) -> SlipToken:
    return SlipToken(
        number=number,
        order=place,
        pan=vend.pan,
        service=vend.service,
        units=token.units,
        digits=token.digits,
        kind=token.kind,
        made_at=made_at(token),
        sequence=token.sequence,
        sgc=str(token.keying["sgc"]),
        krn=int(token.keying["krn"]),
        ti=str(token.keying["ti"]),
        ea=str(token.keying["ea"]),
        tct=str(token.keying["tct"]),
    )


def made_at(token: TokenView) -> datetime | None:
    """The minute in the token, as the supply group's own clock tells it (rules.md 14), not the till's."""
    return None if token.tid is None else token_time.decode(token.tid, token.base_date)


def squares_of(sale: SaleView) -> tuple[str, ...]:
    """The signed entries of this sale. A key-change set that is printed again (`carried`) is not among them: another sale's
    content stands behind it, and its own paper proves it."""
    places = {order["order"]: place for place, order in enumerate(sale.content["orders"])}
    found: dict[int, tuple[int, TokenView, list[str]]] = {}
    for vend in sale.vends:
        for token in vend.tokens:
            found.setdefault(token.sequence, (places[vend.order_id], token, []))[2].append(token.digits)
    if not found:
        return ()
    return qr.squares(
        next(iter(found.values()))[1].log,
        canonical(sale.content),
        [
            qr.Entry(place, token.sequence, token.salt, token.leaf, token.signature, tuple(digits))
            for place, token, digits in found.values()
        ],
    )
