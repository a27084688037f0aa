"""The basket on the page: what the form says becomes lines, lines become orders, orders are counted. Nothing is sold here.

A line keeps what was typed, so that a refusal, a lost session and a reload show it again; the order id in it is the one
that is sold, so a double click, a reload and a second tab are one sale.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import g, request
from sqlalchemy.orm import Session

from vending.errors import InvalidInput, VendingError
from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.money import parse_amount
from vending.services import Services
from vending.vends import drafts, facts
from vending.vends.drafts import DraftBasket, DraftLine
from vending.vends.errors import SaleTooSmall
from vending.vends.look import Look
from vending.vends.ordering import plan_order
from vending.vends.plan import Planned, VendOrder
from vending.web import places, words
from vending.web.cashier.vends import meters_of
from vending.web.words import _

_ENERGY = re.compile(r"^(?P<whole>\d{1,8})(?:[.,](?P<tenth>\d))?\s*(?:k|kwh|kl|u)$", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Counted:
    """One line of the basket with what it costs, or why it cannot be sold."""

    line: DraftLine
    meter: MeterView | None
    customer: str
    plan: Planned | None
    error: str = ""


def own_id(text: str | None) -> str:
    """The page's own id of a basket or a line; a new page makes a new one."""
    try:
        return str(uuid.UUID(text or ""))
    except ValueError:
        return str(uuid.uuid4())


def order_of(line: DraftLine, code: str) -> VendOrder:
    """What was typed, as an order: `150` is money, `42.7k` is energy."""
    typed = line.amount.strip()
    if line.kind == "allowance":
        return VendOrder(line.order_id, line.meter, kind="allowance", register=line.register)
    if line.kind in ("charge", "account"):
        return VendOrder(
            line.order_id,
            kind=line.kind,
            tenant=line.tenant,
            charge=line.charge,
            quantity=line.quantity,
            money_minor=parse_amount(typed, code) if typed else None,
        )
    order = VendOrder(line.order_id, line.meter, register=line.register, second_token=line.second_token)
    if not typed.lower().endswith(("k", "kwh", "kl", "u")):
        return replace(order, money_minor=parse_amount(typed, code))
    energy = _ENERGY.match(typed)
    if energy is None:
        raise SaleTooSmall(
            _(
                "%(text)s is not an amount of energy. A meter counts in tenths: type for example 42.7k.",
                text=typed,
            ),
            "amount",
        )
    return replace(order, units=int(energy["whole"]) * 10 + int(energy["tenth"] or 0))


def typed(services: Services, sale_id: str) -> DraftBasket:
    """The basket with what the form says about the current meter, kept."""
    meter, order_id = request.form.get("meter", ""), request.form.get("order_id", "")
    amount = (request.form.get("quick") or request.form.get("amount") or "").strip()

    def with_the_form(basket: DraftBasket) -> DraftBasket:
        if meter and amount:
            return basket.put(
                DraftLine(
                    own_id(order_id),
                    meter,
                    amount,
                    register=request.form.get("register", "")[:60],
                    second_token=request.form.get("second_token") == "1",
                )
            )
        if meter and request.form.get("amount") == "":
            return replace(basket, lines=tuple(line for line in basket.lines if line.order_id != order_id))
        return basket

    return change(services, sale_id, with_the_form)


def kept(services: Services, sale_id: str) -> DraftBasket:
    """The cashier's own basket of this id."""
    with services.db.reading() as session:
        return _own(session, sale_id)


def change(services: Services, sale_id: str, changed: Callable[[DraftBasket], DraftBasket]) -> DraftBasket:
    """Read, changed and kept in one transaction: a count on its way and a button pressed meanwhile lose nothing."""
    with services.db.writing() as session:
        before = _own(session, sale_id)
        after = changed(before)
        if after != before:
            drafts.save(session, services.clock, after)
    return after


def _own(session: Session, sale_id: str) -> DraftBasket:
    """Somebody else's basket is not there: a new one begins under an id of its own."""
    basket = drafts.find(session, sale_id)
    if basket is not None and basket.cashier_key == g.actor.key:
        return basket
    return DraftBasket(
        sale_id if basket is None else str(uuid.uuid4()), places.of_request().till, g.actor.key
    )


def line_without_token(basket: DraftBasket, which: str) -> DraftLine:
    """The line for a charge, a debt, a deposit, a top-up or the free units, as the form or a notice's button says it."""
    order_id = own_id(request.form.get("charge_order_id"))
    line = next((one for one in basket.lines if one.order_id == order_id), None)
    if line is not None and line.kind != "credit":
        return line  # the same page once more
    meter, tenant = request.form.get("meter", ""), request.form.get("customer", "")
    if which == "allowance":
        return DraftLine(
            order_id, meter, "", kind="allowance", register=request.form.get("register", "")[:60]
        )
    amount = ""
    quantity = 1
    if not which:
        which = request.form.get("charge", "")
        amount = request.form.get("charge_amount", "").strip()
        times = request.form.get("charge_times", "").strip() or "1"
        if not which:
            raise InvalidInput(_("Choose what the money is for."), "charge")
        if not (times.isascii() and times.isdigit() and len(times) < 7 and 1 <= int(times) <= 1000):
            raise InvalidInput(
                _("How many times is a whole number from %(least)s to %(most)s.", least=1, most=1000),
                "charge_times",
            )
        quantity = int(times)
    kind = "account" if which == "account" else "charge"
    if kind == "account" and not amount:
        raise InvalidInput(_("Type how much is paid to the account."), "charge_amount")
    return DraftLine(
        order_id, "", amount, kind=kind, tenant=tenant, charge=which[:60] if kind == "charge" else "", quantity=quantity
    )  # fmt: skip


def count(services: Services, basket: DraftBasket, way: str) -> tuple[list[Counted], int]:
    """Every line priced in order, each knowing what the ones before it bought."""
    place = places.of_request()
    counted: list[Counted] = []
    spent = facts.Spent()
    with services.db.reading() as session:
        meters = meters_of(session, services, [line.meter for line in basket.kept if line.meter])
        names: dict[str, str] = {}
        books = Look(session, services.clock)
        for line in basket.kept:
            meter = meters.get(line.meter)
            if line.meter and (meter is None or meter.site_key != place.site_key):
                continue  # not of this site, or gone: it is not sold and not shown
            if line.tenant and line.tenant not in names:
                names[line.tenant] = _name(session, line.tenant, place.site_key)
            customer = names[line.tenant] if line.tenant else ""
            if line.tenant and not customer:
                continue
            try:
                order = order_of(line, place.currency)
                plan = plan_order(session, services.clock, order, place.site, spent, channel=way, look=books)
                spent.count(plan)
                counted.append(Counted(line, meter, customer, plan))
            except VendingError as refused:
                counted.append(Counted(line, meter, customer, None, words.refusal(refused.sentence)))
    return counted, sum(one.plan.pays_minor for one in counted if one.plan)


def _name(session: Session, tenant_key: str, site_key: str) -> str:
    try:
        tenant = estate.one_tenant(session, tenant_key)
    except VendingError:
        return ""
    return tenant.name if tenant.site_key == site_key else ""
