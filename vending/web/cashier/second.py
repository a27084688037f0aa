"""The customer's own screen: what is counted, what is paid, the change, the token. A second window of the cashier's browser
on the screen that is turned round; it shows nothing that a customer should not see.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, g, render_template, url_for

from vending.services import Services
from vending.vends import drafts, queries
from vending.vends.queries import SaleView
from vending.web import gate, places, words
from vending.web.cashier import baskets
from vending.web.cashier.vends import charge_title, meters_of, title, unit_code

room = Blueprint("second", __name__, url_prefix="/cashier/customer-screen")

# So long a token stays there for the customer to read, should nobody come next.
SHOWN_FOR = timedelta(minutes=2)


@room.get("")
@gate.needs("sale.make")
def show() -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        basket = drafts.newest_of(session, services.clock, g.actor.key, place.till)
        sale = queries.find_sale(session, basket.sale_id) if basket else None
    told: dict[str, Any] = {
        "state": "idle",
        "name": "",
        "lines": [],
        "total": "",
        "change": "",
        "token_digits": None,
    }
    if sale is not None:
        if services.clock.now() - sale.sold_at < SHOWN_FOR:
            told |= _sold(services, sale)
    elif basket is not None and basket.kept:
        told |= _counting(services, basket)
    return render_template("cashier/second.html", **told, urls={"here": url_for("second.show")})


def _counting(services: Services, basket: drafts.DraftBasket) -> dict[str, Any]:
    place = places.of_request()
    counted, total = baskets.count(services, basket, "cash")
    lines = [
        {
            "title": f"{words.service_name(one.meter.service)}, {unit_code(one.meter)}"
            if one.meter
            else one.plan.lines[0]["label"],
            "units": words.units(one.plan.units) if one.plan.units else "",
            "unit": words.unit_of(one.plan.buyer.service) if one.plan.units else "",
            "amount": words.money(one.plan.pays_minor, place.currency),
        }
        for one in counted
        if one.plan
    ]
    first = next((one for one in counted if one.plan), None)
    if first is None:
        return {}
    return {
        "state": "counting",
        "name": title(first.meter) if first.meter else first.customer,
        "lines": lines,
        "total": words.total(total, place.currency),
    }


def _sold(services: Services, sale: SaleView) -> dict[str, Any]:
    with services.db.reading() as session:
        meters = meters_of(session, services, [vend.meter_key for vend in sale.vends])
    paid = {order["order"]: order["paid_minor"] for order in sale.content["orders"]}
    lines = []
    for vend in sale.vends:
        meter = meters.get(vend.meter_key)
        lines.append(
            {
                "title": f"{words.service_name(vend.service)}, {unit_code(meter)}"
                if meter
                else charge_title(sale, vend),
                "units": words.units(vend.units) if vend.units else "",
                "unit": words.unit_of(vend.service) if vend.units else "",
                "amount": words.money(paid.get(vend.order_id, vend.paid_minor), sale.currency),
            }
        )
    meter = meters.get(sale.vends[0].meter_key)
    change = sum(taken.change_minor for taken in sale.taken)
    tokens = sale.tokens
    return {
        "state": "issued" if sale.state == "issued" else "paid",
        "name": title(meter) if meter else charge_title(sale, sale.vends[0]),
        "lines": lines,
        "total": words.total(sale.total_minor, sale.currency),
        "change": words.total(change, sale.currency) if change else "",
        "token_digits": tokens[0][1].digits if len(tokens) == 1 else None,
    }
