"""One sale after the money: the token page, its copies, and where the money is while there is no token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, url_for
from sqlalchemy.orm import Session

from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.notifications import service as notices
from vending.notifications.channel import masked
from vending.receipts import print_queue, sending
from vending.services import Services
from vending.vends import queries, reversing
from vending.vends import service as sales
from vending.vends.queries import SaleView, TokenView, VendView
from vending.web import gate, places, words
from vending.web.timelines import token_kind
from vending.web.words import _

room = Blueprint("vends", __name__, url_prefix="/cashier/vends")


@room.get("/<key>")
@gate.needs("sale.make")
def show(key: str) -> Any:
    return page(key, index=1)


@room.get("/<key>/tokens/<int:index>")
@gate.needs("sale.make")
def show_token(key: str, index: int) -> Any:
    return page(key, index=index)


@room.post("/<key>/copies")
@gate.needs("sale.reprint")
def print_again(key: str) -> Any:
    services: Services = g.services
    places.refuse_elsewhere(_site_of(services, key))
    copies = sales.reprint(services.db, services.clock, key, actor=g.actor)
    if _to_the_agent(services, key, copies):
        return redirect(url_for("vends.show", key=key), 303)
    return redirect(url_for("receipts.show", key=key, print="now"), 303)


def _to_the_agent(services: Services, key: str, copies: int) -> bool:
    """Whether this till's papers come out of its agent's printer, so that the browser need not print."""
    with services.db.writing() as session:
        sale = queries.one_sale(session, key)
        if print_queue.find_agent(session, sale.site_key, sale.till) is None:
            return False
        # The first one is on its way by itself; the same name is the same paper.
        print_queue.ask_receipt(session, services.clock, key, copy=max(copies - 1, 0), kick=False)
    return True


@room.post("/<key>/send/<any(sms, email):channel>")
@gate.needs("sale.reprint")
def send(key: str, channel: str) -> Any:
    """By hand: to the tenant's telephone or mailbox as it is known, never to one that is typed here."""
    services: Services = g.services
    places.refuse_elsewhere(_site_of(services, key))
    sending.ask_again(services.db, services.clock, key, channel, test=services.settings.is_demonstration)
    return redirect(url_for("vends.show", key=key), 303)


def send_label(channel: str, to: str) -> str:
    if channel == "sms":
        return _("Send to phone %(number)s", number=masked(to))
    return _("Send to %(address)s", address=masked(to))


def _reachable(services: Services, sale: SaleView) -> dict[str, str]:
    """Where this receipt can be sent: channels that are set up, contacts that are known."""
    if not services.channels or sale.state != "issued":
        return {}
    found = sending.recipients(services.db, services.clock, sale.key, test=services.settings.is_demonstration)
    return {channel: to for channel, to in found.items() if channel in services.channels}


def delivery(sent: Sequence[notices.NoticeView], place: places.Place) -> list[dict[str, str]]:
    """How far each message came, for the list of what happened."""
    rows = []
    for one in sent:
        to = masked(one.recipient)
        if one.state == "accepted":
            state, what = "on", _("Sent to %(address)s", address=to)
        elif one.state == "refused":
            state, what = "now", _("Not sent to %(address)s", address=to)
        else:
            state, what = "half", _("On its way to %(address)s", address=to)
        rows.append(
            {
                "state": state,
                "what": what,
                "detail": one.error,
                "at": words.clock_time(one.changed_at, place.zone, seconds=True),
            }
        )
    return rows


def _site_of(services: Services, key: str) -> str:
    with services.db.reading() as session:
        return queries.one_sale(session, key).site_key


def page(key: str, *, index: int) -> str:
    services: Services = g.services
    with services.db.reading() as session:
        sale = queries.one_sale(session, key)
        places.refuse_elsewhere(sale.site_key)
        meters = meters_of(session, services, [vend.meter_key for vend in sale.vends])
        taken_back = reversing.of_orders(session, [vend.order_id for vend in sale.vends])
        sent = notices.of_sale(session, key)
        has_agent = print_queue.find_agent(session, sale.site_key, sale.till) is not None
    reachable = _reachable(services, sale)
    place = places.of_request()
    tokens = sale.tokens
    index = min(max(index, 1), max(len(tokens), 1))
    shown = tokens[index - 1] if tokens else None
    vend = shown[0] if shown else sale.vends[0]
    meter = meters.get(vend.meter_key)
    way = ", ".join(words.way(taken.way) for taken in sale.taken)
    return render_template(
        "cashier/vend.html",
        vend={
            "state": sale.state,
            "title": title(meter) if meter else charge_title(sale, vend),
            "facts": [
                *(
                    [
                        words.service_name(vend.service),
                        _("Meter %(number)s", number=words.meter_number(meter.drn)),
                    ]
                    if meter
                    else []
                ),
                f"{words.total(sale.total_minor, sale.currency)} {way}",
                _("Receipt %(number)s", number=sale.receipt),
            ],
            "token": shown[1].digits if shown else None,
            "index": index,
            "count": len(tokens),
            "kind": kind_of(tokens, index) if shown else "",
            "dose": _dose(vend, shown[1] if shown else None),
            "fresh": (services.clock.now() - sale.sold_at).total_seconds() < 10,
            "others": _others(sale, meters, index),
            "order": _order_of_entry(sale),
            "at_meter": _at_meter(shown[1]) if shown else None,
            "happened": [*_happened(sale, place, taken_back), *delivery(sent, place)],
            "message": "",
            "money": _where_the_money_is(sale, vend),
            "code": vend.refusal_code or "",
            "held": None,
        },
        urls={
            "next": url_for("till.desk"),
            "receipt": url_for("receipts.show", key=key),
            "print": url_for("vends.print_again", key=key),
            "here": url_for("vends.show", key=key),
            "correct": url_for("refunds.correcting", key=key) if sale.taken else "",
            "reverse": url_for("reversals.ask", key=key)
            if places.can(g.actor, "sale.reverse") and len(taken_back) < len(sale.vends)
            else "",
            "printers": url_for("printers.index") if has_agent else "",
            "trouble": url_for("trouble.show", key=key, meter=vend.meter_key or None) if shown else "",
        },
        send=[
            {"label": send_label(channel, to), "url": url_for("vends.send", key=key, channel=channel)}
            for channel, to in reachable.items()
        ],
        copies=sale.copies,
    )


def kind_of(tokens: Sequence[tuple[VendView, TokenView]], index: int) -> str:
    """What a token is, when it is not simply what was bought; a set is counted."""
    vend, token = tokens[index - 1]
    alike = [
        number
        for number, (other, one) in enumerate(tokens, 1)
        if one.kind == token.kind and other.order_id == vend.order_id
    ]
    if token.kind == "key-change":
        return _(
            "Key change, token %(number)s of %(count)s: enter it before the new credit",
            number=alike.index(index) + 1,
            count=len(alike),
        )
    if token.kind == "allowance":
        return _("Free units of this month")
    if token.kind == "credit":
        return _("Credit, token %(number)s of %(count)s", number=alike.index(index) + 1, count=len(alike)) if len(alike) > 1 else ""  # fmt: skip
    return token_kind(token.kind)


def _dose(vend: VendView, token: TokenView | None) -> dict[str, Any] | None:
    """The energy in the glass: of the token that is shown, or of the order while there is none."""
    units = vend.units if token is None else token.units
    if not units or not vend.service:
        return None
    return {
        "value": units / 10,
        "text": words.units(units),
        "unit": words.unit_of(vend.service),
        "label": "",
    }


def _order_of_entry(sale: SaleView) -> str:
    """Rules.md 13: unspent tokens of the old key, the key change, then what was bought."""
    if any(vend.carried for vend in sale.vends):
        return _(
            "Older tokens that were not entered yet go in first, then the key-change tokens in their order, then the "
            "new credit. A key-change token that says USED is in already: go on with the next."
        )
    if any(len(vend.tokens) > 1 for vend in sale.vends):
        return _("This purchase is several tokens. Enter all of them, in the order of their numbers.")
    return ""


def _at_meter(token: TokenView) -> list[str] | None:
    if token.kind != "key-change":
        return None
    return [
        _("Type the 20 digits, group by group."),
        _("Press Enter on the keypad. The meter takes it and waits for the next token of the set."),
        _("If it says USED, this token is in already. Go on with the next one."),
    ]


def meters_of(session: Session, services: Services, keys: Sequence[str]) -> dict[str, MeterView]:
    """The meters of these keys, looked up at once."""
    wanted = list(dict.fromkeys(keys))
    return {meter.key: meter for meter in estate.list_meters(session, services.clock, wanted)}


def unit_code(meter: MeterView) -> str:
    return meter.space.code if meter.space else meter.label


def tenant_name(meter: MeterView) -> str:
    return meter.tenant.name if meter.tenant else ""


def title(meter: MeterView) -> str:
    return f"{meter.tenant.name}, {unit_code(meter)}" if meter.tenant else unit_code(meter)


def charge_title(sale: SaleView, vend: VendView) -> str:
    """What an order without a meter is for, in the words of its first line."""
    lines = next(order["lines"] for order in sale.content["orders"] if order["order"] == vend.order_id)
    return str(lines[0]["label"])


def _others(sale: SaleView, meters: dict[str, MeterView], index: int) -> list[dict[str, Any]]:
    """What else is in this sale, in the order of entry: other tokens, and what needs none."""
    tokens = sale.tokens
    rows: list[dict[str, Any]] = []
    number = 0
    for vend in sale.vends:
        meter = meters.get(vend.meter_key)
        common = {
            "title": f"{unit_code(meter)}, {words.service_name(vend.service).lower()}"
            if meter
            else charge_title(sale, vend),
            "detail": _("Meter %(number)s", number=words.meter_number(meter.drn)) if meter else "",
            "units": words.units(vend.units) if vend.units else "",
            "unit": words.unit_of(vend.service) if vend.units else "",
        }
        for token in (*vend.carried, *vend.tokens):
            number += 1
            if number == index:
                continue
            rows.append(
                {
                    **common,
                    "n": number,
                    "detail": kind_of(tokens, number) or common["detail"],
                    "units": words.units(token.units) if token.units else "",
                    "unit": words.unit_of(vend.service) if token.units else "",
                    "token": token.digits,
                    "url": url_for("vends.show_token", key=sale.key, index=number),
                }
            )
        if not vend.tokens and len(sale.vends) > 1:
            on_its_way = vend.state == "paid"
            paid = words.total(vend.paid_minor, sale.currency)
            note = "" if on_its_way else _("%(money)s, no token", money=paid)
            rows.append({**common, "n": "", "token": None, "note": note, "url": ""})
    return rows


def _happened(
    sale: SaleView, place: places.Place, taken_back: dict[str, reversing.ReversalView]
) -> list[dict[str, str]]:
    change = sum(taken.change_minor for taken in sale.taken)
    rows = [
        {
            "state": "on",
            "what": _("Money taken"),
            "detail": _("change %(change)s", change=words.total(change, sale.currency)) if change else "",
            "at": words.clock_time(sale.sold_at, place.zone, seconds=True),
        }
    ]
    for vend in sale.vends:
        for token in vend.tokens:
            rows.append(
                {
                    "state": "on",
                    "what": _("Token released"),
                    "detail": _("log entry %(number)s, signed", number=token.sequence),
                    "at": words.clock_time(vend.decided_at, place.zone, seconds=True)
                    if vend.decided_at
                    else "",
                }
            )
        if vend.state == "paid":
            rows.append({"state": "half", "what": _("Token on its way"), "detail": "", "at": ""})
        if vend.state == "refused":
            rows.append(
                {
                    "state": "now",
                    "what": _("Token refused"),
                    "detail": words.refusal(vend.refusal_sentence or ""),
                    "at": "",
                }
            )
    for back in taken_back.values():
        asked = back.state == "asked"
        rows.append(
            {
                "state": "half" if asked else "off",
                "what": _("Reversal asked for") if asked else _("Taken back"),
                "detail": _("waits for a second person") if asked else (back.credit_note or ""),
                "at": words.clock_time(back.decided_at or back.asked_at, place.zone, seconds=True),
            }
        )
    rows.append(
        {"state": "on", "what": _("Printed"), "detail": _("%(count)s copies", count=sale.copies), "at": ""}
        if sale.copies
        else {"state": "off", "what": _("Not printed yet"), "detail": "", "at": ""}
    )
    return rows


def _where_the_money_is(sale: SaleView, vend: VendView) -> str:
    if sale.state != "refused":
        return ""
    told = words.refusal(vend.refusal_sentence or "")
    return (
        told
        + " "
        + _(
            "%(money)s is kept for this customer and is spent first at the next purchase.",
            money=words.total(vend.paid_minor, sale.currency),
        )
    ).strip()
