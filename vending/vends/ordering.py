"""From an order to its plan: what each kind of order needs to know, and how it is planned. Reads only.

One function for the quote, the sale and the trial of a whole basket, so that all of them say the same. The thinking is in
`plan`, the facts are gathered in `facts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from vending.clock import Clock
from vending.db import Database
from vending.errors import InvalidInput, VendingError
from vending.estate import queries as estate
from vending.estate.views import SiteView
from vending.money import plain
from vending.payments import sellers
from vending.tariffs import fees
from vending.tariffs.allowance import price_free
from vending.tariffs.quote import Quote, Refused
from vending.vends import facts, splitting
from vending.vends.errors import AllowanceNotDue, ChargeUnfit, MeterNotForSale, SaleTooSmall
from vending.vends.look import Look
from vending.vends.plan import (
    Basket,
    Planned,
    VendOrder,
    plan_allowance,
    plan_charge,
    plan_top_up,
    plan_vend,
    quote,
)


@dataclass(frozen=True, slots=True)
class Trial:
    """A basket as it would be sold now. Nothing is written, and nothing is promised for later."""

    planned: tuple[Planned, ...]
    total_minor: int
    currency: str


def trial(session: Session, clock: Clock, basket: Basket, *, channel: str = "") -> Trial:
    """What the basket would cost and give: each order knows what the ones before it take."""
    basket.check()
    site = estate.one_site(session, basket.site)
    planned = plan_orders(
        session, clock, basket, site, facts.Spent(), channel, Look.ahead(session, clock, [basket], lock=False)
    )
    return Trial(planned, sum(plan.pays_minor for plan in planned), site.currency)


@dataclass(frozen=True, slots=True)
class QuoteAsked:
    """One order whose price is wanted, by a seller who also wants to know where he stands (`till` is his code)."""

    order: VendOrder
    site: str
    till: str = ""
    channel: str = ""

    @property
    def orders(self) -> tuple[VendOrder, ...]:
        return (self.order,)


@dataclass(frozen=True, slots=True)
class Quoted:
    planned: Planned
    currency: str
    seller: sellers.Position | None


def quote_all(db: Database, clock: Clock, asked: Sequence[QuoteAsked]) -> list[Quoted | Exception]:
    """The price of each order as if it were the only one: many askings, one look. One that cannot be sold is an answer
    and fails no neighbour."""
    answers: list[Quoted | Exception] = []
    with db.reading() as session:
        look = Look.ahead(session, clock, asked, lock=False)
        positions = sellers.positions(session, {one.till for one in asked if one.till})
        for one in asked:
            try:
                site = look.site(one.site)
                planned = plan_order(
                    session, clock, one.order, site, facts.Spent(), channel=one.channel, look=look
                )
                answers.append(Quoted(planned, site.currency, positions.get(one.till)))
            except VendingError as refused:
                answers.append(refused)
    return answers


def plan_orders(
    session: Session,
    clock: Clock,
    basket: Basket,
    site: SiteView,
    spent: facts.Spent,
    channel: str,
    look: Look,
) -> tuple[Planned, ...]:
    planned = []
    for order in basket.orders:
        plan = plan_order(session, clock, order, site, spent, channel=channel, look=look)
        planned.append(plan)
        spent.count(plan)
    return tuple(planned)


def plan_order(
    session: Session,
    clock: Clock,
    order: VendOrder,
    site: SiteView,
    spent: facts.Spent,
    *,
    channel: str = "",
    look: Look | None = None,
) -> Planned:
    """One order with everything decided. What cannot be sold is refused with the sentence that says why."""
    order.check()
    look = look or Look(session, clock)
    if order.kind == "charge":
        return _charge(session, look, order, site, spent)
    if order.kind == "account":
        return _top_up(session, look, order, site, spent)
    meter = look.meter(order.meter, site)
    if meter.credit_in == "account":
        if meter.not_for_sale is not None:
            raise MeterNotForSale(meter.not_for_sale)
        if order.kind == "allowance" or order.money_minor is None:
            raise InvalidInput(
                f"The credit of {meter.label} is kept on the customer's account. Top it up by an amount of money.",
                "amount",
            )
        return _top_up(session, look, order, site, spent)
    known = facts.gather(
        session, clock, meter.key, site, spent=spent, channel=channel, register=order.register, look=look
    )
    if order.kind == "allowance":
        free = price_free(
            known.tariff,
            known.situation,
            claimed=known.claimed,
            quantise=splitting.quantiser(meter.token_limit_units),
        )
        if isinstance(free, Refused):
            raise AllowanceNotDue(free.sentence)
        return plan_allowance(
            order, known.buyer, free, known.tariff_version, known.situation.units_before, known.claim
        )
    quoted = quote(
        known.tariff,
        known.situation,
        known.buyer,
        money_minor=order.money_minor,
        units=order.units,
        second_token=order.second_token,
    )
    if isinstance(quoted, Refused):
        raise SaleTooSmall(quoted.sentence, "amount")
    due = free_units(known) if order.with_allowance else None
    return plan_vend(
        order,
        known.buyer,
        quoted,
        known.tariff_version,
        known.situation,
        free=due,
        claim=known.claim if due is not None else None,
    )


def free_units(known: facts.Known) -> Quote | None:
    """The month's free units, where they are due and not claimed yet."""
    if known.claimed:
        return None
    free = price_free(
        known.tariff,
        known.situation,
        claimed=False,
        quantise=splitting.quantiser(known.meter.token_limit_units),
    )
    return free if isinstance(free, Quote) and free.units else None


def _top_up(session: Session, look: Look, order: VendOrder, site: SiteView, spent: facts.Spent) -> Planned:
    customer = facts.customer_of(session, look, site, meter_key=order.meter, tenant_key=order.tenant)
    before = facts.account_balance(look, customer.tenant.key, site.currency, spent)
    return plan_top_up(order, customer.buyer, site.currency, customer.tenant.number, before)


def _charge(session: Session, look: Look, order: VendOrder, site: SiteView, spent: facts.Spent) -> Planned:
    customer = facts.customer_of(session, look, site, meter_key=order.meter, tenant_key=order.tenant)
    tenant, currency = customer.tenant, site.currency
    told: dict[str, Any] = {}
    if order.charge.startswith("debt/"):
        which = order.charge.removeprefix("debt/")
        owed = facts.debts_of(look, tenant.key, currency, spent).get(which, 0)
        paid = order.money_minor or owed
        if not owed:
            raise ChargeUnfit(
                f"{tenant.name} owes nothing under that name. Look at the account again.", "charge"
            )
        if paid > owed:
            raise ChargeUnfit(
                f"{plain(paid, currency)} is more than the {plain(owed, currency)} that is owed. Pay at most that.",
                "amount",
            )
        label, postings = facts.debt_label(which), [(f"debt/{tenant.key}/{which}", paid)]
        told = {"debt": {"before_minor": owed, "after_minor": owed - paid}}
        lines: tuple[dict[str, Any], ...] = (_line("debt", label, paid, left_minor=owed - paid),)
    elif order.charge == "deposit":
        if order.money_minor is None:
            raise ChargeUnfit("Type how much deposit is paid.", "amount")
        postings = [(f"deposit/{tenant.key}", order.money_minor)]
        lines = (_line("deposit", "Deposit", order.money_minor),)
    else:
        fee = fees.one_fee(session, site.key, order.charge)
        if fee.currency != currency:
            raise ChargeUnfit(
                f"{fee.label} is priced in {fee.currency}, and this site sells in {currency}.", "charge"
            )
        priced = fees.price(fee, quantity=order.quantity, money_minor=order.money_minor)
        postings = [(f"fees/{fee.code}", priced.net_minor)]
        why = (
            f"{order.quantity} × {plain(fee.amount_minor, currency)}"
            if fee.amount_minor and order.quantity > 1
            else ""
        )
        lines = (_line("fee", fee.label, priced.net_minor, why=why),)
        if priced.tax_minor:
            postings.append((f"tax/{fee.tax_code}", priced.tax_minor))
            tax = _line("tax", fee.tax_label, priced.tax_minor, why=f"{fee.tax_percent.normalize():f} %")
            lines += ({**tax, "percent": str(fee.tax_percent), "base_minor": priced.net_minor},)
    return plan_charge(
        order, customer.buyer, currency, tenant.number, [one for one in postings if one[1]], lines, told
    )


def _line(kind: str, label: str, amount_minor: int, *, why: str = "", **more: Any) -> dict[str, Any]:
    return {"id": kind, "kind": kind, "label": label, "why": why, "amount_minor": amount_minor, **more}
