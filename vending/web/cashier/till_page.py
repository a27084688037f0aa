"""The till's page from what is known: the customer, the amount with its lines, the basket and how it is paid."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask import g, render_template, request, url_for

from sts import id_record
from vending.errors import VendingError
from vending.estate.views import MeterView, RegisterView, TenantView
from vending.money import currency as currency_of
from vending.payments.tender import take
from vending.services import Services
from vending.shifts import queries as shifts
from vending.vends import facts, queries, splitting
from vending.vends.drafts import DraftBasket
from vending.vends.plan import Planned
from vending.web import places, training, words
from vending.web.cashier import baskets, glance, sale_words, tenders
from vending.web.cashier.baskets import Counted
from vending.web.cashier.glance import Glance
from vending.web.cashier.vends import charge_title, meters_of, tenant_name, title, unit_code
from vending.web.words import _, plural

QUICK = (100, 200, 500, 1000)


def page(
    basket: DraftBasket,
    *,
    meter: str = "",
    tenant: str = "",
    find: str = "",
    find_error: str = "",
    matches: Sequence[dict[str, Any]] | None = None,
    scanned: id_record.IdRecord | None = None,
    received_error: str = "",
    shift_error: str = "",
    charge_error: tuple[str, str] = ("", ""),
    sell_another: bool = False,
    sold: queries.SaleView | None = None,
    tried: str = "",
) -> str:
    services: Services = g.services
    place = places.of_request()
    way = tenders.way_of_form()
    with services.db.reading() as session:
        seen = glance.look(session, services, meter, tenant)
        last_sales = queries.list_last_of_till(session, place.site_key, place.till)
        names = meters_of(session, services, [vend.meter_key for sale in last_sales for vend in sale.vends])
    current = seen.meter if seen else None
    counted, total = baskets.count(services, basket, tenders.channel())
    line = _current_line(counted, seen)
    recent = glance.recent(seen, basket=basket.sale_id) if seen and not sell_another and not line else None
    found = list(matches or [])
    if not found and seen is not None and current is None:
        found = [match(one, basket.sale_id) for one in seen.meters]
    return render_template(
        "cashier/till.html",
        urls={
            "find": url_for("till.desk", basket=basket.sale_id),
            "act": url_for("till.act"),
            "quote": url_for("till.count"),
            "training": url_for("till.train"),
            "customer_screen": url_for("second.show"),
            "unclaimed": url_for("refunds.receiving"),
        },
        find={"text": find or (unit_code(current) if current else ""), "error": find_error, "hint": ""},
        matches=found,
        customer=glance.customer(seen, scanned) if seen else None,
        registers=_registers(seen),
        sale=_sale(basket, seen, line, _register(seen, counted, line), place),
        charges=_charges(seen, charge_error) if seen and seen.tenant else None,
        recent=recent,
        scale=_scale(line) if line and line.plan else None,
        quote=_quote(line.plan, place) if line and line.plan else None,
        last_sales=[_last(one, names, place) for one in last_sales],
        shift=_shift(shift_error, basket.sale_id, current.key if current else ""),
        sold={"text": _("This basket was sold already."), "url": url_for("vends.show", key=sold.key)}
        if sold
        else None,
        basket=_basket(basket, counted, total, line, way, place, received_error),
        tried=tried,
    )


def match(meter: MeterView, sale_id: str) -> dict[str, Any]:
    return {
        "url": url_for("till.desk", meter=meter.key, basket=sale_id),
        "unit": unit_code(meter),
        "name": tenant_name(meter) or _("Vacant"),
        "meter": words.meter_number(meter.drn),
        "service": words.service_name(meter.service),
        "supply": None,
    }


def match_customer(tenant: TenantView, sale_id: str) -> dict[str, Any]:
    return {
        "url": url_for("till.desk", customer=tenant.key, basket=sale_id),
        "unit": tenant.number,
        "name": tenant.name,
        "meter": "",
        "service": _("Account, debts, fees"),
        "supply": None,
    }


def _registers(seen: Glance | None) -> list[dict[str, str]]:
    """Only where a meter has several (rules.md 7)."""
    if seen is None or len(seen.registers) < 2:
        return []
    return [{"value": one.name, "label": _source(one)} for one in seen.registers]


def _source(register: RegisterView) -> str:
    names = {"mains": _("Mains"), "generator": _("Generator")}
    return names.get(register.source or register.name, register.name)


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


def _current_line(counted: Sequence[Counted], seen: Glance | None) -> Counted | None:
    """The line that the amount field shows: the form's own (or the one that stood there before somebody signed in again),
    else the one of this meter. A meter with a register that is not in the basket yet begins a line for that."""
    if seen is None or seen.meter is None:
        return None
    lines = [one for one in counted if one.line.kind == "credit" and one.line.meter == seen.meter.key]
    typed = request.form.get("order_id", "") or request.args.get("line", "")
    own = next((one for one in lines if one.line.order_id == typed), None)
    if own is not None:
        return own
    return lines[0] if lines and len(lines) >= len(seen.registers) else None


def _register(seen: Glance | None, counted: Sequence[Counted], line: Counted | None) -> str:
    """The register that is chosen: the line's, else the first that is not in the basket."""
    if line is not None:
        return line.line.register
    if seen is None or seen.meter is None or len(seen.registers) < 2:
        return ""
    taken = {one.line.register for one in counted if one.line.meter == seen.meter.key}
    chosen = request.values.get("register", "")
    free = [one.name for one in seen.registers if one.name not in taken]
    return chosen if chosen in free else next(iter(free), seen.registers[0].name)


def _sale(
    basket: DraftBasket, seen: Glance | None, line: Counted | None, register: str, place: places.Place
) -> dict[str, Any]:
    plan = line.plan if line else None
    meter = seen.meter if seen else None
    on_account = meter is not None and meter.credit_in == "account"
    asked = request.args.get("amount", "")[
        :20
    ]  # typed before the session ended, and brought through the sign-in
    return {
        "order_id": line.line.order_id if line else str(uuid.uuid4()),
        "basket_id": basket.sale_id,
        "meter": meter.key if meter else "",
        "customer": seen.tenant.key if seen and seen.tenant else "",
        "amount": line.line.amount if line else asked,
        "error": line.error if line else "",
        "currency": currency_of(place.currency).symbol,
        "hint": _(
            "The credit of this meter is kept on the account: the money is there at once, without a token."
        )
        if on_account
        else _("To sell by energy, type for example 42.7k"),
        "quick": [
            {
                "value": str(value),
                "label": words.money(value * 10 ** currency_of(place.currency).decimals, place.currency),
            }
            for value in QUICK
        ],
        "register": register,
        "blocked": seen.blocked if seen else "",
        "result": {
            "units": words.units(plan.units),
            "unit": words.unit_of(plan.buyer.service),
            "value": plan.units / 10,
        }
        if plan and plan.quote
        else None,
        "notes": _notes(plan, meter) if meter and not on_account else [],
        "second_token": _second_token(line) if line else None,
    }


def _notes(plan: Planned | None, meter: MeterView) -> list[str]:
    """How the amount becomes tokens."""
    unit = words.unit_of(meter.service)
    if plan is None or plan.quote is None:
        return [_("One token; the meter counts in 0.1 %(unit)s", unit=unit)]
    tokens = [part.units for part in plan.parts if part.kind == "credit" and part.units]
    notes = []
    if len(tokens) > 1:
        amounts = " + ".join(words.units(one) for one in tokens)
        notes.append(
            plural(
                "%(num)s token: %(amounts)s %(unit)s",
                "%(num)s tokens, to be entered in this order: %(amounts)s %(unit)s",
                len(tokens),
                amounts=amounts,
                unit=unit,
            )
        )
    else:
        notes.append(_("One token; the meter counts in 0.1 %(unit)s", unit=unit))
    if plan.free_units:
        notes.append(
            _(
                "and %(units)s %(unit)s free, on a token before it",
                units=words.units(plan.free_units),
                unit=unit,
            )
        )
    return notes


def _second_token(line: Counted) -> dict[str, Any] | None:
    """Above 1,638.3 kWh a token counts in steps: the remainder is kept, or comes as a second small token (rules.md 12)."""
    plan = line.plan
    if plan is None or plan.quote is None:
        return None
    largest = max((part.units or 0 for part in plan.parts if part.kind == "credit"), default=0)
    step = splitting.step_at(largest)
    if step == 1:
        return None
    return {
        "checked": line.line.second_token,
        "label": _("Give the rest as a second small token"),
        "hint": _(
            "A token of this size counts in steps of %(step)s %(unit)s. Without a second token the rest is kept for "
            "the next purchase.",
            step=words.units(step),
            unit=words.unit_of(plan.buyer.service),
        ),
    }


def _charges(seen: Glance, error: tuple[str, str]) -> dict[str, Any]:
    field, sentence = error
    return {
        "order_id": str(uuid.uuid4()),
        "options": glance.charges(seen),
        "charge": request.form.get("charge", ""),
        "amount": request.form.get("charge_amount", "") if sentence else "",
        "times": request.form.get("charge_times", "") if sentence else "1",
        "error": sentence,
        "field": field,
        "open": bool(sentence) or seen.meter is None,
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


def _quote(plan: Planned, place: places.Place) -> dict[str, Any]:
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
    states = {
        "paid": _("token on its way"),
        "refused": _("no token, money kept"),
        "reversed": _("taken back"),
        "cancelled": _("cancelled"),
    }
    return {
        "at": words.clock_time(sale.sold_at, place.zone),
        "who": (title(names[first.meter_key]) if first.meter_key else charge_title(sale, first)) + more,
        "what": states.get(sale.state)
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
    change, rounding = "", ""
    if way == "cash" and not received_error:
        try:
            taken = take(tenders.of_form(place.currency), total, place.currency)
            rounded = sum(one.rounding_minor for one in taken)
            if received:
                change = words.total(sum(one.change_minor for one in taken), place.currency)
            if rounded:
                rounding = _(
                    "Cash rounding %(money)s: coins end at %(due)s",
                    money=words.total(rounded, place.currency),
                    due=words.total(total + rounded, place.currency),
                )
        except VendingError as refused:
            received_error = words.refusal(refused.sentence) if received else ""
    wrong = next((one.error for one in counted if one.error), "")
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
        "rounding": rounding,
        "take_label": _take_label(counted),
        "reason": wrong,
        "undo": {"text": _("A line was removed."), "id": removed.order_id} if removed else None,
    }


def _take_label(counted: Sequence[Counted]) -> str:
    """What the amber button will do, in its own words."""
    if training.is_on():
        return _("Try it: nothing is sold")
    tokens = sum(len(one.plan.parts) for one in counted if one.plan)
    if not tokens:
        return _("Take the money")
    return (
        _("Take money, issue the token")
        if tokens == 1
        else _("Take money, issue %(count)s tokens", count=tokens)
    )


def _basket_line(number: int, one: Counted, current: Counted | None, place: places.Place) -> dict[str, Any]:
    plan = one.plan
    sub = [(tenant_name(one.meter) or _("Vacant")) if one.meter else one.customer]
    if plan and plan.quote:
        sub.append(words.measure(plan.units, plan.buyer.service))
    if plan and plan.free_units:
        sub.append(
            _(
                "%(units)s %(unit)s free",
                units=words.units(plan.free_units),
                unit=words.unit_of(plan.buyer.service),
            )
        )
    if one.meter is not None:
        heading = f"{words.service_name(one.meter.service)}, {unit_code(one.meter)}"
    else:
        heading = str(plan.lines[0]["label"]) if plan else one.line.charge
    return {
        "n": number,
        "title": heading,
        "sub": sub,
        "amount": words.money(plan.pays_minor, place.currency) if plan else one.line.amount,
        "current": current is not None and one.line.order_id == current.line.order_id,
        "id": one.line.order_id,
    }
