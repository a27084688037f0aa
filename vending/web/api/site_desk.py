"""A real site behind the API: the same sale as at the till, paid from the seller's money.

Whatever is looked up is looked up at the key's own site, and by a seller only among his own sales: an id of another
site or another seller gives the same answer as one that does not exist.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

import sts
from keystore.errors import KeystoreError
from vending.access import api_keys
from vending.access.policy import Permission
from vending.errors import NotFound, VendingError
from vending.estate import paging
from vending.estate import queries as estate
from vending.estate.numbers import pan_of
from vending.ledger import queries as ledger
from vending.ledger.errors import FloorReached
from vending.payments import sellers
from vending.payments.sellers import SellerLimitReached, SellerMissing, SellerView
from vending.payments.tender import SELLER, Tender
from vending.services import Services
from vending.tariffs.quote import Refused
from vending.vends import facts, listing, older_tokens, ordering, plan, reversing, splitting
from vending.vends import service as vends
from vending.vends.errors import MeterNotForSale, OrderIdReused
from vending.vends.listing import OrderView
from vending.vends.look import Look
from vending.vends.ordering import QuoteAsked
from vending.vends.plan import Basket, VendOrder
from vending.vends.queries import SaleView, VendView
from vending.vends.service import SaleOutcome
from vending.web import words
from vending.web.api import cursors, masking
from vending.web.api import schemas as s
from vending.web.api.keyring import Caller
from vending.web.refusals import CurrencyWrong, OrderUnknown


class SiteDesk:
    def __init__(self, services: Services, caller: Caller) -> None:
        self._services = services
        self._client = caller.client
        self._seller = caller.seller
        self._site = caller.client.site

    # --- before the sale

    def look_up(self, number: str) -> s.Meter:
        services = self._services
        with services.db.reading() as session:
            site = estate.one_site(session, self._site)
            meter = estate.one_meter(session, services.clock, number, sites=(self._site,))
            why_not = facts.why_not_for_sale(meter) or None
            least = tariff = most = None
            kept = free = 0
            carries = False
            debts: dict[str, int] = {}
            older: list[s.OlderToken] = []
            if meter.tenant is not None:
                debts = facts.debts_of(
                    Look(session, services.clock), meter.tenant.key, site.currency, facts.Spent()
                )
            if why_not is None and meter.credit_in == "account":
                least, tariff = 1, meter.tariff
            elif why_not is None:
                known = facts.gather(
                    session, services.clock, meter.key, site, spent=facts.Spent(), channel=SELLER
                )
                tariff, kept, carries = (
                    known.tariff_version,
                    known.buyer.kept_minor,
                    bool(known.buyer.carries),
                )
                least, most = _least(known), splitting.most_units(meter.token_limit_units)
                if carries:
                    older = _older(session, meter.key)
                due = ordering.free_units(known)
                free = due.units if due is not None else 0
            position = self._position(session)
        limits = [self._client.sale_limit_minor or None, position.remaining_minor if position else None]
        return s.Meter(
            number=meter.drn,
            pan=meter.pan,
            service=meter.service,  # type: ignore[arg-type]  # the estate holds these services alone
            unit=words.unit_of(meter.service),
            credit_in=meter.credit_in,  # type: ignore[arg-type]  # "meter" or "account", by the table's constraint
            place=meter.space.code if meter.space else "",
            owner=masking.masked(meter.tenant.name) if meter.tenant else "",
            tariff=tariff,
            for_sale=why_not is None,
            why_not=why_not,
            currency=site.currency,
            minimum_minor=least,
            maximum_minor=max(0, min((one for one in limits if one is not None), default=0))
            if why_not is None
            else None,
            maximum_units=most,
            arrears=[
                s.Arrears(label=facts.debt_label(which), owed_minor=owed) for which, owed in debts.items()
            ],
            arrears_minor=sum(debts.values()),
            kept_minor=kept,
            free_issue_due_units=free,
            key_change_due=carries,
            older_tokens=older,
            keying=s.Keying(
                sgc=str(meter.keying.sgc),
                krn=int(meter.keying.krn),
                ti=str(meter.keying.ti),
                ea=str(meter.keying.ea),
                tct=str(meter.keying.tct),
            ),
            seller=_told(self._seller, position),
        )

    def quote(self, trial: s.Trial) -> s.Quote:
        currency = self._seller.currency if self._seller is not None else self._currency()
        money, units = _asked(trial.amount, currency)
        asked = QuoteAsked(
            VendOrder(_TRIAL, pan_of(trial.meter), money, units),
            self._site,
            self._seller.code if self._seller is not None else "",
            SELLER,
        )
        quoted = self._services.quotes.submit(asked)
        planned = quoted.planned
        return s.Quote(
            meter=planned.buyer.pan,
            service=planned.buyer.service,
            unit=words.unit_of(planned.buyer.service),
            currency=quoted.currency,
            pays_minor=planned.pays_minor,
            units=planned.units,
            free_units=planned.free_units,
            carried_minor=planned.carried_minor,
            tariff=planned.tariff_version,
            lines=_lines(planned.lines),
            seller=_told(self._seller, quoted.seller),
        )

    # --- the sale

    def sell(self, orders: Sequence[s.Order]) -> list[s.Vend | VendingError]:
        seller = self._selling()
        baskets: dict[str, Basket] = {}
        answers: dict[str, s.Vend | VendingError] = {}
        for order in orders:
            try:
                baskets[order.order_id] = self._basket(order, seller)
            except VendingError as refused:
                answers[order.order_id] = refused
        outcomes = dict(zip(baskets, self._services.sales.submit_all(list(baskets.values())), strict=True))
        # Two askings of one order at the same moment: the one that came second asks again, and hears of the first.
        twice = [order_id for order_id, outcome in outcomes.items() if isinstance(outcome, OrderIdReused)]
        outcomes |= zip(
            twice, self._services.sales.submit_all([baskets[order_id] for order_id in twice]), strict=True
        )
        position = None
        for order_id, outcome in outcomes.items():
            if not isinstance(outcome, SaleOutcome):
                position = position or self._look_at_position()
                answers[order_id] = self._refusal(outcome, position)
            elif (outcome.sale.site_key, outcome.sale.till) != (self._site, seller.code):
                # An id that belongs to a sale of somebody else: whose, and of what, is not ours to say.
                answers[order_id] = OrderIdReused(_REUSED)
            else:
                vend = next(one for one in outcome.sale.vends if one.order_id == order_id)
                told = _told(seller, outcome.seller)
                answers[order_id] = _vend(outcome.sale, vend, outcome.handed_over, told)
        return [answers[order.order_id] for order in orders]

    def _selling(self) -> SellerView:
        if self._seller is None or self._seller.site_key != self._site:
            raise SellerMissing(
                "This key belongs to no seller of its site, so nobody's money would pay. Ask a manager for a seller's key."
            )
        self._seller.refuse_if_blocked()
        return self._seller

    def _basket(self, order: s.Order, seller: SellerView) -> Basket:
        money, units = _asked(order.amount, seller.currency)
        limit = self._client.sale_limit_minor
        if money is not None:
            api_keys.refuse_over_limit(limit, money)
        return Basket(
            sale_id=order.order_id,
            orders=(VendOrder(order.order_id, pan_of(order.meter), money, units),),
            tenders=(Tender(SELLER, reference=order.order_id),),
            site=self._site,
            till=seller.code,
            cashier_key=self._client.actor.key,
            cashier_name=seller.name,
            # By energy the price is known when it is planned; the limit of one sale counts for it all the same.
            most_minor=limit if money is None else None,
        )

    def _refusal(self, error: Exception, position: sellers.Position | None) -> VendingError:
        if (
            isinstance(error, FloorReached)
            and self._seller is not None
            and error.path == self._seller.account
        ):
            return SellerLimitReached(position.remaining_minor if position else 0, self._seller.currency)
        if isinstance(error, OrderIdReused):
            return OrderIdReused(_REUSED)
        if isinstance(error, VendingError):
            return error
        raise error

    # --- after the sale

    def advise(self, order_id: str) -> s.Vend:
        with self._services.db.reading() as session:
            return self._vend(session, self._one(session, order_id), self._position(session))

    def last(self, number: str | None) -> s.Vend:
        with self._services.db.reading() as session:
            meter_key = self._meter_key(session, number)
            found = listing.last_order(session, site=self._site, seller=self._sold_by, meter_key=meter_key)
            if found is None:
                raise NotFound("Nothing has been sold yet that this key may see.")
            return self._vend(session, found, self._position(session))

    def list_vends(self, page: s.VendPage) -> s.Vends:
        before = cursors.read("vends", page.cursor, start=-1)
        with self._services.db.reading() as session:
            orders = listing.list_orders(
                session,
                site=self._site,
                seller=self._sold_by,
                meter_key=self._meter_key(session, page.meter),
                before=None if before < 0 else before,
                most=page.limit + 1,
            )
            shown = orders[: page.limit]
            handed = sellers.handed_over(session, [order.vend.order_id for order in shown])
            items = [_vend(order.sale, order.vend, handed, None) for order in shown]
        return s.Vends(
            items=items, next=cursors.write("vends", shown[-1].place) if len(orders) > page.limit else None
        )

    def confirm(self, order_id: str) -> s.Vend:
        seller = self._selling()
        db, clock = self._services.db, self._services.clock
        with db.reading() as session:
            found = self._one(session, order_id)
        if not found.vend.tokens:
            raise MeterNotForSale(
                "This order has no token that could have been handed over. Ask what became of it."
            )
        try:
            with db.writing() as session:
                sellers.confirm(session, clock, self._client.actor, order_id, seller.code)
        except sa.exc.IntegrityError:
            pass  # the same was said at the same moment: it stands
        return self.advise(order_id)

    def reprint(self, order_id: str) -> s.Vend:
        with self._services.db.reading() as session:
            found = self._one(session, order_id)
        if not found.vend.tokens:
            raise MeterNotForSale("This order has no token to print. Ask what became of it.")
        vends.reprint(self._services.db, self._services.clock, found.sale.key, actor=self._client.actor)
        return self.advise(order_id)

    def ask_reversal(self, order_id: str, asked: s.ReversalRequest) -> s.Reversal:
        services = self._services
        with services.db.reading() as session:
            self._one(session, order_id)
            handed = sellers.handed_over(session, [order_id]).get(order_id)
        # An order has one reversal from here, so its id is made from the order's.
        told = reversing.reverse(
            services.db,
            services.clock,
            services.module,
            self._client.actor,
            str(uuid.uuid5(uuid.UUID(order_id), "reversal")),
            order_id,
            why=asked.why,
            reason=asked.reason,
            evidence={
                "seller": self._client.seller,
                "says": asked.evidence.strip(),
                "handed over": handed.isoformat(timespec="seconds") if handed else None,
            },
        )
        return s.Reversal(
            order_id=order_id,
            reversal=told.order_id,
            state="reversed" if told.state == "done" else told.state,  # type: ignore[arg-type]  # by the table's constraint
            amount_minor=told.amount_minor,
            currency=told.currency,
            credit_note=told.credit_note,
            asked_at=told.asked_at,
        )

    # --- the seller and the site

    def seller(self) -> s.SellerAnswer:
        seller = self._selling()
        with self._services.db.reading() as session:
            position = _told(seller, sellers.position(session, seller))
        assert position is not None
        return s.SellerAnswer(
            code=seller.code, name=seller.name, commission=str(seller.commission), position=position
        )

    def position(self) -> s.SellerPosition | None:
        return _told(self._seller, self._look_at_position())

    def statement(self, span: s.Span) -> s.SellerStatement:
        seller = self._selling()
        with self._services.db.reading() as session:
            told = sellers.settlement(session, seller, span.since, span.until)
        return s.SellerStatement(
            code=seller.code,
            name=seller.name,
            currency=seller.currency,
            since=told.since,
            until=told.until,
            opening_minor=told.opening_minor,
            paid_in_minor=told.paid_in_minor,
            sold_minor=told.sold_minor,
            returned_minor=told.returned_minor,
            other_minor=told.other_minor,
            closing_minor=told.closing_minor,
            commission_opening_minor=told.commission_opening_minor,
            commission_earned_minor=told.commission_earned_minor,
            commission_paid_minor=told.commission_paid_minor,
            commission_closing_minor=told.commission_closing_minor,
            rows=[
                s.StatementRow(
                    at=row.at,
                    kind=row.kind,
                    source=row.source,
                    note=row.note,
                    amount_minor=row.amount_minor,
                    balance_minor=row.balance_minor,
                )
                for row in told.rows
            ],
        )

    def list_meters(self, page: s.Page) -> s.Meters:
        after = cursors.read("meters", page.cursor)
        with self._services.db.reading() as session:
            found = paging.page_of_meters(
                session, self._services.clock, self._site, after=after, most=page.limit
            )
        return s.Meters(
            items=[
                s.MeterRow(
                    key=one.key,
                    number=one.drn,
                    pan=one.pan,
                    service=one.service,
                    label=one.label,
                    place=one.space.code if one.space else "",
                    tenant=one.tenant.key if one.tenant else None,
                    state=one.state,
                    credit_in=one.credit_in,
                    tariff=one.tariff,
                )
                for one in found.items
            ],
            next=cursors.write("meters", found.next) if found.next is not None else None,
        )

    def list_tenants(self, page: s.Page) -> s.Tenants:
        after = cursors.read("tenants", page.cursor)
        mask = self._client.seller is not None
        with self._services.db.reading() as session:
            found = paging.page_of_tenants(session, self._site, after=after, most=page.limit)
        return s.Tenants(
            items=[
                s.TenantRow(
                    key=one.key,
                    number=one.number,
                    name=masking.masked(one.name) if mask else one.name,
                    kind=one.kind,
                )
                for one in found.items
            ],
            next=cursors.write("tenants", found.next) if found.next is not None else None,
        )

    def balances(self, tenant: str) -> s.Balances:
        with self._services.db.reading() as session:
            site = estate.one_site(session, self._site)
            if estate.one_tenant(session, tenant).site_key != self._site:
                raise NotFound("There is no such tenant here. Search again by name.")
            debts = [path for path, _owed in ledger.list_under(session, f"debt/{tenant}/", site.currency)]
            paths = [f"customer/{tenant}", f"kept/{tenant}", f"deposit/{tenant}", *debts]
            standing = ledger.standing(session, [(path, site.currency) for path in paths])
        return s.Balances(
            tenant=tenant,
            currency=site.currency,
            balances=[
                s.Balance(
                    account=one.account.replace(f"/{tenant}", "", 1),
                    balance_minor=one.balance,
                    set_aside_minor=one.held,
                )
                for one in standing
            ],
        )

    def status(self) -> s.Status:
        services = self._services
        try:
            state = services.module.status()
            reason = "" if state.state == "ready" else state.reason
        except KeystoreError as error:
            reason = error.sentence
        with services.db.reading() as session:
            site = estate.one_site(session, self._site)
        return s.Status(
            ready=not reason,
            reason=reason,
            now=services.clock.now(),
            version=sts.__version__,
            sandbox=False,
            site=site.name,
            currency=site.currency,
            client=self._client.actor.name,
            scopes=sorted(self._client.actor.scopes or ()),
        )

    # --- what they share

    @property
    def _sold_by(self) -> str | None:
        """A seller sees what he sold; a key without a seller sees its site, if its scopes let it read sales."""
        if self._client.seller is not None:
            return self._client.seller
        if Permission.SALE_READ not in (self._client.actor.scopes or ()):
            return ""  # a seller that nobody is: nothing
        return None

    def _find(self, session: Session, order_id: str) -> OrderView | None:
        return listing.find_orders(session, [order_id], site=self._site, seller=self._sold_by).get(order_id)

    def _one(self, session: Session, order_id: str) -> OrderView:
        found = self._find(session, order_id)
        if found is None:
            raise OrderUnknown
        return found

    def _meter_key(self, session: Session, number: str | None) -> str | None:
        if number is None:
            return None
        return estate.one_meter(session, self._services.clock, number, sites=(self._site,)).key

    def _currency(self) -> str:
        with self._services.db.reading() as session:
            return estate.one_site(session, self._site).currency

    def _look_at_position(self) -> sellers.Position | None:
        with self._services.db.reading() as session:
            return self._position(session)

    def _position(self, session: Session) -> sellers.Position | None:
        return sellers.position(session, self._seller) if self._seller is not None else None

    def _vend(self, session: Session, order: OrderView, position: sellers.Position | None) -> s.Vend:
        handed = sellers.handed_over(session, [order.vend.order_id])
        return _vend(order.sale, order.vend, handed, _told(self._seller, position))


_TRIAL = "00000000-0000-0000-0000-000000000000"  # no order: nothing is kept under it
_REUSED = "This order id was used for another sale already, so nothing was sold. Ask what became of it; a new sale needs a new id."


def _asked(wanted: s.MoneyAmount | s.EnergyAmount, currency: str) -> tuple[int | None, int | None]:
    if isinstance(wanted, s.EnergyAmount):
        return None, wanted.units
    if wanted.currency != currency:
        raise CurrencyWrong(f"This site sells in {currency}, not in {wanted.currency}.", "amount.currency")
    return wanted.money_minor, None


def _older(session: Session, meter_key: str) -> list[s.OlderToken]:
    return [
        s.OlderToken(order_id=one.order_id, receipt=one.receipt, made_at=one.made_at, units=one.units)
        for one in older_tokens.before_open_change(session, meter_key)
    ]


def _least(known: facts.Known) -> int | None:
    """The smallest payment that buys anything now, what was kept already counted."""
    quoted = plan.quote(known.tariff, known.situation, known.buyer, money_minor=1, units=None)
    if not isinstance(quoted, Refused):
        return 1
    return max(1, quoted.least_minor - known.buyer.kept_minor) if quoted.least_minor is not None else None


def _vend(
    sale: SaleView, vend: VendView, handed: Mapping[str, datetime], seller: s.SellerPosition | None
) -> s.Vend:
    content = next(one for one in sale.content["orders"] if one["order"] == vend.order_id)
    proof = vend.tokens[0] if vend.tokens else None
    return s.Vend(
        order_id=vend.order_id,
        kind=vend.kind,
        state=vend.state,  # type: ignore[arg-type]  # plan.STATES, by the table's constraint
        receipt=sale.receipt,
        sold_at=sale.sold_at,
        currency=sale.currency,
        paid_minor=vend.paid_minor,
        meter=vend.pan,
        service=vend.service,
        unit=words.unit_of(vend.service),
        units=vend.units,
        free_units=vend.free_units,
        tariff=vend.tariff_version,
        tokens=[
            s.Token(position=position, kind=one.kind, digits=one.digits, units=one.units, tid=one.tid)
            for position, one in enumerate((*vend.carried, *vend.tokens), 1)
        ],
        lines=_lines(content["lines"]),
        carried_minor=vend.carried_minor,
        returned_minor=vend.returned_minor,
        commission_minor=vend.commission_minor,
        copy_number=sale.copies,
        handed_over_at=handed.get(vend.order_id),
        refusal=(
            s.Refusal(code=vend.refusal_code, sentence=vend.refusal_sentence or "")
            if vend.refusal_code
            else None
        ),
        proof=(
            s.Proof(
                log=proof.log,
                sequence=proof.sequence,
                leaf=proof.leaf,
                salt=proof.salt,
                signature=proof.signature,
                content_hash=sale.content_hash,
            )
            if proof
            else None
        ),
        seller=seller,
    )


def _lines(lines: Sequence[dict[str, Any]]) -> list[s.Line]:
    return [
        s.Line(
            id=line["id"],
            kind=line["kind"],
            label=line["label"],
            amount_minor=line["amount_minor"],
            why=line["why"],
        )
        for line in lines
    ]


def _told(seller: SellerView | None, position: sellers.Position | None) -> s.SellerPosition | None:
    if seller is None or position is None:
        return None
    return s.SellerPosition(
        code=seller.code,
        currency=position.currency,
        deposit_minor=position.deposit_minor,
        credit_limit_minor=position.credit_limit_minor,
        remaining_minor=position.remaining_minor,
        commission_minor=position.commission_minor,
    )
