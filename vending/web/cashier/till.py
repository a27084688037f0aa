"""The till: find, count, take money. One page answers everything, with and without JavaScript.

The basket that is being counted lives on the server under the page's sale id; the order ids in it are the ones that are
sold, so a double click, a reload and a second tab are one sale.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from vending.errors import VendingError
from vending.estate import queries as estate
from vending.money import currency as currency_of
from vending.money import parse_amount
from vending.payments.tender import AccountShort, TenderTooLarge, TenderTooSmall, TransferUsed, take
from vending.payments.vouchers import VoucherUnfit
from vending.services import Services
from vending.shifts import queries as shifts
from vending.shifts.errors import ShiftNotOpen, TillFull
from vending.vends import drafts, facts, queries
from vending.vends.drafts import DraftBasket, DraftLine
from vending.vends.errors import SaleTooSmall
from vending.vends.ordering import plan_order
from vending.vends.plan import Basket, Planned, VendOrder
from vending.web import gate, places, words
from vending.web.cashier import sale_words, tenders
from vending.web.cashier.vends import charge_title, meters_of, tenant_name, title, unit_code
from vending.web.words import _, plural

room = Blueprint("till", __name__, url_prefix="/cashier/till")

# People re-key after a printer jam, and order ids cannot know: the same meter within this time shows that sale first.
JUST_SOLD = timedelta(minutes=15)
QUICK = (100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class Counted:
    """One line of the basket with what it costs, or why it cannot be sold."""

    line: DraftLine
    meter: Any
    plan: Planned | None
    error: str = ""
    field: str = "amount"


@room.get("")
@gate.needs("sale.make")
def desk() -> Any:
    """Find: an empty search is the empty till, one match opens it, several are listed."""
    text = request.args.get("find", "").strip()
    sale_id = _id(request.args.get("basket"))
    meter = request.args.get("meter", "")
    found: list[Any] = []
    error = ""
    if text and not meter:
        services: Services = g.services
        site = places.of_request().site
        with services.db.reading() as session:
            found = estate.find_meters(session, services.clock, text, sites=(site.key,), most=12)
            if not found:
                error = _nothing_found(session, services, text, site.key)
        if len(found) == 1 and not request.headers.get("HX-Request"):
            return redirect(url_for("till.desk", meter=found[0].key, basket=sale_id, find=text), 303)
    return _page(sale_id, meter=meter, find=text, find_error=error, matches=found)


@room.post("")
@gate.needs("sale.make")
def act() -> Any:
    """The buttons of the form: count, add, take, remove, undo."""
    services: Services = g.services
    sale_id = _id(request.form.get("basket_id"))
    basket = _typed(services, sale_id)
    asked = request.form.get("act", "quote")
    verb, _colon, which = asked.partition(":")
    if verb == "remove":
        _keep(services, basket.removed(which, gone=True))
        return redirect(url_for("till.desk", basket=sale_id), 303)
    if verb == "undo":
        _keep(services, basket.removed(which, gone=False))
        return redirect(url_for("till.desk", basket=sale_id), 303)
    _keep(services, basket)
    if verb == "add":
        counted, _total = _count(services, basket, tenders.channel())
        if not any(one.error for one in counted):
            return redirect(url_for("till.desk", basket=sale_id), 303)
    if verb == "take":
        return _take(services, sale_id, basket)
    return _page(
        sale_id,
        meter=request.form.get("meter", ""),
        sell_another=verb == "sell-another" or request.form.get("another") == "1",
    ), 200


@room.post("/quote")
@gate.needs("sale.make")
def count() -> Any:
    """The same page with the amount as typed so far; htmx takes the counted parts out of it."""
    services: Services = g.services
    sale_id = _id(request.form.get("basket_id"))
    _keep(services, _typed(services, sale_id))
    return _page(sale_id, meter=request.form.get("meter", ""), sell_another=True)


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


def _take(services: Services, sale_id: str, basket: DraftBasket) -> Any:
    place = places.of_request()
    counted, total = _count(services, basket, tenders.channel())
    wrong = next((one for one in counted if one.error), None)
    current = request.form.get("meter", "")
    if wrong is not None or not counted:
        return _page(sale_id, meter=wrong.line.meter if wrong else current, sell_another=True), 422
    try:
        paid = tenders.of_form(place.currency)
        take(paid, total, place.currency)
        shift = tenders.shift_for_sale(services)
    except ShiftNotOpen as refused:
        return _page(sale_id, meter=current, shift_error=refused.sentence, sell_another=True), 409
    except VendingError as refused:
        return _page(sale_id, meter=current, received_error=refused.sentence, sell_another=True), 422
    asked = Basket(
        sale_id,
        tuple(_order(one.line, place.currency) for one in counted),
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
        return _page(sale_id, meter=current, shift_error=refused.sentence, sell_another=True), 409
    except (AccountShort, TenderTooLarge, TenderTooSmall, TransferUsed, VoucherUnfit) as refused:
        return _page(sale_id, meter=current, received_error=refused.sentence, sell_another=True), 422
    return redirect(url_for("vends.show", key=outcome.sale_key), 303)


def _id(text: str | None) -> str:
    """The page's own id of the basket; a new page makes a new one."""
    try:
        return str(uuid.UUID(text or ""))
    except ValueError:
        return str(uuid.uuid4())


_ENERGY = re.compile(r"^(?P<whole>\d{1,8})(?:[.,](?P<tenth>\d))?\s*(?:k|kwh|kl|u)$", re.IGNORECASE | re.ASCII)


def _order(line: DraftLine, code: str) -> VendOrder:
    """What was typed, as an order: `150` is money, `42.7k` is energy."""
    typed = line.amount.strip()
    if not typed.lower().endswith(("k", "kwh", "kl", "u")):
        return VendOrder(line.order_id, line.meter, money_minor=parse_amount(typed, code))
    energy = _ENERGY.match(typed)
    if energy is None:
        raise SaleTooSmall(
            _(
                "%(text)s is not an amount of energy. A meter counts in tenths: type for example 42.7k.",
                text=typed,
            ),
            "amount",
        )
    return VendOrder(line.order_id, line.meter, units=int(energy["whole"]) * 10 + int(energy["tenth"] or 0))


def _typed(services: Services, sale_id: str) -> DraftBasket:
    """The basket as kept, with what the form says about the current meter."""
    with services.db.reading() as session:
        basket = drafts.find(session, sale_id)
    if basket is None or basket.cashier_key != g.actor.key:
        basket = DraftBasket(sale_id, places.of_request().till, g.actor.key)
    meter = request.form.get("meter", "")
    amount = (request.form.get("quick") or request.form.get("amount") or "").strip()
    if meter and amount:
        basket = basket.put(DraftLine(_id(request.form.get("order_id")), meter, amount))
    elif meter and request.form.get("amount") == "":
        basket = replace(
            basket,
            lines=tuple(line for line in basket.lines if line.order_id != request.form.get("order_id")),
        )
    return basket


def _keep(services: Services, basket: DraftBasket) -> None:
    with services.db.writing() as session:
        drafts.save(session, services.clock, basket)


def _count(services: Services, basket: DraftBasket, way: str) -> tuple[list[Counted], int]:
    """Every line priced in order, each knowing what the ones before it bought."""
    place = places.of_request()
    counted: list[Counted] = []
    spent = facts.Spent()
    with services.db.reading() as session:
        meters = meters_of(session, services, [line.meter for line in basket.kept])
        for line in basket.kept:
            meter = meters.get(line.meter)
            if meter is None:
                continue  # not of this site, or gone: it is not sold and not shown
            try:
                plan = _plan(session, line, place, services, spent, way)
                spent.count(plan)
                counted.append(Counted(line, meter, plan))
            except VendingError as refused:
                counted.append(Counted(line, meter, None, refused.sentence))
    return counted, sum(one.plan.pays_minor for one in counted if one.plan)


def _plan(
    session: Session, line: DraftLine, place: places.Place, services: Services, spent: facts.Spent, way: str
) -> Planned:
    return plan_order(session, services.clock, _order(line, place.currency), place.site, spent, channel=way)


# --- the page ---------------------------------------------------------------------------------------------------------


def _page(
    sale_id: str,
    *,
    meter: str = "",
    find: str = "",
    find_error: str = "",
    matches: list[Any] | None = None,
    received_error: str = "",
    shift_error: str = "",
    sell_another: bool = False,
) -> str:
    services: Services = g.services
    place = places.of_request()
    way = tenders.way_of_form()
    with services.db.reading() as session:
        basket = drafts.find(session, sale_id) or DraftBasket(sale_id, place.till, g.actor.key)
        if basket.cashier_key != g.actor.key:
            basket = DraftBasket(str(uuid.uuid4()), place.till, g.actor.key)
        current = estate.one_meter(session, services.clock, meter, sites=(place.site_key,)) if meter else None
        last = queries.last_of_meter(session, current.key) if current else None
        last_sales = queries.list_last_of_till(session, place.site_key, place.till)
        names = meters_of(session, services, [vend.meter_key for sale in last_sales for vend in sale.vends])
        blocked = facts.why_not_for_sale(current) if current else ""
    counted, total = _count(services, basket, tenders.channel())
    line = next((one for one in counted if current is not None and one.line.meter == current.key), None)
    recent = None
    if current is not None and last is not None and not sell_another and line is None:
        ago = services.clock.now() - last.sold_at
        if ago <= JUST_SOLD:
            money = words.total(last.total_minor, last.currency)
            minutes = int(ago.total_seconds() // 60)
            recent = {
                "text": (
                    plural(
                        "This meter bought %(money)s a minute ago. Print that slip again, or sell another.",
                        "This meter bought %(money)s %(num)s minutes ago. Print that slip again, or sell another.",
                        minutes,
                        money=money,
                    )
                    if minutes
                    else _(
                        "This meter bought %(money)s just now. Print that slip again, or sell another.",
                        money=money,
                    )
                ),
                "url": url_for("vends.show", key=last.key),
                "print_url": url_for("vends.show", key=last.key),
            }
    return render_template(
        "cashier/till.html",
        urls={
            "find": url_for("till.desk", basket=basket.sale_id),
            "act": url_for("till.act"),
            "quote": url_for("till.count"),
        },
        find={"text": find or (unit_code(current) if current else ""), "error": find_error, "hint": ""},
        matches=[_match(one, basket.sale_id) for one in matches or []]
        if len(matches or []) != 1 or request.headers.get("HX-Request")
        else [],
        customer=_customer(current, last, place) if current else None,
        registers=[],
        sale=_sale(basket, current, line, place, blocked),
        recent=recent,
        scale=_scale(line) if line and line.plan else None,
        quote=_quote(line, place) if line and line.plan else None,
        last_sales=[_last(one, names, place) for one in last_sales],
        shift=_shift(shift_error, basket.sale_id, current.key if current else ""),
        basket=_basket(basket, counted, total, line, way, place, received_error),
    )


def _shift(refused: str, sale_id: str, meter: str) -> dict[str, str] | None:
    """What stands between the cashier and a sale, with the step that takes it away. None: the shift is open here."""
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        own = shifts.open_of(session, g.actor.key)
    back = url_for("till.desk", basket=sale_id, meter=meter or None)
    if own is None:
        text = refused or (
            _("No shift is open. The first sale opens one, because this is a demonstration.")
            if services.settings.is_demonstration
            else _("No shift is open at this till. Open yours with the float, then sell.")
        )
        return {
            "state": "now" if refused else "half",
            "text": text,
            "url": url_for("shifts.opening", next=back),
            "action": _("Open the shift"),
        }
    if own.state == "counted":
        return {
            "state": "now",
            "text": _("Your drawer is counted. Close the shift, then open a new one to sell."),
            "url": url_for("shifts.closing"),
            "action": _("Close the shift"),
        }
    if own.till != place.till:
        return {
            "state": "now",
            "text": _("Your shift is open at till %(till)s. Go on there, or close it.", till=own.till),
            "url": url_for("shifts.show"),
            "action": _("Look at the shift"),
        }
    return (
        {
            "state": "now",
            "text": refused,
            "url": url_for("shifts.dropping"),
            "action": _("Move cash to the safe"),
        }
        if refused
        else None
    )


def _match(meter: Any, sale_id: str) -> dict[str, Any]:
    return {
        "url": url_for("till.desk", meter=meter.key, basket=sale_id),
        "unit": unit_code(meter),
        "name": tenant_name(meter) or _("Vacant"),
        "meter": words.meter_number(meter.drn),
        "service": words.service_name(meter.service),
        "supply": None,
    }


def _customer(meter: Any, last: queries.SaleView | None, place: places.Place) -> dict[str, Any]:
    return {
        "name": tenant_name(meter) or _("Vacant"),
        "unit": unit_code(meter),
        "facts": [
            _("Unit %(unit)s", unit=unit_code(meter)),
            words.service_name(meter.service),
            _("Meter %(number)s", number=words.meter_number(meter.drn)),
        ],
        "url": "",
        "supply": None,
        "last_sale": _(
            "Last sale %(day)s, %(money)s",
            day=words.day(last.sold_at, place.zone),
            money=words.total(last.total_minor, last.currency),
        )
        if last
        else _("No sale yet"),
        "notices": [],
    }


def _sale(
    basket: DraftBasket, meter: Any, line: Counted | None, place: places.Place, blocked: str
) -> dict[str, Any]:
    plan = line.plan if line else None
    return {
        "order_id": line.line.order_id if line else str(uuid.uuid4()),
        "basket_id": basket.sale_id,
        "meter": meter.key if meter else "",
        "amount": line.line.amount if line else "",
        "error": line.error if line else "",
        "currency": currency_of(place.currency).symbol,
        "hint": _("To sell by energy, type for example 42.7k"),
        "quick": [
            {
                "value": str(value),
                "label": words.money(value * 10 ** currency_of(place.currency).decimals, place.currency),
            }
            for value in QUICK
        ],
        "register": "",
        "blocked": blocked,
        "result": {
            "units": words.units(plan.units),
            "unit": words.unit_of(plan.buyer.service),
            "value": plan.units / 10,
        }
        if plan and plan.quote
        else None,
        "notes": [_("One token; the meter counts in 0.1 %(unit)s", unit=words.unit_of(meter.service))]
        if meter
        else [],
    }


def _scale(line: Counted) -> dict[str, Any] | None:
    """The month's ladder of prices as a ruler: bought before, this sale, and where the price changes."""
    assert line.plan is not None
    plan = line.plan
    if plan.quote is None:
        return None  # a top-up of the account: no energy is priced yet
    blocks = facts.ladder_of(plan.quote.tariff)
    if len(blocks) < 2:
        return None
    before, now = plan.units_before / 10, plan.units / 10
    unit = words.unit_of(plan.buyer.service)
    after = before + now
    steps = [
        (
            upto,
            _(
                "%(rate)s a %(unit)s above %(from)s",
                **{"rate": words.number(rate, 2), "unit": unit, "from": words.units(int(upto * 10))},
            ),
        )
        for upto, rate in blocks[1:]
        if upto < after * 1.6
    ]
    top = max(after * 1.2, *(upto * 1.1 for upto, _text in steps), 10.0)
    return {
        "top": top,
        "parts": [
            (0, before, "dry", _("bought this month %(units)s", units=words.units(plan.units_before))),
            (
                before,
                after,
                "liquid",
                _("this sale %(units)s %(unit)s", units=words.units(plan.units), unit=unit),
            ),
        ],
        "steps": steps,
        "unit": unit,
        "first": _("%(rate)s a %(unit)s", rate=words.number(blocks[0][1], 2), unit=unit),
        "after": _("%(units)s after", units=words.units(plan.units_before + plan.units)),
        "label": _("What was bought this month and where the price changes"),
    }


def _quote(line: Counted, place: places.Place) -> dict[str, Any]:
    assert line.plan is not None
    plan = line.plan
    return {
        "lines": sale_words.quote_lines(plan.lines, place.currency),
        "total": {
            "what": _("Customer pays"),
            "why": words.measure(plan.units, plan.buyer.service) if plan.quote else "",
            "amount": words.total(plan.pays_minor, place.currency),
        },
    }


def _last(sale: queries.SaleView, names: dict[str, Any], place: places.Place) -> dict[str, Any]:
    first = sale.vends[0]
    more = f" +{len(sale.vends) - 1}" if len(sale.vends) > 1 else ""
    state = _("token on its way") if sale.state == "paid" else ""
    return {
        "at": words.clock_time(sale.sold_at, place.zone),
        "who": (title(names[first.meter_key]) if first.meter_key else charge_title(sale, first)) + more,
        "what": state
        or (
            f"{words.service_name(first.service).lower()} {words.measure(first.units, first.service)}"
            if first.units
            else ""
        ),
        "amount": words.money(sale.total_minor, sale.currency),
        "url": url_for("vends.show", key=sale.key),
        "print_url": url_for("vends.print_again", key=sale.key) if sale.state == "issued" else "",
    }


def _basket(
    basket: DraftBasket,
    counted: list[Counted],
    total: int,
    current: Counted | None,
    way: str,
    place: places.Place,
    received_error: str,
) -> dict[str, Any]:
    received = request.form.get("received", "")
    change = ""
    if way == "cash" and received and not received_error:
        try:
            taken = take(tenders.of_form(place.currency), total, place.currency)
            change = words.total(sum(one.change_minor for one in taken), place.currency)
        except VendingError as refused:
            received_error = refused.sentence
    wrong = next((one.error for one in counted if one.error), "")
    tokens = sum(1 for one in counted if one.plan)
    removed = next((line for line in reversed(basket.lines) if line.removed), None)
    return {
        "lines": [_basket_line(number, one, current, place) for number, one in enumerate(counted, 1)],
        "note": plural("%(num)s line, one receipt", "%(num)s lines, one receipt", len(counted))
        if counted
        else "",
        "total": words.total(total, place.currency),
        "tenders": tenders.labels(),
        "part": tenders.part_of_form(),
        "tender": way,
        "received": received,
        "received_error": received_error,
        "received_label": tenders.label_of_received(way),
        "change_label": "",
        "change": change,
        "take_label": _("Take money, issue the token")
        if tokens == 1
        else _("Take money, issue %(count)s tokens", count=tokens),
        "reason": wrong,
        "undo": {"text": _("A line was removed."), "id": removed.order_id} if removed else None,
        "charges_url": "",
    }


def _basket_line(number: int, one: Counted, current: Counted | None, place: places.Place) -> dict[str, Any]:
    plan = one.plan
    sub = [tenant_name(one.meter) or _("Vacant")]
    if plan and plan.quote:
        sub.append(words.measure(plan.units, plan.buyer.service))
    return {
        "n": number,
        "title": f"{words.service_name(one.meter.service)}, {unit_code(one.meter)}",
        "sub": sub,
        "amount": words.money(plan.pays_minor, place.currency) if plan else one.line.amount,
        "current": current is not None and one.line.order_id == current.line.order_id,
        "id": one.line.order_id,
    }
