"""Holds the four records of a sale against each other: issuance log, database, books, receipts with their payments. Pure.

Rows come in as streams in the order of what they are joined by (a number of the log, an order, a sale), so that a million of
them take no more memory than the differences that are found. Every difference is one sentence that names what to look for.
An order's energy counts on the site's day of its first token, in every record, so that midnight makes no difference.

Not here: where the rows come from (`records.py`) and how it is told (`reconciliation.py`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Any, Protocol, TypeVar

import orjson

GAVE = ("issued", "partly", "reversed")  # tokens came, or the account was credited, or the charge was paid
OPEN = ("asked", "withdrawn", "paid")  # nothing was released
DECIDED_WITHIN = timedelta(minutes=5)  # I-23
_TOKENS_OF = {"key-change": 4}  # an entry of the log has one token, a key change up to four

# What each difference is, for programs and for the reference.
CODES = {
    "token-unknown": "the log gave a token for an order that the database does not know",
    "token-missing": "the log gave a token, and the decided order has none",
    "entry-missing": "a token in the database has no entry in the log",
    "token-twice": "one entry of the log stands behind two tokens, or one order behind two entries",
    "token-altered": "the digits in the database are not those that the log was made for",
    "units-differ": "the log and the database disagree about a token's energy",
    "meter-differs": "the token stands under another meter than it was made for",
    "slip-differs": "the receipt is not the one that the log was made for",
    "slip-altered": "the stored receipt is not the one whose hash stands beside it",
    "receipt-units-differ": "the receipt tells another energy than its order gave",
    "order-open": "an order is undecided for more than five minutes",
    "order-without-sale": "an order has no receipt",
    "order-units-differ": "an order's tokens carry another energy than the order says",
    "order-tokens-differ": "an order has more or fewer tokens than were asked for and not refused",
    "books-missing": "an order gave something and is not in the books",
    "books-units-differ": "the books tell another energy than the order gave",
    "books-money-differ": "the books took another amount than the order was paid with",
    "books-too-early": "an order that released nothing is in the books",
    "leg-missing": "an entry of the books lacks a leg, or does not balance",
    "books-without-order": "the books have energy or money of an order that does not exist",
    "unpaid": "less was paid than the receipt says",
    "paid-twice": "more was paid than the receipt says",
    "payment-without-sale": "a payment has no sale",
    "payment-not-booked": "a payment is not in the books as it was taken",
    "receipt-gap": "numbers are missing in a series of receipts",
    "receipt-twice": "a number of a series of receipts was given twice or out of order",
    "event-twice": "the end of an order was announced twice",
}


@dataclass(frozen=True, slots=True)
class Difference:
    code: str
    subject: str  # the order, sale, entry or series that it is about
    sentence: str


@dataclass(slots=True)
class Sums:
    """One supply group, service and day, as each record tells it. Energy in units, money in minor units."""

    log_entries: int = 0
    log_units: int = 0
    token_units: int = 0
    book_units: int = 0
    receipt_units: int = 0
    paid_minor: int = 0
    booked_minor: int = 0

    @property
    def agree(self) -> bool:
        return (
            self.log_units == self.token_units == self.book_units == self.receipt_units
            and self.paid_minor == self.booked_minor
        )


Place = tuple[date, str, str]  # the site's day, the supply group, the service


@dataclass(slots=True)
class Found:
    differences: list[Difference] = field(default_factory=list)
    sums: dict[Place, Sums] = field(default_factory=dict)
    adopted: int = 0  # taken in after a restore, without money: known, and no difference
    in_flight: int = 0  # paid a moment ago and not decided yet
    rows: int = 0

    def add(self, code: str, subject: str, sentence: str) -> None:
        assert code in CODES
        self.differences.append(Difference(code, subject, sentence))

    def sums_of(self, place: Place) -> Sums:
        found = self.sums.get(place)
        if found is None:
            found = self.sums[place] = Sums()
        return found


DayOf = Callable[[datetime, str], date]  # a moment and a site's key -> the day there


# --- the log against the tokens ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry that gave tokens, from its public half."""

    sequence: int
    at: datetime
    kind: str
    order: str
    sgc: str
    service: str
    units: int
    meter: str
    tokens: str
    content: str
    leaf: str


@dataclass(frozen=True, slots=True)
class TokenRow:
    sequence: int
    part_id: str
    order_id: str
    units: int
    digits: str
    pan: str
    salt: str
    leaf: str
    at: datetime  # when it was logged
    first_at: datetime  # when the order's first token was
    service: str
    site: str
    content_hash: str
    adopted: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the order of a request stands, looked up for entries that found no token."""

    order_id: str
    state: str
    paid_at: datetime
    sequences: tuple[int, ...]  # the entries behind the tokens that it has


_SERVICES = {0: "electricity", 1: "water", 2: "gas", 3: "time"}


def entry_of(data: bytes) -> LogEntry | None:
    """What a line of the log says when it gave tokens; None for acts, starts and tombstones."""
    told = orjson.loads(data)
    if "tokens" not in told:
        return None
    service = _SERVICES.get(told.get("sub"), "") if told["kind"] == "credit" else ""
    return LogEntry(
        told["n"],
        datetime.fromtimestamp(told["at"] / 1000, UTC),
        told["kind"],
        told["order"],
        told.get("sgc") or "",
        service,
        (told.get("units") or 0) if told["kind"] == "credit" else 0,
        told["meter"],
        told["tokens"],
        told["content"],
        hashlib.sha256(b"\0" + data).hexdigest(),
    )


def match_log(
    entries: Iterable[LogEntry],
    tokens: Iterable[TokenRow],
    standing: Callable[[Sequence[str]], dict[str, Standing]],
    found: Found,
    *,
    now: datetime,
    day_of: DayOf,
    within: Callable[[datetime], bool],
    complete_to: datetime,
) -> None:
    """Both in the order of the log's numbers. The log that was read is complete to a moment: what was logged later may
    lie beyond its last entry."""
    lonely: list[LogEntry] = []

    def settle_lonely() -> None:
        known = standing([entry.order for entry in lonely])
        for entry in lonely:
            _without_token(entry, known.get(entry.order), found, now)
        lonely.clear()

    for entry, rows in paired(entries, tokens, attrgetter("sequence"), attrgetter("sequence")):
        found.rows += len(rows) + (entry is not None)
        own = [row for row in rows if entry is not None and row.part_id == entry.order]
        for row in rows:
            if (entry is None or row.part_id != entry.order) and row.at <= complete_to:
                found.add(
                    "entry-missing",
                    row.order_id,
                    f"A token of order {row.order_id} is said to be entry {row.sequence} of the log, and no such entry is there.",
                )
        if entry is None:
            continue
        if own:
            _compare(entry, own, found)
            sums = found.sums_of((day_of(own[0].first_at, own[0].site), entry.sgc, own[0].service))
        elif within(entry.at):
            lonely.append(entry)
            if len(lonely) == 500:
                settle_lonely()
            sums = found.sums_of((day_of(entry.at, ""), entry.sgc, entry.service))
        else:
            continue
        if entry.kind == "credit":
            sums.log_entries += 1
            sums.log_units += entry.units
            sums.token_units += sum(row.units for row in own)
    settle_lonely()


def _compare(entry: LogEntry, rows: Sequence[TokenRow], found: Found) -> None:
    row = rows[0]
    name = f"Entry {entry.sequence} of the log (order {row.order_id})"
    if row.adopted:
        found.adopted += 1
    if len(rows) > _TOKENS_OF.get(entry.kind, 1):
        found.add(
            "token-twice", row.order_id, f"{name} made one token, and {len(rows)} stand in the database."
        )
    elif not _opens(row.salt, "tokens", ",".join(one.digits for one in rows), entry.tokens):
        found.add(
            "token-altered",
            row.order_id,
            f"{name} was made for other digits than those in the database. Trust the log: `keystore log export` shows them.",
        )
    units = sum(one.units for one in rows)
    if entry.kind == "credit" and len(rows) == 1 and units != entry.units:
        found.add(
            "units-differ", row.order_id, f"{name} gave {entry.units} units; the database says {units}."
        )
    if not _is_meter(row, entry):
        found.add("meter-differs", row.order_id, f"{name} was made for another meter than {row.pan}.")
    if not row.adopted and not _opens(row.salt, "content", row.content_hash, entry.content):
        found.add(
            "slip-differs", row.order_id, f"{name} was made for another receipt than the one that is stored."
        )
    if any(one.leaf != entry.leaf for one in rows):
        found.add(
            "slip-differs", row.order_id, f"{name} is not the entry that the receipt names: its hash differs."
        )


def _is_meter(row: TokenRow, entry: LogEntry) -> bool:
    if row.adopted and row.pan.startswith("?"):  # a meter that is not known here is named by its commitment
        return entry.meter.startswith(row.pan[1:])
    return _opens(row.salt, "meter", row.pan, entry.meter)


def _opens(salt: str, what: str, value: str, committed: str) -> bool:
    try:
        key = bytes.fromhex(salt)
    except ValueError:
        return False
    return hmac.digest(key, f"{what}\n{value}".encode(), "sha256").hex() == committed


def _without_token(entry: LogEntry, order: Standing | None, found: Found, now: datetime) -> None:
    energy = f" of {entry.units} units" if entry.kind == "credit" else ""
    name = (
        f"Entry {entry.sequence} of the log, {entry.at:%Y-%m-%d %H:%M} UTC, gave a {entry.kind} token{energy}"
    )
    if order is None:
        found.add(
            "token-unknown",
            entry.order,
            f"{name} for order {entry.order}, which is not in the database. `ampoule reconcile --adopt` takes it in.",
        )
    elif order.sequences:
        others = ", ".join(str(number) for number in order.sequences)
        found.add(
            "token-twice",
            order.order_id,
            f"{name} for order {order.order_id}, which has its token from entry {others} already.",
        )
    elif order.state == "paid":
        # Undecided for too long is told with the orders; a moment ago is how a sale works.
        found.in_flight += now - order.paid_at <= DECIDED_WITHIN
    else:
        found.add(
            "token-missing",
            order.order_id,
            f"{name} for order {order.order_id}, which is {order.state} here and has no such token.",
        )


# --- orders against their tokens and the books ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderRow:
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


@dataclass(frozen=True, slots=True)
class TokensOf:
    order_id: str
    sold: int
    free: int
    parts: int


@dataclass(frozen=True, slots=True)
class AskedOf:
    order_id: str
    asked: int


@dataclass(frozen=True, slots=True)
class BooksOf:
    """One entry of the ledger by its source: what it moved. Energy and money as they left what gave them."""

    source: str
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
    orders: Iterable[OrderRow],
    tokens: Iterable[TokensOf],
    asked: Iterable[AskedOf],
    books: Iterable[BooksOf],
    refused: dict[str, int],
    found: Found,
    *,
    now: datetime,
    day_of: DayOf,
    within: Callable[[datetime], bool],
) -> None:
    """All four in the order of the order's id; the books by their source, which is `order/` and the id."""
    by_order = attrgetter("order_id")
    entries = grouped(books, lambda one: one.source.partition("/")[2])
    for key, (rows, given, wanted, booked) in joined(
        (grouped(orders, by_order), grouped(tokens, by_order), grouped(asked, by_order), entries)
    ):
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
            sums = found.sums_of((day_of(order.at, order.site), order.sgc, order.service))
            sums.book_units += sum(one.sold + one.free for one in booked)
            sums.paid_minor += order.paid_minor
            sums.booked_minor += sum(one.held for one in booked)


def _judge_order(
    order: OrderRow, tokens: TokensOf, expected: int, booked: Sequence[BooksOf], found: Found, now: datetime
) -> None:
    name = f"Order {order.order_id} ({order.receipt or 'no receipt'})"
    if order.receipt is None:
        found.add(
            "order-without-sale", order.order_id, f"{name} belongs to no sale, so no receipt tells of it."
        )
    _judge_entries(order.order_id, name, booked, found)
    if order.state in OPEN:
        if booked:
            found.add(
                "books-too-early", order.order_id, f"{name} is {order.state}, and the books have it as done."
            )
        if tokens.parts:
            found.add(
                "order-tokens-differ", order.order_id, f"{name} is {order.state}, and a token of it is there."
            )
        if order.state == "paid" and now - order.paid_at > DECIDED_WITHIN:
            minutes = int((now - order.paid_at).total_seconds() // 60)
            found.add(
                "order-open",
                order.order_id,
                f"{name} was paid {minutes} minutes ago and is not decided. See whether module and worker run.",
            )
        return
    gave = order.state in GAVE
    units, free = (order.units, order.free_units) if gave else (0, 0)
    if tokens.parts != (expected if gave else 0):
        found.add(
            "order-tokens-differ",
            order.order_id,
            f"{name} is {order.state} with {tokens.parts} tokens; {expected if gave else 0} belong to it.",
        )
    elif (tokens.sold, tokens.free) != (units, free):
        found.add(
            "order-units-differ",
            order.order_id,
            f"{name} gave {units} units and {free} free; its tokens carry {tokens.sold} and {tokens.free}.",
        )
    if not booked:
        if units or free or order.paid_minor:
            found.add(
                "books-missing", order.order_id, f"{name} is {order.state}, and the books know nothing of it."
            )
        return
    sold, given = sum(one.sold for one in booked), sum(one.free for one in booked)
    if (sold, given) != (units, free):
        found.add(
            "books-units-differ",
            order.order_id,
            f"{name} gave {units} units and {free} free; the books say {sold} and {given}.",
        )
    held = sum(one.held for one in booked)
    if held != order.paid_minor:
        found.add(
            "books-money-differ",
            order.order_id,
            f"{name} was paid with {order.paid_minor} minor units, and the books took {held}.",
        )


def _judge_entries(subject: str, name: str, booked: Sequence[BooksOf], found: Found) -> None:
    for one in booked:
        if one.legs != one.legs_posted or one.money_off or one.energy_off:
            found.add(
                "leg-missing",
                subject,
                f"{name}: its entry {one.kind!r} was posted with {one.legs_posted} legs and has {one.legs}; it is "
                f"{one.money_off} minor units and {one.energy_off} units of energy away from zero.",
            )


# --- sales against their payments and receipts ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SaleRow:
    sale_key: str
    receipt: str
    total_minor: int
    sold_at: datetime
    content_hash: str
    content: str  # JSON


@dataclass(frozen=True, slots=True)
class PaidOf:
    sale_key: str
    amount_minor: int
    rounding_minor: int
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class SoldOf:
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
    sales: Iterable[SaleRow],
    payments: Iterable[PaidOf],
    orders: Iterable[SoldOf],
    books: Iterable[BooksOf],
    found: Found,
    *,
    day_of: DayOf,
    within: Callable[[datetime], bool],
) -> None:
    """All four in the order of the sale's key; the books by their source, which is `sale/` and the key."""
    by_sale = attrgetter("sale_key")
    entries = grouped(books, lambda one: one.source.partition("/")[2])
    for key, (rows, paid, ordered, booked) in joined(
        (grouped(sales, by_sale), grouped(payments, by_sale), grouped(orders, by_sale), entries)
    ):
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
    name = f"Receipt {sale.receipt} (sale {sale.sale_key})"
    amount = sum(one.amount_minor for one in paid)
    settled = amount - sum(one.rounding_minor for one in paid)
    if settled < sale.total_minor:
        found.add(
            "unpaid",
            sale.sale_key,
            f"{name} says {sale.total_minor} minor units, and {settled} were paid: its tokens left without money.",
        )
    elif settled > sale.total_minor:
        found.add(
            "paid-twice",
            sale.sale_key,
            f"{name} says {sale.total_minor} minor units, and {settled} were paid.",
        )
    _judge_entries(sale.sale_key, name, booked, found)
    held = -sum(one.held for one in booked)
    if held != sale.total_minor:
        found.add(
            "payment-not-booked",
            sale.sale_key,
            f"{name}: {sale.total_minor} minor units should be in the books as paid; {held} are.",
        )


def _judge_receipt(
    sale: SaleRow,
    ordered: Sequence[SoldOf],
    found: Found,
    *,
    day_of: DayOf,
    within: Callable[[datetime], bool],
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
            found.sums_of((day_of(order.at, order.site), order.sgc, order.service)).receipt_units += units


# --- numbers of receipts ----------------------------------------------------------------------------------------------


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


# --- streams ----------------------------------------------------------------------------------------------------------

Left = TypeVar("Left")
Right = TypeVar("Right")
One = TypeVar("One")


class _Key(Protocol):
    def __call__(self, one: Any, /) -> Any: ...


def grouped(rows: Iterable[One], key: _Key) -> Iterator[tuple[str, list[One]]]:
    """Neighbours with the same key, together."""
    group: list[One] = []
    at: str | None = None
    for row in rows:
        if group and key(row) != at:
            assert at is not None
            yield at, group
            group = []
        at = key(row)
        group.append(row)
    if group:
        assert at is not None
        yield at, group


def joined(streams: Sequence[Iterator[tuple[str, list[Any]]]]) -> Iterator[tuple[str, list[list[Any]]]]:
    """Streams of groups, each rising by key: every key that any of them has, with what each of them has of it."""
    heads = [next(stream, None) for stream in streams]
    while True:
        keys = [head[0] for head in heads if head is not None]
        if not keys:
            return
        least = min(keys)
        groups: list[list[Any]] = []
        for place, head in enumerate(heads):
            if head is not None and head[0] == least:
                groups.append(head[1])
                heads[place] = next(streams[place], None)
            else:
                groups.append([])
        yield least, groups


def paired(
    left: Iterable[Left], right: Iterable[Right], left_key: _Key, right_key: _Key
) -> Iterator[tuple[Left | None, list[Right]]]:
    """Each of the left with those of the right that have its key, and those of the right that find none."""
    rest = grouped(right, right_key)
    head = next(rest, None)
    for one in left:
        key = left_key(one)
        while head is not None and head[0] < key:
            yield None, head[1]
            head = next(rest, None)
        if head is not None and head[0] == key:
            yield one, head[1]
            head = next(rest, None)
        else:
            yield one, []
    while head is not None:
        yield None, head[1]
        head = next(rest, None)
