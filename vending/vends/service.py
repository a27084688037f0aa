"""The sale, in two commits and one log sync.

`place` takes the money (commit 1: sale, orders, payment entry). `complete` asks the module and releases (commit 2: tokens,
settlement entry, outbox): the commit that writes the token is the release, and nothing shows a token before it. Both take
lists. A crash anywhere is finished by calling `complete` again: the same order id gives the same token, so recovery is
the normal path and there is no repair code. An answer that did not come is unknown, never failed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.errors import KeystoreError
from keystore.module import (
    MAX_REQUESTS,
    AlreadyIssued,
    Cancelled,
    CreditRequest,
    Issued,
    MeterKeying,
    SecurityModule,
)
from keystore.module import Refused as ModuleRefusal
from sts import tid as token_time
from vending import audit, outbox
from vending.audit import Doer
from vending.clock import Clock
from vending.crashpoints import reach
from vending.db import Database
from vending.errors import NotFound, VendingError
from vending.estate import queries as estate
from vending.ledger import service as ledger
from vending.ledger.entries import Entry, Leg
from vending.ledger.errors import CeilingReached, FloorReached
from vending.payments import service as payments
from vending.payments.tender import AccountShort, Taken, channel_of, take
from vending.shifts import service as shifts
from vending.shifts.errors import TillFull
from vending.tariffs.quote import Refused
from vending.vends import facts
from vending.vends.content import FORM, content_hash
from vending.vends.errors import ModuleNotReady, OrderIdReused, SaleTooSmall
from vending.vends.plan import (
    Basket,
    Legs,
    Planned,
    drawn_on,
    payment_legs,
    plan_vend,
    quote,
    refund_legs,
    set_aside,
    suspense_legs,
)
from vending.vends.tables import ReceiptSeries, Sale, Token, Vend

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SaleOutcome:
    """Where a sale stands after it was asked for. `open` means: paid, and the answer of the module is not known yet."""

    sale_key: str
    receipt: str
    states: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        return "paid" in self.states


def sell(
    db: Database, clock: Clock, module: SecurityModule, baskets: Sequence[Basket], *, live_only: bool = False
) -> list[SaleOutcome | Exception]:
    """Places and completes a group of baskets. One bad basket never fails its neighbours. `live_only` (production): a
    module with test keys sells nothing."""
    placed = place(db, clock, module, baskets, live_only=live_only)
    keys = [key for key in placed if isinstance(key, str)]
    complete(db, clock, module, _open_orders_of(db, keys))
    outcomes = _outcomes(db, keys)
    return [outcomes[key] if isinstance(key, str) else key for key in placed]


# --- commit 1 ---------------------------------------------------------------------------------------------------------


def place(
    db: Database, clock: Clock, module: SecurityModule, baskets: Sequence[Basket], *, live_only: bool = False
) -> list[str | Exception]:
    """Takes the money of new baskets in one transaction; gives each sale's key, or why it was refused."""
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
    _refuse_unless_ready(module, answers, fresh, live_only=live_only)
    fresh = [number for number in fresh if isinstance(answers[number], str)]
    reach("sale.before-paid")
    try:
        _place_all(db, clock, baskets, fresh, answers)
    except (sa.exc.IntegrityError, VendingError):
        # Another process was faster with one of them, or with money that one of them spends: each is tried alone, with
        # a fresh look, so that only that one hears of it.
        for number in fresh:
            try:
                _place_all(db, clock, baskets, [number], answers)
            except sa.exc.IntegrityError:
                answers[number] = OrderIdReused(
                    "The same sale was asked for twice at once. Look at the page again."
                )
            except VendingError as refused:
                answers[number] = _worded(refused)
    if any(isinstance(answers[number], str) for number in fresh):
        reach("sale.after-paid")
    return answers


_REUSED = "This order id was used for another sale already, so nothing was sold and no money is due. Open the till page anew."


def _place_all(
    db: Database,
    clock: Clock,
    baskets: Sequence[Basket],
    fresh: Sequence[int],
    answers: list[str | Exception],
) -> None:
    now = clock.now()
    with db.writing() as session:
        made = []
        spent = facts.Spent()
        standing = shifts.for_sales(
            session, [baskets[number].shift for number in fresh if baskets[number].shift]
        )
        for number in fresh:
            try:
                # Each basket of the group knows what the ones before it take; a refused one takes nothing.
                tried = spent.copy()
                made.append(_plan(session, clock, baskets[number], tried, standing))
                spent = tried
            except VendingError as refused:
                answers[number] = refused
        if made:
            _write(session, clock, made, now)


@dataclass(frozen=True, slots=True)
class _Made:
    basket: Basket
    drawer: str
    planned: tuple[Planned, ...]
    taken: tuple[Taken, ...]
    currency: str
    total_minor: int


def _plan(
    session: Session,
    clock: Clock,
    basket: Basket,
    spent: facts.Spent,
    standing: Mapping[str, shifts.OpenShift],
) -> _Made:
    """Everything a basket needs to know and to decide, before a row is written."""
    planned: list[Planned] = []
    site = estate.one_site(session, basket.site)
    drawer = basket.till
    if basket.shift:
        found = shifts.require_open(
            standing.get(basket.shift), site=basket.site, till=basket.till, cashier_key=basket.cashier_key
        )
        drawer = found.drawer
    for order in basket.orders:
        known = facts.gather(
            session, clock, order.meter, site, spent=spent, channel=channel_of(basket.tenders)
        )
        quoted = quote(
            known.tariff, known.situation, known.buyer, money_minor=order.money_minor, units=order.units
        )
        if isinstance(quoted, Refused):
            raise SaleTooSmall(quoted.sentence, "amount")
        plan = plan_vend(order, known.buyer, quoted, known.tariff_version, known.situation)
        planned.append(plan)
        spent.count(plan)
    total = sum(plan.pays_minor for plan in planned)
    taken = drawn_on(take(basket.tenders, total, site.currency), planned)
    return _Made(basket, drawer, tuple(planned), taken, site.currency, total)


def _write(session: Session, clock: Clock, made: Sequence[_Made], now: datetime) -> None:
    receipts = _numbers(session, [one.basket.till for one in made])
    sales, vends, entries, paid = [], [], [], []
    for one, receipt in zip(made, receipts, strict=True):
        content = _content(one, receipt, now)
        fixed = content_hash(content)
        basket = one.basket
        sales.append(
            {
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
        )
        for position, plan in enumerate(one.planned, 1):
            buyer = plan.buyer
            request = {
                "meter": buyer.keying,
                "service": buyer.service,
                "subclass": buyer.subclass,
                "units": plan.quote.units,
                "meter_class": buyer.meter_class,
                "content_hash": fixed,
            }
            vends.append(
                {
                    "order_id": plan.order_id,
                    "sale_key": basket.sale_id,
                    "position": position,
                    "meter_key": buyer.meter_key,
                    "pan": buyer.pan,
                    "tenant_key": buyer.tenant_key,
                    "service": buyer.service,
                    "units": plan.quote.units,
                    "paid_minor": plan.pays_minor,
                    "currency": one.currency,
                    "carried_minor": plan.quote.carried_minor,
                    "tariff_version": plan.tariff_version,
                    "priced": plan.priced,
                    "request": request,
                    "settlement": {"legs": [list(leg) for leg in plan.settlement]},
                    "state": "paid",
                    "paid_at": now,
                }
            )
        if one.total_minor:
            legs = payment_legs(one.drawer, one.taken, one.planned, one.currency)
            entries.append(Entry("payment", f"sale/{basket.sale_id}", _legs(legs)))
        paid.append(
            payments.PaymentOf(
                basket.sale_id, one.taken, one.currency, basket.till, basket.cashier_key, now, basket.shift
            )
        )
    session.execute(sa.insert(Sale), sales)
    session.execute(sa.insert(Vend), vends)
    payments.record(session, paid)
    ledger.post(session, clock, entries)
    ledger.hold(session, clock, [hold for one in made for plan in one.planned for hold in _holds(plan)])
    for one, receipt in zip(made, receipts, strict=True):
        audit.record(
            session,
            clock,
            actor=Doer(one.basket.cashier_key, one.basket.cashier_name),
            act="sale.paid",
            subject=f"sale:{one.basket.sale_id}",
            detail={
                "receipt": receipt,
                "total_minor": one.total_minor,
                "way": "+".join(taken.way for taken in one.taken),
                "till": one.basket.till,
            },
        )


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


def _content(made: _Made, receipt: str, now: datetime) -> dict[str, Any]:
    return {
        "form": FORM,
        "receipt": receipt,
        "sold_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "currency": made.currency,
        "total_minor": made.total_minor,
        "orders": [
            {
                "order": plan.order_id,
                "meter": plan.buyer.pan,
                "service": plan.buyer.service,
                "units": plan.quote.units,
                "tariff": plan.tariff_version,
                "paid_minor": plan.pays_minor,
                "lines": [dict(line) for line in plan.lines],
            }
            for plan in made.planned
        ],
    }


def _holds(plan: Planned) -> list[ledger.Hold]:
    return [
        ledger.Hold(_hold_name(plan.order_id, place), account, unit, amount)
        for place, (account, unit, amount) in enumerate(set_aside(plan.settlement))
    ]


def _hold_name(order_id: str, place: int) -> str:
    return f"order/{order_id}/{place}"


def _legs(legs: Sequence[tuple[str, str, int]]) -> tuple[Leg, ...]:
    return tuple(Leg(account, unit, amount) for account, unit, amount in legs)


def _numbers(session: Session, tills: Sequence[str]) -> list[str]:
    """The next receipt numbers of these tills, without a gap: the series is raised in the sale's own transaction."""
    wanted: dict[str, int] = {}
    for till in tills:
        wanted[till] = wanted.get(till, 0) + 1
    next_number: dict[str, int] = {}
    for series, count in sorted(wanted.items()):
        raised = session.execute(
            sa.update(ReceiptSeries)
            .where(ReceiptSeries.series == series)
            .values(last=ReceiptSeries.last + count)
            .returning(ReceiptSeries.last)
        ).scalar_one_or_none()
        if raised is None:
            session.execute(sa.insert(ReceiptSeries).values(series=series, last=count))
            raised = count
        next_number[series] = raised - count
    numbers = []
    for till in tills:
        next_number[till] += 1
        numbers.append(f"{till}-{next_number[till]:06d}")
    return numbers


def _known(session: Session, baskets: Sequence[Basket]) -> dict[str, str]:
    """Sale ids and order ids that exist, with the fingerprint of their sale."""
    sales = [basket.sale_id for basket in baskets]
    orders = [order.order_id for basket in baskets for order in basket.orders]
    rows = session.execute(sa.select(Sale.key, Sale.fingerprint).where(Sale.key.in_(sales))).all()
    known: dict[str, str] = {row.key: row.fingerprint for row in rows}
    for order_id in session.scalars(sa.select(Vend.order_id).where(Vend.order_id.in_(orders))):
        known.setdefault(order_id, "an order of another sale")
    return known


def _refuse_unless_ready(
    module: SecurityModule, answers: list[str | Exception], fresh: Sequence[int], *, live_only: bool
) -> None:
    """Money is not taken while it is known that no token can follow."""
    try:
        status = module.status()
        reason = "" if status.state == "ready" else status.reason
        if status.test and live_only:
            reason = "The security module holds test keys, and this is a production site. Load the site's own key file."
    except KeystoreError as error:
        reason = error.sentence
    if reason:
        refused = ModuleNotReady(f"Nothing can be sold now, and no money is due: {reason}")
        for number in fresh:
            answers[number] = refused


# --- the module, and commit 2 -----------------------------------------------------------------------------------------


def complete(db: Database, clock: Clock, module: SecurityModule, order_ids: Sequence[str]) -> None:
    """Brings paid orders to their end. May be called again and by several at once: each order is decided once."""
    for begin in range(0, len(order_ids), MAX_REQUESTS):
        _complete_group(db, clock, module, list(order_ids[begin : begin + MAX_REQUESTS]))


def _complete_group(db: Database, clock: Clock, module: SecurityModule, order_ids: list[str]) -> None:
    with db.reading() as session:
        rows = session.execute(
            sa.select(Vend.order_id, Vend.request)
            .where(Vend.order_id.in_(order_ids), Vend.state == "paid")
            .order_by(Vend.id)
        ).all()
    if not rows:
        return
    reach("sale.before-issue")
    try:
        answers: list[Any] = list(module.issue([_request(order_id, asked) for order_id, asked in rows]))
        refused = [answer.order_id for answer in answers if isinstance(answer, ModuleRefusal)]
        if refused:
            # A refusal is made final in the module before money goes back: a tombstone decides the race (ADR 0009).
            decided = {answer.order_id: answer for answer in module.cancel(refused)}
            replayed = (
                {
                    answer.order_id: answer
                    for answer in module.replay(
                        [name for name, one in decided.items() if isinstance(one, AlreadyIssued)]
                    )
                }
                if any(isinstance(one, AlreadyIssued) for one in decided.values())
                else {}
            )
            answers = [_decided(answer, decided, replayed) for answer in answers]
    except KeystoreError as error:
        # Unreachable, or the outcome is unknown: the orders stay paid, and the worker asks again.
        log.warning("the module gave no answer for %d orders: %s", len(rows), error.code)
        return
    reach("sale.after-issue")
    release(db, clock, [answer for answer in answers if answer is not None])
    reach("sale.after-release")


def _decided(answer: Any, decided: dict[str, Any], replayed: dict[str, Any]) -> Any:
    if not isinstance(answer, ModuleRefusal):
        return answer
    tombstone = decided.get(answer.order_id)
    if isinstance(tombstone, Cancelled):
        return answer
    again = replayed.get(answer.order_id)
    return again if isinstance(again, Issued) else None  # neither issued nor cancelled: it stays open


def _request(order_id: str, asked: dict[str, Any]) -> CreditRequest:
    return CreditRequest(
        order_id,
        MeterKeying(**asked["meter"]),
        asked["service"],
        asked["subclass"],
        asked["units"],
        asked["meter_class"],
        asked["content_hash"],
    )


def release(db: Database, clock: Clock, answers: Sequence[Issued | ModuleRefusal]) -> None:
    """Writes tokens and posts settlements in one transaction; that commit is the release.

    A group that cannot be booked is released one by one, so that nobody waits for a neighbour. An order that still cannot
    be booked has its token in the module's log already: it is released with its money in suspense, for a person to place.
    """
    if not answers:
        return
    try:
        _release(db, clock, answers)
    except VendingError:
        for answer in answers:
            try:
                _release(db, clock, [answer])
            except VendingError as refused:
                log.error(
                    "order %s could not be booked (%s); its money is in suspense",
                    answer.order_id,
                    refused.code,
                )
                _release(db, clock, [answer], suspense=True)


def _release(
    db: Database, clock: Clock, answers: Sequence[Issued | ModuleRefusal], *, suspense: bool = False
) -> None:
    by_order = {answer.order_id: answer for answer in answers}
    now = clock.now()
    with db.writing() as session:
        rows = session.execute(
            sa.select(Vend)
            .where(Vend.order_id.in_(list(by_order)), Vend.state == "paid")
            .order_by(Vend.id)
            .with_for_update()
        ).scalars()
        tokens: list[dict[str, Any]] = []
        entries: list[Entry] = []
        settled: list[ledger.Settlement] = []
        voided: list[str] = []
        for row in rows:
            answer = by_order[row.order_id]
            legs: Legs = tuple((account, unit, amount) for account, unit, amount in row.settlement["legs"])
            holds = [_hold_name(row.order_id, place) for place in range(len(set_aside(legs)))]
            if isinstance(answer, Issued):
                tokens += _token_rows(row.pan, answer)
                row.state, row.decided_at = "issued", now
                if suspense:
                    legs = suspense_legs(legs, row.order_id)
                    voided += holds
                else:
                    settled += [ledger.Settlement(name, ()) for name in holds]
                entries.append(Entry("vend", f"order/{row.order_id}", _legs(legs)))
                outbox.emit(session, clock, "vend issued", {"order_id": row.order_id, "sale": row.sale_key})
            else:
                row.state, row.decided_at = "refused", now
                row.refusal_code, row.refusal_sentence = answer.code, answer.sentence
                voided += holds
                if row.paid_minor:
                    assert row.tenant_key is not None
                    refund = refund_legs(row.paid_minor, row.currency, row.tenant_key)
                    entries.append(Entry("vend-refused", f"order/{row.order_id}", _legs(refund)))
                outbox.emit(session, clock, "vend refused", {"order_id": row.order_id, "sale": row.sale_key})
        if tokens:
            session.execute(sa.insert(Token), tokens)
        # Holds end first: what they set aside is what the entries now take.
        if voided:
            ledger.void(session, clock, voided)
        if settled:
            ledger.settle(session, clock, settled)
        if entries:
            ledger.post(session, clock, entries)
        reach("sale.before-release")


def _token_rows(pan: str, answer: Issued) -> list[dict[str, Any]]:
    base = token_time.BaseDate(answer.base_date)
    minute = token_time.absolute_minute(answer.tid, base) if answer.tid is not None else None
    return [
        {
            "order_id": answer.order_id,
            "position": position,
            "kind": "credit",
            "pan": pan,
            "absolute_minute": minute,
            "tid": answer.tid,
            "base_date": answer.base_date,
            "units": answer.units,
            "digits": digits,
            "sequence": answer.sequence,
            "logged_at": answer.logged_at,
            "log": answer.log,
            "salt": answer.salt,
            "leaf": answer.leaf,
            "signature": answer.signature,
        }
        for position, digits in enumerate(answer.tokens, 1)
    ]


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


def _open_orders_of(db: Database, sale_keys: Sequence[str]) -> list[str]:
    if not sale_keys:
        return []
    with db.reading() as session:
        return list(
            session.scalars(
                sa.select(Vend.order_id)
                .where(Vend.sale_key.in_(sale_keys), Vend.state == "paid")
                .order_by(Vend.id)
            )
        )


def _outcomes(db: Database, sale_keys: Sequence[str]) -> dict[str, SaleOutcome]:
    with db.reading() as session:
        rows = session.execute(
            sa.select(Sale.key, Sale.receipt, Vend.state)
            .join(Vend, Vend.sale_key == Sale.key)
            .where(Sale.key.in_(sale_keys))
            .order_by(Sale.id, Vend.position)
        ).all()
    states: dict[str, list[str]] = {}
    receipts: dict[str, str] = {}
    for key, receipt, state in rows:
        states.setdefault(key, []).append(state)
        receipts[key] = receipt
    return {key: SaleOutcome(key, receipts[key], tuple(found)) for key, found in states.items()}


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
