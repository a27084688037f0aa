"""Sales against their payments, their receipts and the books; and the numbers of receipts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from vending.auditor.matching.found import GAVE, DayOf, Found, Within
from vending.auditor.matching.of_orders import BooksOf, judge_entries
from vending.auditor.matching.streams import joined


class SaleRow(NamedTuple):
    sale_key: str
    receipt: str
    total_minor: int
    sold_at: datetime
    content_hash: str
    content: str  # JSON


class PaidOf(NamedTuple):
    sale_key: str
    amount_minor: int
    rounding_minor: int
    taken_at: datetime


class SoldOf(NamedTuple):
    """An order, as its receipt should tell it."""

    sale_key: str
    order_id: str
    state: str
    sgc: str
    service: str
    units: int
    free_units: int
    site: str
    at: datetime


def match_sales(
    sales: Iterator[SaleRow],
    payments: Iterator[PaidOf],
    orders: Iterator[SoldOf],
    books: Iterator[BooksOf],
    found: Found,
    *,
    day_of: DayOf,
    within: Within,
) -> None:
    """All four in the order of the sale's key."""
    for key, (rows, paid, ordered, booked) in joined(sales, payments, orders, books):
        if not rows:
            if paid and within(paid[0].taken_at):
                found.add(
                    "payment-without-sale",
                    key,
                    f"A payment of {paid[0].amount_minor} minor units names sale {key}, and there is no such sale.",
                )
            elif booked and within(booked[0].posted_at):
                found.add(
                    "payment-without-sale",
                    key,
                    f"The books took money for sale {key}, and there is no such sale.",
                )
            continue
        (sale,) = rows
        if within(sale.sold_at):
            found.rows += 1 + len(paid) + len(booked)
            _judge_payment(sale, paid, booked, found)
        _judge_receipt(sale, ordered, found, day_of=day_of, within=within)


def _judge_payment(sale: SaleRow, paid: Sequence[PaidOf], booked: Sequence[BooksOf], found: Found) -> None:
    def add(code: str, sentence: str) -> None:
        found.add(code, sale.sale_key, f"Receipt {sale.receipt} (sale {sale.sale_key}) {sentence}")

    settled = held = 0
    for one in paid:
        settled += one.amount_minor - one.rounding_minor
    if settled < sale.total_minor:
        add(
            "unpaid",
            f"says {sale.total_minor} minor units, and {settled} were paid: its tokens left without money.",
        )
    elif settled > sale.total_minor:
        add("paid-twice", f"says {sale.total_minor} minor units, and {settled} were paid.")
    judge_entries(booked, add)
    for entry in booked:
        held -= entry.held
    if held != sale.total_minor:
        add(
            "payment-not-booked",
            f"of {sale.total_minor} minor units should be in the books as paid; {held} are.",
        )


def _judge_receipt(
    sale: SaleRow,
    ordered: Sequence[SoldOf],
    found: Found,
    *,
    day_of: DayOf,
    within: Within,
) -> None:
    judged = [order for order in ordered if within(order.at)]
    if not judged and not within(sale.sold_at):
        return
    content: dict[str, Any] = orjson.loads(sale.content)
    canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    if hashlib.sha256(canonical).hexdigest() != sale.content_hash:
        found.add(
            "slip-altered",
            sale.sale_key,
            f"Receipt {sale.receipt} was changed after it was made: its hash does not fit.",
        )
    told = {one["order"]: one for one in content.get("orders", ())}
    for order in judged:
        if order.state not in GAVE:
            continue
        line = told.get(order.order_id, {})
        units = int(line.get("units") or 0) + int(line.get("free_units") or 0)
        given = order.units + order.free_units
        if order.state == "partly":
            # Some of its tokens were refused after the slip was fixed: the receipt shows the order as it ended.
            units = given
        elif not content.get("adopted") and order.order_id not in told:
            found.add(
                "receipt-units-differ",
                order.order_id,
                f"Receipt {sale.receipt} does not tell of order {order.order_id}.",
            )
        elif units != given:
            found.add(
                "receipt-units-differ",
                order.order_id,
                f"Receipt {sale.receipt} tells {units} units of order {order.order_id}, which gave {given}.",
            )
        if given or units:
            found.sums_of(day_of(order.at, order.site), order.sgc, order.service).receipt_units += units


# --- numbers of receipts ---


def match_series(receipts: Iterable[str], last: dict[str, int], found: Found) -> None:
    """Receipts in the order in which they were written; the last number that each series says it gave."""
    at: dict[str, int] = {}
    for receipt in receipts:
        series, _, text = receipt.rpartition("-")
        if not text.isdigit():
            continue
        number, before = int(text), at.get(series, 0)
        if number <= before:
            found.add(
                "receipt-twice", series, f"Receipt {receipt} comes after number {before} of its series."
            )
        elif number > before + 1:
            found.add("receipt-gap", series, _gap(series, before + 1, number - 1))
        at[series] = number
    for series, number in at.items():
        given = last.get(series)
        if given is not None and given > number:
            found.add("receipt-gap", series, _gap(series, number + 1, given))


def _gap(series: str, first: int, last: int) -> str:
    which = f"number {first} is" if first == last else f"numbers {first} to {last} are"
    return f"In the series {series} {which} missing: a receipt was taken out, or its number was never given back."
