"""The content of a slip, for every form of it: screen, A4, A5, thermal, message. Pure: no page, no printer, no clock.

Amounts stay integers and moments stay moments; each form words them for its reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vending.receipts import qr
from vending.vends.queries import SaleView


@dataclass(frozen=True, slots=True)
class SlipToken:
    number: int
    pan: str
    service: str
    units: int | None
    digits: str
    kind: str
    sgc: str
    krn: int
    ti: str
    ea: str
    tct: str


@dataclass(frozen=True, slots=True)
class SlipGroup:
    """How one order was counted."""

    pan: str
    service: str
    units: int
    lines: tuple[dict[str, Any], ...]
    paid_minor: int
    tariff: str


@dataclass(frozen=True, slots=True)
class Slip:
    receipt: str
    copy: int
    sold_at: datetime
    till: str
    cashier: str
    currency: str
    total_minor: int
    tokens: tuple[SlipToken, ...]
    groups: tuple[SlipGroup, ...]
    tenders: tuple[tuple[str, int], ...]
    change_minor: int
    log_entries: tuple[int, ...]
    proof: str | None  # what the square says; none while a token is on its way


def slip_of(sale: SaleView, *, copy: int) -> Slip:
    tokens = tuple(
        SlipToken(
            number,
            vend.pan,
            vend.service,
            token.units,
            token.digits,
            token.kind,
            str(token.keying["sgc"]),
            int(token.keying["krn"]),
            str(token.keying["ti"]),
            str(token.keying["ea"]),
            str(token.keying["tct"]),
        )
        for number, (vend, token) in enumerate(sale.tokens, 1)
    )
    groups = tuple(
        SlipGroup(
            order["meter"],
            order["service"],
            order["units"],
            tuple(order["lines"]),
            order["paid_minor"],
            order["tariff"],
        )
        for order in sale.content["orders"]
    )
    return Slip(
        sale.receipt,
        copy,
        sale.sold_at,
        sale.till,
        sale.cashier_name,
        sale.currency,
        sale.total_minor,
        tokens,
        groups,
        tuple((taken.way, taken.received_minor) for taken in sale.taken),
        sum(taken.change_minor for taken in sale.taken),
        tuple(dict.fromkeys(token.sequence for _vend, token in sale.tokens)),
        proof_of(sale),
    )


def proof_of(sale: SaleView) -> str | None:
    """The signed entry of the sale's first order with its tokens; every entry of the sale covers the same content."""
    for vend in sale.vends:
        if vend.tokens:
            first = vend.tokens[0]
            return qr.payload(
                first.log,
                first.sequence,
                first.leaf,
                first.salt,
                first.signature,
                vend.pan,
                [token.digits for token in vend.tokens if token.sequence == first.sequence],
                sale.content_hash,
            )
    return None
