"""The till: find, count, take money. One page answers everything, with and without JavaScript.

The basket that is being counted lives on the server under the page's sale id; the order ids in it are the ones that are
sold, so a double click, a reload and a second tab are one sale.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, redirect, request, url_for
from sqlalchemy.orm import Session

from vending.errors import InvalidInput, VendingError
from vending.estate import queries as estate
from vending.estate.views import MeterView, TenantView
from vending.payments.tender import AccountShort, TenderTooLarge, TenderTooSmall, TransferUsed, take
from vending.payments.vouchers import VoucherUnfit
from vending.services import Services
from vending.shifts.errors import ShiftNotOpen, TillFull
from vending.vends import queries
from vending.vends.drafts import DraftBasket
from vending.vends.plan import Basket
from vending.web import gate, labels, places, training, words
from vending.web.cashier import baskets, tenders
from vending.web.cashier.till_page import match, match_customer, page
from vending.web.cashier.vends import unit_code
from vending.web.words import _, plural

room = Blueprint("till", __name__, url_prefix="/cashier/till")


def here() -> str:
    """Where somebody who must sign in again goes on: the same basket, the same customer, what was just typed."""
    typed = request.form.get("amount", "")[:20]
    return url_for(
        "till.desk",
        basket=request.form.get("basket_id") or None,
        meter=request.form.get("meter") or None,
        customer=request.form.get("customer") or None,
        line=request.form.get("order_id") or None,
        register=request.form.get("register", "")[:60] or None,
        amount=typed or None,
    )


@room.get("")
@gate.needs("sale.make")
def desk() -> Any:
    """Find: an empty search is the empty till, one match opens it, several are listed."""
    services: Services = g.services
    site = places.of_request().site
    text = request.args.get("find", "").strip()
    basket = baskets.kept(services, baskets.own_id(request.args.get("basket")))
    meter, customer = request.args.get("meter", ""), request.args.get("customer", "")
    scanned, error = None, ""
    if labels.looks_like_record(text):
        try:
            scanned = labels.scanned(text)
        except InvalidInput as refused:
            error = words.refusal(refused.sentence)
    number = scanned.pan if scanned is not None else text
    found: list[dict[str, Any]] = []
    with services.db.reading() as session:
        sold = queries.find_sale(session, basket.sale_id)
        if text and not (meter or customer or error):
            paper = queries.find_receipt(session, text.upper())
            if paper is not None and paper.site_key == site.key:
                return redirect(url_for("vends.show", key=paper.key), 303)
            meters = estate.find_meters(session, services.clock, number, sites=(site.key,), most=12)
            if scanned is not None and len(meters) == 1:
                return page(basket, meter=meters[0].key, scanned=scanned)
            people = estate.find_tenants(session, text, sites=(site.key,), most=4) if not scanned else []
            only = _only(meters, people)
            if only and not request.headers.get("HX-Request"):
                return redirect(
                    url_for(
                        "till.desk",
                        basket=basket.sale_id,
                        find=text,
                        meter=only.get("meter"),
                        customer=only.get("customer"),
                    ),
                    303,
                )
            found = [match(one, basket.sale_id) for one in meters]
            found += [match_customer(one, basket.sale_id) for one in people]
            if not found:
                error = _nothing_found(session, services, number, site.key)
    if sold is not None:
        basket = DraftBasket(baskets.own_id(None), basket.till, basket.cashier_key)
    return page(
        basket,
        meter=meter,
        tenant=customer,
        find=text,
        find_error=error,
        matches=found,
        # Who typed an amount before he had to sign in meant to sell, whatever this meter bought a moment ago.
        sell_another=request.args.get("another") == "1" or bool(request.args.get("amount")),
        sold=sold,
    )


def _only(meters: list[MeterView], people: list[TenantView]) -> dict[str, str]:
    """The one thing that was meant, if there is only one."""
    if len(meters) == 1:
        return {"meter": meters[0].key}
    if not meters and len(people) == 1:
        return {"customer": people[0].key}
    return {}


@room.post("")
@gate.needs("sale.make", back=here)
def act() -> Any:
    """The buttons of the form: count, add, charge, take, remove, undo."""
    services: Services = g.services
    basket = baskets.typed(services, baskets.own_id(request.form.get("basket_id")))
    verb, _colon, which = request.form.get("act", "quote").partition(":")
    if verb in ("remove", "undo"):
        baskets.change(services, basket.sale_id, lambda one: one.removed(which, gone=verb == "remove"))
        return redirect(url_for("till.desk", basket=basket.sale_id), 303)
    if verb == "charge":
        return _charge(services, basket, which)
    if verb == "add":
        counted, _total = baskets.count(services, basket, tenders.channel())
        if not any(one.error for one in counted):
            return redirect(url_for("till.desk", basket=basket.sale_id), 303)
    if verb == "take":
        return _take(services, basket)
    return page(
        basket,
        meter=request.form.get("meter", ""),
        tenant=request.form.get("customer", ""),
        sell_another=verb == "sell-another" or bool(request.form.get("amount")),
    ), 200


@room.post("/quote")
@gate.needs("sale.make", back=here)
def count() -> Any:
    """The same page with the amount as typed so far; htmx takes the counted parts out of it."""
    services: Services = g.services
    basket = baskets.typed(services, baskets.own_id(request.form.get("basket_id")))
    return page(
        basket,
        meter=request.form.get("meter", ""),
        tenant=request.form.get("customer", ""),
        sell_another=True,
    )


@room.post("/training")
@gate.needs("sale.make")
def train() -> Any:
    """Practise at this browser, or sell again."""
    answer = redirect(url_for("till.desk"), 303)
    return training.switch(answer, on=request.form.get("training") == "on")  # type: ignore[arg-type]


def _nothing_found(session: Session, services: Services, text: str, site_key: str) -> str:
    near = estate.suggest_meters(session, services.clock, text, sites=(site_key,))
    if near:
        return _(
            "Nothing here is called %(text)s. Two digits may be swapped: %(number)s is %(unit)s.",
            text=text,
            number=words.meter_number(near[0].drn),
            unit=unit_code(near[0]),
        )
    return _(
        "Nothing here is called %(text)s. Try the unit, a part of the name, or four digits of the number.",
        text=text,
    )


def _charge(services: Services, basket: DraftBasket, which: str) -> Any:
    """One line without a token, or the free units. It is kept only when it can be sold; else it is said why not."""
    meter, tenant = request.form.get("meter", ""), request.form.get("customer", "")
    try:
        line = baskets.line_without_token(basket, which)
        longer = basket.put(line)
        counted, _total = baskets.count(services, longer, tenders.channel())
        refused = next((one.error for one in counted if one.line.order_id == line.order_id and one.error), "")
        if refused:
            raise InvalidInput(refused, "charge_amount")
    except InvalidInput as wrong:
        told = (wrong.field or "charge", words.refusal(wrong.sentence))
        return page(basket, meter=meter, tenant=tenant, charge_error=told, sell_another=True), 422
    baskets.change(services, basket.sale_id, lambda one: one.put(line))
    return redirect(
        url_for("till.desk", basket=basket.sale_id, meter=meter or None, customer=tenant or None, another=1),
        303,
    )


def _take(services: Services, basket: DraftBasket) -> Any:
    place = places.of_request()
    counted, total = baskets.count(services, basket, tenders.channel())
    wrong = next((one for one in counted if one.error), None)
    current, tenant = request.form.get("meter", ""), request.form.get("customer", "")

    def again(number: int, **said: Any) -> Any:
        return page(basket, meter=current, tenant=tenant, sell_another=True, **said), number

    if wrong is not None or not counted:
        current = wrong.line.meter if wrong and wrong.line.meter else current
        return again(422)
    try:
        paid = tenders.of_form(place.currency)
        taken = take(paid, total, place.currency)
        if training.is_on():
            return again(200, tried=_tried(counted, sum(one.change_minor for one in taken), place))
        shift = tenders.shift_for_sale(services)
    except ShiftNotOpen as refused:
        return again(409, shift_error=words.refusal(refused.sentence))
    except VendingError as refused:
        return again(422, received_error=words.refusal(refused.sentence))
    asked = Basket(
        basket.sale_id,
        tuple(baskets.order_of(one.line, place.currency) for one in counted),
        paid,
        place.site_key,
        place.till,
        g.actor.key,
        g.actor.name,
        shift,
    )
    try:
        outcome = services.sales.submit(asked)
    except (ShiftNotOpen, TillFull) as refused:
        return again(409, shift_error=words.refusal(refused.sentence))
    except (AccountShort, TenderTooLarge, TenderTooSmall, TransferUsed, VoucherUnfit) as refused:
        return again(422, received_error=words.refusal(refused.sentence))
    return redirect(url_for("vends.show", key=outcome.sale_key), 303)


def _tried(counted: list[baskets.Counted], change_minor: int, place: places.Place) -> str:
    """What a sale would have done. Nothing was written but the basket."""
    tokens = sum(len(one.plan.parts) for one in counted if one.plan)
    total = sum(one.plan.pays_minor for one in counted if one.plan)
    return plural(
        "Training: %(money)s would be taken, %(change)s given back and %(num)s token made. Nothing was sold.",
        "Training: %(money)s would be taken, %(change)s given back and %(num)s tokens made. Nothing was sold.",
        tokens,
        money=words.total(total, place.currency),
        change=words.total(change_minor, place.currency),
    )
