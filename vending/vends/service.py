"""The sale, in two commits and one log sync: this file takes the money and asks the module.

`place` takes the money (commit 1: sale, orders, what the module will be asked, payment entry). `complete` asks the module
and lets `releasing` release (commit 2: tokens, settlement entry, outbox): the commit that writes the token is the release,
and nothing shows a token before it. Both take lists. A crash anywhere is finished by calling `complete` again: the same
order id gives the same token, so recovery is the normal path and there is no repair code. An answer that did not come is
unknown, never failed.

Every kind of order goes this way. One without tokens (a top-up, a charge) asks the module nothing and is released all the
same; an act without money joins it in the middle, when two people have agreed (`acting`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.errors import KeystoreError
from keystore.module import MAX_REQUESTS, AlreadyIssued, Cancelled, Issued, Request, SecurityModule
from keystore.module import Refused as ModuleRefusal
from vending import audit, rows
from vending.access import api_keys
from vending.audit import Doer
from vending.clock import Clock
from vending.crashpoints import reach
from vending.db import Database, DiskFull
from vending.errors import NotFound, VendingError
from vending.ledger import service as ledger
from vending.ledger.entries import Entry, Leg
from vending.ledger.errors import CeilingReached, FloorReached
from vending.payments import sellers, vouchers
from vending.payments import service as payments
from vending.payments.sellers import Commission, Position
from vending.payments.tender import AccountShort, Taken, channel_of, take
from vending.rows import among, ask
from vending.shifts import service as shifts
from vending.shifts.errors import TillFull
from vending.vends import facts, queries
from vending.vends.content import FORM, content_hash
from vending.vends.errors import OrderIdReused
from vending.vends.look import Look
from vending.vends.ordering import plan_orders
from vending.vends.outcome import Answered
from vending.vends.plan import Basket, Planned, drawn_on, paid_by_seller, payment_legs, set_aside
from vending.vends.queries import SaleView
from vending.vends.readiness import Readiness
from vending.vends.releasing import OrderAnswered, Released, hold_name, release
from vending.vends.requests import Part, request_of
from vending.vends.tables import AllowanceClaim, Sale, TokenRequest, Vend

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SaleOutcome:
    """Where a sale stands after it was asked for: read back for the whole group at once, so that who answers a caller
    needs no look of his own. `open` means: paid, and the answer of the module is not known yet."""

    sale: SaleView
    seller: Position | None  # where the third-party seller who paid stands now
    handed_over: Mapping[str, datetime]  # his orders whose tokens the customer has, by his word

    @property
    def sale_key(self) -> str:
        return self.sale.key

    @property
    def receipt(self) -> str:
        return self.sale.receipt

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(vend.state for vend in self.sale.vends)

    @property
    def is_open(self) -> bool:
        return "paid" in self.states


def sell(
    db: Database, clock: Clock, module: SecurityModule, baskets: Sequence[Basket], *, live_only: bool = False
) -> list[SaleOutcome | Exception]:
    """Places and completes a group of baskets. One bad basket never fails its neighbours. `live_only` (production): a
    module with test keys sells nothing."""
    written: dict[str, _Written] = {}
    placed = _place(db, clock, module, baskets, written, live_only=live_only)
    keys = [key for key in placed if isinstance(key, str)]
    waiting = [order for one in written.values() for order in one.orders]
    before = [key for key in keys if key not in written]
    if before:
        with db.reading() as session:
            waiting += _open_orders(session, Vend.sale_key.in_(before))
    released = _complete_all(db, clock, module, waiting)
    codes = {basket.till for basket in baskets if basket.is_of_seller}
    outcomes = _outcomes(db, keys, codes, written, released)
    return [outcomes[key] if isinstance(key, str) else key for key in placed]


# --- commit 1 ---------------------------------------------------------------------------------------------------------


def place(
    db: Database, clock: Clock, module: SecurityModule, baskets: Sequence[Basket], *, live_only: bool = False
) -> list[str | Exception]:
    """Takes the money of new baskets in one transaction; gives each sale's key, or why it was refused."""
    return _place(db, clock, module, baskets, {}, live_only=live_only)


def _place(
    db: Database,
    clock: Clock,
    module: SecurityModule,
    baskets: Sequence[Basket],
    written: dict[str, _Written],
    *,
    live_only: bool,
) -> list[str | Exception]:
    """The same; what was committed goes into `written`."""
    answers: list[str | Exception] = [NotFound("")] * len(baskets)
    fresh: list[int] = []
    with db.reading() as session:
        known = _known(session, baskets)
    seen: set[str] = set()
    for place_in_list, basket in enumerate(baskets):
        try:
            basket.check()
            standing = known.get(basket.sale_id)
            if standing is None:
                for order in basket.orders:
                    if order.order_id in known:
                        raise OrderIdReused(_REUSED)
                if basket.sale_id in seen:
                    raise OrderIdReused(
                        "The same sale was asked for twice at once. It is being made; look at the page again."
                    )
                seen.add(basket.sale_id)
                fresh.append(place_in_list)
            elif standing != basket.fingerprint():
                raise OrderIdReused(_REUSED)
            answers[place_in_list] = basket.sale_id
        except VendingError as refused:
            answers[place_in_list] = refused
    if not fresh:
        return answers
    try:
        db.refuse_unless_room()
    except DiskFull as full:
        for number in fresh:
            answers[number] = full
        return answers
    reach("sale.before-paid")
    try:
        ready = Readiness.of(module, live_only=live_only)
        written |= _place_all(db, clock, ready, baskets, fresh, answers)
    except (sa.exc.IntegrityError, VendingError):
        # Another process was faster with one of them, or with money that one of them spends: each is tried alone, with
        # a fresh look, so that only that one hears of it.
        for number in fresh:
            # What was said of it before counted on what its neighbours took, and they took nothing after all.
            answers[number] = baskets[number].sale_id
            try:
                ready = Readiness.of(module, live_only=live_only)
                written |= _place_all(db, clock, ready, baskets, [number], answers)
            except sa.exc.IntegrityError:
                answers[number] = _sold_meanwhile(db, baskets[number])
            except VendingError as refused:
                answers[number] = _worded(refused)
    if any(isinstance(answers[number], str) for number in fresh):
        reach("sale.after-paid")
    return answers


def _sold_meanwhile(db: Database, basket: Basket) -> str | Exception:
    """Somebody else was faster with this very sale, or an answer of the database was lost: it is the same sale."""
    with db.reading() as session:
        standing = _known(session, [basket]).get(basket.sale_id)
    if standing == basket.fingerprint():
        return basket.sale_id
    return OrderIdReused("The same sale was asked for twice at once. Look at the page again.")


_REUSED = "This order id was used for another sale already, so nothing was sold and no money is due. Open the till page anew."


def _place_all(
    db: Database,
    clock: Clock,
    ready: Readiness,
    baskets: Sequence[Basket],
    fresh: Sequence[int],
    answers: list[str | Exception],
) -> dict[str, _Written]:
    now = clock.now()
    with db.writing() as session:
        group = [baskets[number] for number in fresh]
        ground = _Ground(
            session,
            clock,
            ready,
            Look.ahead(session, clock, group, lock=True),
            shifts.for_sales(session, [basket.shift for basket in group if basket.shift]),
            sellers.commissions(session, {basket.till for basket in group if basket.is_of_seller}),
        )
        made = []
        spent = facts.Spent()
        for number in fresh:
            try:
                # Each basket of the group knows what the ones before it take; a refused one takes nothing.
                tried = spent.copy()
                made.append(_plan(ground, baskets[number], tried))
                spent = tried
            except VendingError as refused:
                answers[number] = refused
        return _write(session, clock, made, now) if made else {}


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all baskets of a group are planned on, read once for the group."""

    session: Session
    clock: Clock
    ready: Readiness
    look: Look
    shifts: Mapping[str, shifts.OpenShift]
    commissions: Mapping[str, Commission]


@dataclass(frozen=True, slots=True)
class _Made:
    basket: Basket
    drawer: str
    planned: tuple[Planned, ...]
    taken: tuple[Taken, ...]
    currency: str
    zone: ZoneInfo
    total_minor: int


def _plan(ground: _Ground, basket: Basket, spent: facts.Spent) -> _Made:
    """Everything a basket needs to know and to decide, before a row is written."""
    session, clock = ground.session, ground.clock
    site = ground.look.site(basket.site)
    drawer = basket.till
    if basket.shift:
        found = shifts.require_open(
            ground.shifts.get(basket.shift),
            site=basket.site,
            till=basket.till,
            cashier_key=basket.cashier_key,
        )
        drawer = found.drawer
    planned = plan_orders(session, clock, basket, site, spent, channel_of(basket.tenders), ground.look)
    for plan in planned:
        ground.ready.require(session, plan, clock.now())
    if basket.is_of_seller:
        rate = ground.commissions.get(basket.till, Commission(0))
        earns = partial(sellers.commission_legs, basket.till, rate, site.currency)
        planned = tuple(paid_by_seller(plan, sellers.account_of(basket.till), earns) for plan in planned)
    total = sum(plan.pays_minor for plan in planned)
    if basket.most_minor is not None:
        api_keys.refuse_over_limit(basket.most_minor, total)
    tenders = vouchers.worth(
        session,
        basket.tenders,
        site=basket.site,
        currency=site.currency,
        today=clock.now().astimezone(site.zone).date(),
    )
    taken = drawn_on(take(tenders, total, site.currency), planned)
    payments.refuse_used_transfers(session, taken)
    return _Made(basket, drawer, planned, taken, site.currency, site.zone, total)


@dataclass(frozen=True, slots=True)
class _Written:
    """A sale's rows as they were written, and its orders as they wait for the module."""

    sale: dict[str, Any]
    vends: list[dict[str, Any]]
    taken: tuple[Taken, ...]
    orders: list[_Open]


def _write(session: Session, clock: Clock, made: Sequence[_Made], now: datetime) -> dict[str, _Written]:
    written: dict[str, _Written] = {}
    receipts = next_numbers(session, [one.basket.till for one in made])
    sales, vends, asked, claims, entries, paid = [], [], [], [], [], []
    for one, receipt in zip(made, receipts, strict=True):
        content = _content(one, receipt, now)
        fixed = content_hash(content)
        basket = one.basket
        sale = {
            "key": basket.sale_id,
            "receipt": receipt,
            "site_key": basket.site,
            "till": basket.till,
            "cashier_key": basket.cashier_key,
            "cashier_name": basket.cashier_name,
            "currency": one.currency,
            "total_minor": one.total_minor,
            "fingerprint": basket.fingerprint(),
            "content": content,
            "content_hash": fixed,
            "copies": 0,
            "sold_at": now,
        }
        sales.append(sale)
        own = written[basket.sale_id] = _Written(sale, [], one.taken, [])
        for position, plan in enumerate(one.planned, 1):
            own.vends.append(vend_row(plan, basket.sale_id, position, one.currency, now, state="paid"))
            own.orders.append(_open_of(plan.order_id, plan.parts, plan.buyer.keying, fixed, None))
            asked += request_rows(plan)
            if plan.claim is not None:
                entitlement, month = plan.claim
                claims.append({"order_id": plan.order_id, "entitlement": entitlement, "month": month})
        vends += own.vends
        if one.total_minor:
            legs = payment_legs(one.drawer, one.taken, one.planned, one.currency)
            entries.append(Entry("payment", f"sale/{basket.sale_id}", _legs(legs)))
        paid.append(
            payments.PaymentOf(
                basket.sale_id, one.taken, one.currency, basket.till, basket.cashier_key, now, basket.shift
            )
        )
    rows.add(session, Sale, sales)
    rows.add(session, Vend, vends)
    rows.add(session, TokenRequest, asked)
    rows.add(session, AllowanceClaim, claims)
    payments.record(session, paid)
    ledger.post(session, clock, entries)
    ledger.hold(session, clock, [hold for one in made for plan in one.planned for hold in _holds(plan)])
    audit.record_all(
        session,
        clock,
        [
            audit.Act(
                Doer(one.basket.cashier_key, one.basket.cashier_name),
                "sale.paid",
                f"sale:{one.basket.sale_id}",
                {
                    "receipt": receipt,
                    "total_minor": one.total_minor,
                    "way": "+".join(taken.way for taken in one.taken),
                    "till": one.basket.till,
                },
            )
            for one, receipt in zip(made, receipts, strict=True)
        ],
    )
    return written


def _worded(refused: VendingError) -> VendingError:
    """A bound of an account, in the words of a desk. How much is in the drawer is not told: its count is blind."""
    if isinstance(refused, CeilingReached) and refused.path.startswith("cash/"):
        return TillFull(
            "This drawer holds as much cash as it may, so nothing was sold and no money is due. Move cash to the safe, "
            "then sell again, or let the customer pay by card."
        )
    if isinstance(refused, FloorReached) and refused.path.startswith("customer/"):
        return AccountShort(
            "The customer's account holds less than that, so nothing was sold. Take a smaller part from it and the rest "
            "another way.",
            "tender",
        )
    return refused


def vend_row(
    plan: Planned, sale_key: str, position: int, currency: str, now: datetime, *, state: str
) -> dict[str, Any]:
    buyer = plan.buyer
    return {
        "order_id": plan.order_id,
        "sale_key": sale_key,
        "position": position,
        "kind": plan.kind,
        "meter_key": buyer.meter_key or None,
        "pan": buyer.pan or None,
        "tenant_key": buyer.tenant_key or None,
        "service": buyer.service,
        "units": plan.units,
        "free_units": plan.free_units,
        "paid_minor": plan.pays_minor,
        "returned_minor": 0,
        "currency": currency,
        "carried_minor": plan.carried_minor,
        "tariff_version": plan.tariff_version,
        "priced": plan.priced,
        "keying": buyer.keying,
        "carries": list(buyer.carries),
        "settlement": plan.settlement.as_json(),
        "approval": None,
        "state": state,
        "paid_at": now,
    }


def request_rows(plan: Planned) -> list[dict[str, Any]]:
    return [
        {
            "part_id": part.part_id,
            "order_id": plan.order_id,
            "position": part.position,
            "kind": part.kind,
            "units": part.units,
            "asked": part.asked,
        }
        for part in plan.parts
    ]


def _content(made: _Made, receipt: str, now: datetime) -> dict[str, Any]:
    return {
        "form": FORM,
        "receipt": receipt,
        # With the site's offset: whoever checks the paper sees the clock that the paper shows.
        "sold_at": now.astimezone(made.zone).isoformat(timespec="seconds"),
        "currency": made.currency,
        "total_minor": made.total_minor,
        "orders": [plan.content() for plan in made.planned],
    }


def _holds(plan: Planned) -> list[ledger.Hold]:
    return [
        ledger.Hold(hold_name(plan.order_id, place), account, unit, amount)
        for place, (account, unit, amount) in enumerate(set_aside(plan.settlement.legs))
    ]


def _legs(legs: Sequence[tuple[str, str, int]]) -> tuple[Leg, ...]:
    return tuple(Leg(account, unit, amount) for account, unit, amount in legs)


_RAISE = (
    "INSERT INTO receipt_series (series, last) {series} "
    "ON CONFLICT (series) DO UPDATE SET last = receipt_series.last + excluded.last RETURNING series, last"
)
_RAISE_POSTGRESQL = _RAISE.format(
    series="SELECT key, value::bigint FROM json_each_text(%s::json) ORDER BY key"
)
_RAISE_SQLITE = _RAISE.format(series="SELECT key, value FROM json_each(?) WHERE true ORDER BY key")


def next_numbers(session: Session, tills: Sequence[str]) -> list[str]:
    """The next receipt numbers of these tills, without a gap: the series is raised in the sale's own transaction."""
    wanted: dict[str, int] = {}
    for till in tills:
        wanted[till] = wanted.get(till, 0) + 1
    session.flush()
    connection = session.connection()
    # In order of name, so that two transactions never wait for each other in a ring.
    statement = _RAISE_POSTGRESQL if connection.dialect.name == "postgresql" else _RAISE_SQLITE
    raised = rows.run(connection, statement, (json.dumps(wanted),))
    next_number = {name: last - wanted[name] for name, last in raised}
    numbers = []
    for till in tills:
        next_number[till] += 1
        numbers.append(f"{till}-{next_number[till]:06d}")
    return numbers


_KNOWN = sa.union_all(
    sa.select(Sale.key, Sale.fingerprint).where(among(Sale.key)),
    sa.select(Vend.order_id, sa.literal_column("''", sa.String)).where(
        among(Vend.order_id, parameter="orders")
    ),
)


def _known(session: Session, baskets: Sequence[Basket]) -> dict[str, str]:
    """Sale ids and order ids that exist, with the fingerprint of their sale."""
    sales = [basket.sale_id for basket in baskets]
    orders = [order.order_id for basket in baskets for order in basket.orders]
    found = ask(session, _KNOWN, names=sales, orders=orders)
    known: dict[str, str] = {key: fingerprint for key, fingerprint in found if fingerprint}
    for order_id, fingerprint in found:
        if not fingerprint:
            known.setdefault(order_id, "an order of another sale")
    return known


# --- the module, and commit 2 -----------------------------------------------------------------------------------------


def complete(db: Database, clock: Clock, module: SecurityModule, order_ids: Sequence[str]) -> None:
    """Brings paid orders to their end. May be called again and by several at once: each order is decided once."""
    with db.reading() as session:
        waiting = _open_orders(session, Vend.order_id.in_(order_ids))
    _complete_all(db, clock, module, waiting)


def _complete_all(
    db: Database, clock: Clock, module: SecurityModule, waiting: Sequence[_Open]
) -> dict[str, Released]:
    released: dict[str, Released] = {}
    for begin in range(0, len(waiting), MAX_REQUESTS):
        released |= _complete_group(db, clock, module, waiting[begin : begin + MAX_REQUESTS])
    return released


@dataclass(slots=True)
class _Open:
    """An order that waits for the module: its parts, what was answered, and what is still to be asked."""

    order_id: str
    parts: list[Part]
    requests: dict[str, Request]
    answers: dict[str, Issued | ModuleRefusal]

    def next_parts(self) -> list[Part]:
        """Credit tokens one after another, so that what came is always the first so many; the rest at once."""
        waiting = [part for part in self.parts if part.part_id not in self.answers]
        credits = [part for part in waiting if part.kind == "credit"]
        return [part for part in waiting if part.kind != "credit"] + credits[:1]

    def skip_after_refusal(self) -> None:
        """What follows a refused credit token is not asked for; it is refused with it, for the same reason."""
        credits = [part for part in self.parts if part.kind == "credit"]
        refused = next(
            (self.answers[p.part_id] for p in credits if _is_refusal(self.answers.get(p.part_id))), None
        )
        if isinstance(refused, ModuleRefusal):
            for part in credits:
                self.answers.setdefault(
                    part.part_id, ModuleRefusal(part.part_id, refused.code, refused.sentence)
                )

    @property
    def refused(self) -> list[str]:
        return [name for name, answer in self.answers.items() if isinstance(answer, ModuleRefusal)]


def _is_refusal(answer: object) -> bool:
    return isinstance(answer, ModuleRefusal)


def _complete_group(
    db: Database, clock: Clock, module: SecurityModule, found: Sequence[_Open]
) -> dict[str, Released]:
    reach("sale.before-issue")
    try:
        while True:
            asked = [(order, part) for order in found for part in order.next_parts()]
            if not asked:
                break
            for begin in range(0, len(asked), MAX_REQUESTS):
                some = asked[begin : begin + MAX_REQUESTS]
                answers = module.issue([order.requests[part.part_id] for order, part in some])
                for (order, part), answer in zip(some, answers, strict=True):
                    order.answers[part.part_id] = answer
            for order in found:
                order.skip_after_refusal()
        undecided = _make_final(module, found)
    except KeystoreError as error:
        # Unreachable, or the outcome is unknown: the orders stay paid, and the worker asks again. Those that ask for no
        # token do not wait with them.
        log.warning("the module gave no answer for %d orders: %s", len(found), error.code)
        undecided = {order.order_id for order in found if order.parts}
    reach("sale.after-issue")
    released = release(
        db,
        clock,
        [
            OrderAnswered(
                order.order_id, tuple(Answered(part, order.answers[part.part_id]) for part in order.parts)
            )
            for order in found
            if order.order_id not in undecided
        ],
    )
    reach("sale.after-release")
    return released


def _make_final(module: SecurityModule, found: Sequence[_Open]) -> set[str]:
    """A refusal is made final in the module before money goes back: a tombstone decides the race (ADR 0009). Gives the
    orders that stay open, because a part of theirs was issued to somebody else's asking meanwhile."""
    refused = [(order, name) for order in found for name in order.refused]
    undecided = set()
    for begin in range(0, len(refused), MAX_REQUESTS):
        some = refused[begin : begin + MAX_REQUESTS]
        for (order, name), answer in zip(some, module.cancel([name for _order, name in some]), strict=True):
            if isinstance(answer, AlreadyIssued) and len(order.parts) == 1:
                (again,) = module.replay([name])
                if isinstance(again, Issued):
                    order.answers[name] = again
                    continue
            if not isinstance(answer, Cancelled):
                undecided.add(order.order_id)
    return undecided


def _open_orders(session: Session, which: sa.ColumnElement[bool]) -> list[_Open]:
    """Orders that are paid and not decided, with all that the module is to be asked for them."""
    found = session.execute(
        sa.select(Vend.order_id, Vend.keying, Vend.approval, Sale.content_hash)
        .join(Sale, Sale.key == Vend.sale_key)
        .where(which, Vend.state == "paid")
        .order_by(Vend.id)
    ).all()
    parts: dict[str, list[Part]] = {row.order_id: [] for row in found}
    for one in session.execute(
        sa.select(*TokenRequest.__table__.c)
        .where(among(TokenRequest.order_id, parts))
        .order_by(TokenRequest.order_id, TokenRequest.position)
    ):
        parts[one.order_id].append(Part(one.part_id, one.position, one.kind, one.units, one.asked))
    return [
        _open_of(row.order_id, parts[row.order_id], row.keying, row.content_hash, row.approval)
        for row in found
    ]


def _open_of(
    order_id: str, parts: Sequence[Part], keying: dict[str, Any], content_hash: str, approval: str | None
) -> _Open:
    requests = {part.part_id: request_of(part, keying, content_hash, approval) for part in parts}
    return _Open(order_id, list(parts), requests, {})


# --- recovery ---------------------------------------------------------------------------------------------------------


def list_open(
    db: Database, clock: Clock, *, older_than: timedelta = timedelta(), most: int = 1000
) -> list[str]:
    """Orders that are paid and not decided, the oldest first."""
    with db.reading() as session:
        return list(
            session.scalars(
                sa.select(Vend.order_id)
                .where(Vend.state == "paid", Vend.paid_at <= clock.now() - older_than)
                .order_by(Vend.id)
                .limit(most)
            )
        )


def requests_waiting(db: Database, clock: Clock) -> Iterator[Request]:
    """What the module is to be asked for next, for every order that is paid and not decided: the order file of D14.

    Of several credit tokens it is the first that did not come, as the server itself asks: whatever the batch answers, what
    came is then the first so many.
    """
    waiting = list_open(db, clock, most=10_000_000)
    for begin in range(0, len(waiting), MAX_REQUESTS):
        with db.reading() as session:
            found = _open_orders(session, Vend.order_id.in_(waiting[begin : begin + MAX_REQUESTS]))
        for order in found:
            for part in order.next_parts():
                yield order.requests[part.part_id]


def _outcomes(
    db: Database,
    keys: Sequence[str],
    codes: Collection[str],
    written: Mapping[str, _Written],
    released: Mapping[str, Released],
) -> dict[str, SaleOutcome]:
    """Where these sales stand. What was sold just now is told from what was written; the others are looked up."""
    sales = [
        _view_of(one, released)
        for one in written.values()
        if all(_is_at_hand(vend, released) for vend in one.vends)
    ]
    told = {sale.key for sale in sales}
    before = [key for key in dict.fromkeys(keys) if key not in told]
    if not before and not codes:
        return {sale.key: SaleOutcome(sale, None, {}) for sale in sales}
    with db.reading() as session:
        sales += queries.list_sales(session, before)
        positions = sellers.positions(session, codes)
        orders = [vend.order_id for sale in sales if sale.key not in told for vend in sale.vends]
        handed = sellers.handed_over(session, orders) if orders and positions else {}
    return {sale.key: SaleOutcome(sale, positions.get(sale.till), handed) for sale in sales}


def _is_at_hand(vend: dict[str, Any], released: Mapping[str, Released]) -> bool:
    """Not when another process decided the order, or none did yet; nor when it carries another order's tokens."""
    return vend["order_id"] in released and not vend["carries"]


def _view_of(one: _Written, released: Mapping[str, Released]) -> SaleView:
    vends = [vend | released[vend["order_id"]].changed for vend in one.vends]
    tokens = {vend["order_id"]: released[vend["order_id"]].tokens for vend in vends}
    return queries.as_written(one.sale, vends, tokens, one.taken)


def reprint(db: Database, clock: Clock, sale_key: str, *, actor: Any) -> int:
    """Counts one more copy: the same content, the same token, no new entry. Gives the copy's number."""
    with db.writing() as session:
        copies = session.execute(
            sa.update(Sale).where(Sale.key == sale_key).values(copies=Sale.copies + 1).returning(Sale.copies)
        ).scalar_one_or_none()
        if copies is None:
            raise NotFound("There is no sale under that number.")
        audit.record(
            session,
            clock,
            actor=actor,
            act="sale.printed",
            subject=f"sale:{sale_key}",
            detail={"copy": copies},
        )
        return int(copies)
