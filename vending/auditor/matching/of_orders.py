"""Orders against their tokens and the books."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from vending.auditor.matching.found import DECIDED_WITHIN, GAVE, OPEN, DayOf, Found, Within
from vending.auditor.matching.streams import joined


class OrderRow(NamedTuple):
    order_id: str
    kind: str
    state: str
    sgc: str
    service: str
    units: int
    free_units: int
    paid_minor: int
    returned_minor: int
    paid_at: datetime
    receipt: str | None
    site: str
    at: datetime  # its first token, or when it was paid


class TokensOf(NamedTuple):
    order_id: str
    sold: int
    free: int
    parts: int


class AskedOf(NamedTuple):
    order_id: str
    asked: int


class BooksOf(NamedTuple):
    """One entry of the ledger: what it moved. Energy and money as they left what gave them."""

    source: str  # the order or the sale
    kind: str
    posted_at: datetime
    legs_posted: int
    legs: int
    money_off: int  # zero when it balances
    energy_off: int
    sold: int
    free: int
    held: int  # what it took from money held, or put there


def match_orders(
    orders: Iterator[OrderRow],
    tokens: Iterator[TokensOf],
    asked: Iterator[AskedOf],
    books: Iterator[BooksOf],
    refused: dict[str, int],
    found: Found,
    *,
    now: datetime,
    day_of: DayOf,
    within: Within,
) -> None:
    """All four in the order of the order's id."""
    for key, (rows, given, wanted, booked) in joined(orders, tokens, asked, books):
        if not rows:
            if booked and within(booked[0].posted_at):
                found.add(
                    "books-without-order",
                    key,
                    f"The books have an entry {booked[0].kind!r} of order {key}, and there is no such order.",
                )
            continue
        (order,) = rows
        if not within(order.at):
            continue
        found.rows += 1 + len(given) + len(wanted) + len(booked)
        _judge_order(
            order,
            given[0] if given else TokensOf(key, 0, 0, 0),
            (wanted[0].asked if wanted else 0) - refused.get(key, 0),
            booked,
            found,
            now,
        )
        if order.state in GAVE and (order.units or order.free_units or order.paid_minor):
            sums = found.sums_of(day_of(order.at, order.site), order.sgc, order.service)
            sums.paid_minor += order.paid_minor
            for one in booked:
                sums.book_units += one.sold + one.free
                sums.booked_minor += one.held


def _judge_order(
    order: OrderRow, tokens: TokensOf, expected: int, booked: Sequence[BooksOf], found: Found, now: datetime
) -> None:
    def add(code: str, sentence: str) -> None:
        found.add(
            code, order.order_id, f"Order {order.order_id} ({order.receipt or 'no receipt'}) {sentence}"
        )

    if order.receipt is None:
        add("order-without-sale", "belongs to no sale, so no receipt tells of it.")
    judge_entries(booked, add)
    if order.state in OPEN:
        if booked:
            add("books-too-early", f"is {order.state}, and the books have it as done.")
        if tokens.parts:
            add("order-tokens-differ", f"is {order.state}, and a token of it is there.")
        if order.state == "paid" and now - order.paid_at > DECIDED_WITHIN:
            minutes = int((now - order.paid_at).total_seconds() // 60)
            add(
                "order-open",
                f"was paid {minutes} minutes ago and is not decided. See whether module and worker run.",
            )
        return
    units, free = order.units, order.free_units
    if order.state not in GAVE:
        expected = units = free = 0
    if tokens.parts != expected:
        add("order-tokens-differ", f"is {order.state} with {tokens.parts} tokens; {expected} belong to it.")
    elif tokens.sold != units or tokens.free != free:
        add(
            "order-units-differ",
            f"gave {units} units and {free} free; its tokens carry {tokens.sold} and {tokens.free}.",
        )
    if not booked:
        if units or free or order.paid_minor:
            add("books-missing", f"is {order.state}, and the books know nothing of it.")
        return
    sold = given = held = 0
    for one in booked:
        sold, given, held = sold + one.sold, given + one.free, held + one.held
    if sold != units or given != free:
        add(
            "books-units-differ",
            f"gave {units} units and {free} free; the books say {sold} and {given}.",
        )
    if held != order.paid_minor:
        add(
            "books-money-differ",
            f"was paid with {order.paid_minor} minor units, and the books took {held}.",
        )


def judge_entries(booked: Sequence[BooksOf], add: Callable[[str, str], None]) -> None:
    """Whether each entry of an order or a sale is whole."""
    for one in booked:
        if one.legs != one.legs_posted or one.money_off or one.energy_off:
            add(
                "leg-missing",
                f"has an entry {one.kind!r} that was posted with {one.legs_posted} legs and has {one.legs}; it is "
                f"{one.money_off} minor units and {one.energy_off} units of energy away from zero.",
            )
