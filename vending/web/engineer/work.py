"""The engineer's day: work orders, engineering tokens for them, and the file that goes where there is no network."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for

from vending.access.policy import Permission
from vending.errors import InvalidInput, VendingError
from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.services import Services
from vending.vends import acting
from vending.vends import queries as sales
from vending.web import forms, gate, listing, places, words
from vending.web.engineer import tokens as asked
from vending.web.listing import Cell, Column
from vending.web.words import _, plural
from vending.work import queries, service
from vending.work.errors import OrderClosed
from vending.work.queries import OrderView

room = Blueprint("work", __name__, url_prefix="/engineer/work")

LARGEST_FILE = 4_000_000


def kind_name(kind: str) -> str:
    names = {
        "inspection": _("inspection"),
        "commissioning": _("commissioning"),
        "reading": _("reading"),
        "token": _("token to enter"),
        "key-change": _("key change"),
        "disconnect": _("disconnection"),
        "reconnect": _("reconnection"),
        "other": _("other work"),
    }
    return names.get(kind, kind)


def states() -> dict[str, tuple[str, str]]:
    return {
        "open": ("half", _("open")),
        "started": ("half", _("taken on")),
        "done": ("on", _("done")),
        "failed": ("now", _("failed")),
        "cancelled": ("off", _("cancelled")),
    }


def _due(order: OrderView, today: date) -> tuple[str, str]:
    """(lamp, word) of an open order."""
    if order.due_on is None:
        return "half", ""
    if order.due_on < today:
        return "now", _("since %(day)s", day=words.date_of(order.due_on))
    if order.due_on == today:
        return "now", _("today")
    return "half", words.date_of(order.due_on)


@room.get("")
@gate.needs("meter.line")
def day() -> Any:
    return _page()


def _page(refused: VendingError | None = None) -> Any:
    services: Services = g.services
    place = places.of_request()
    today = services.clock.now().astimezone(place.zone).date()
    with services.db.reading() as session:
        orders = queries.list_orders(session, place.site_key, states=service.OPEN)
        meters = {
            one.key: one
            for one in estate.list_meters(
                session, services.clock, [one.meter_key for one in orders if one.meter_key]
            )
        }
        acts = [
            one
            for one in acting.list_acts(
                session, place.site_key, states=("asked", "paid", "issued", "partly"), most=60
            )
            if one.kind in ("engineering", "key-change")
        ][:12]
        digits = {
            one.order_id: sales.one_sale(session, one.order_id)
            for one in acts
            if one.state in ("issued", "partly")
        }
        labels = {
            one.key: one
            for one in estate.list_meters(session, services.clock, [act.meter_key for act in acts])
        }
        visits = queries.last_visits(session, place.site_key, most=1)
    told = []
    for order in orders:
        lamp, due = _due(order, today)
        meter = meters.get(order.meter_key or "")
        told.append(
            {
                "state": "on" if order.state == "started" else lamp,
                "title": f"W-{order.number} {order.title}",
                "where": place_of(meter),
                "detail": order.note or kind_name(order.kind),
                "due": due,
                "url": url_for("work.show", key=order.key),
                "action": {
                    "label": _("Take it on"),
                    "url": url_for("work.start", key=order.key),
                    "post": True,
                }
                if order.state == "open"
                else {"label": _("Finish"), "url": url_for("work.end", key=order.key)},
            }
        )
    html = render_template(
        "engineer/work.html",
        page={
            "title": _("Your work today"),
            "facts": [words.date_of(today), plural("%(num)s order", "%(num)s orders", len(orders))],
            "actions": [
                {"label": _("All orders"), "url": url_for("work.orders")},
                {"label": _("Ask for a token"), "url": url_for("tokens.ask")} if places.can(g.actor, Permission.ENGINEERING_TOKEN.value) else None,
                {"label": _("Open an order"), "url": url_for("work.open_order"), "next": True},
            ],
        },
        orders=told,
        tokens=[asked.told(one, labels.get(one.meter_key), digits.get(one.order_id)) for one in acts],
        visit={
            "text": _("Take a signed file with your orders and tokens, work with the meter command on your own computer, and bring the result file back. The file is good for three days."),
            "download_url": url_for("work.take_visit"),
            "upload_url": url_for("work.bring_results"),
            "error": words.refusal(refused.sentence) if refused else "",
            "office_key": service.office_public_key(services.vault),
            "last": _(
                "Last file: %(when)s by %(who)s, %(done)s of %(all)s orders came back.",
                when=words.moment(visits[0].made_at, place.zone),
                who=visits[0].made_by_name,
                done=visits[0].results,
                all=visits[0].orders,
            )
            if visits
            else "",
        },
    )  # fmt: skip
    return html if refused is None else (html, 422)


def place_of(meter: MeterView | None) -> str:
    if meter is None:
        return ""
    where = f"{meter.space.code}, {meter.space.floor}" if meter.space else meter.label
    return f"{where}, {_('meter %(number)s', number=words.meter_number(meter.drn))}"


@room.get("/orders")
@gate.needs("estate.read")
def orders() -> Any:
    services: Services = g.services
    place = places.of_request()
    state, kind = request.args.get("state", ""), request.args.get("kind", "")
    wanted = (state,) if state in states() else ()

    def fetch(offset: int, most: int) -> list[listing.Row]:
        with services.db.reading() as session:
            found = queries.list_orders(
                session, place.site_key, states=wanted, kind=kind, offset=offset, most=most
            )
            meters = {
                one.key: one
                for one in estate.list_meters(
                    session, services.clock, [one.meter_key for one in found if one.meter_key]
                )
            }
        return [
            [
                Cell(f"W-{one.number}", url=url_for("work.show", key=one.key), lamp=states()[one.state][0]),
                Cell(one.title),
                Cell(kind_name(one.kind), one.kind),
                Cell(place_of(meters.get(one.meter_key or ""))),
                Cell(states()[one.state][1], one.state),
                Cell(words.date_of(one.due_on) if one.due_on else "–", one.due_on or ""),
                Cell(one.taken_by_name or ""),
                Cell(one.result or ""),
            ]
            for one in found
        ]

    every = [{"value": "", "label": _("all")}]
    return listing.answer(
        listing.Listing(
            name="work-orders",
            page={"title": _("Work orders"), "actions": [{"label": _("Open an order"), "url": url_for("work.open_order"), "next": True}]},
            columns=[Column("order", _("Order")), Column("title", _("What")), Column("kind", _("Kind")), Column("where", _("Where")), Column("state", _("State")), Column("due", _("Due")), Column("taken by", _("Taken by")), Column("result", _("What was found"))],
            fetch=fetch,
            filter={
                "action": url_for("work.orders"),
                "choices": [
                    {"name": "state", "label": _("State"), "chosen": state, "options": every + [{"value": one, "label": word} for one, (_lamp, word) in states().items()]},
                    {"name": "kind", "label": _("Kind"), "chosen": kind, "options": every + [{"value": one, "label": kind_name(one)} for one in service.KINDS]},
                ],
            },
            nothing={"title": _("No work order"), "text": _("A fault, a report or a meter's page opens one."), "action": _("Open an order"), "url": url_for("work.open_order")},
        )
    )  # fmt: skip


@room.route("/orders/open", methods=["GET", "POST"])
@gate.needs("estate.read")
def open_order() -> Any:
    """From a report or a meter's page with the meter and the reason already named, or by typing."""
    services: Services = g.services
    place = places.of_request()
    given = request.args.get("meter", "")
    meter = None
    if given:
        with services.db.reading() as session:
            meter = _named(session, given)
    form = forms.Form(
        page={
            "title": _("Open an order"),
            "crumbs": [{"label": _("Work orders"), "url": url_for("work.orders")}, {"label": _("Open an order")}],
            "facts": [place_of(meter)] if meter else [],
        },
        fields=[
            forms.Field("kind", _("Kind"), "choose", value=request.args.get("kind", "inspection"), options=[(one, kind_name(one)) for one in service.KINDS]),
            forms.Field("meter", _("Meter"), value=meter.drn if meter else "", hint=_("Its number; empty for work that is at no meter."), attributes={"inputmode": "numeric", "autocomplete": "off"}),
            forms.Field("title", _("What is to be done"), value=_("Inspect the meter") if meter and request.args.get("why") else "", needed=True, attributes={"maxlength": 120}),
            forms.Field("due_on", _("Due"), "date"),
            forms.Field("note", _("Why, and what to look for"), "area", value=request.args.get("why", "")[:500], attributes={"maxlength": 500, "rows": 3}),
        ],
        submit=_("Open it"),
        back=url_for("work.orders"),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        typed, due = forms.text("meter"), forms.text("due_on")
        try:
            due_on = date.fromisoformat(due) if due else None
        except ValueError:
            raise InvalidInput(_("Choose a day, written as 2026-11-20."), "due_on") from None
        with services.db.writing() as session:
            chosen = None
            if typed:
                try:
                    chosen = estate.one_meter(session, services.clock, typed, sites=(place.site_key,)).key
                except VendingError as wrong:
                    raise InvalidInput(wrong.sentence, "meter") from None
            key = service.open_order(
                session,
                services.clock,
                g.actor,
                site=place.site_key,
                kind=forms.text("kind"),
                title=forms.text("title"),
                note=forms.text("note", most=500),
                meter=chosen,
                due_on=due_on,
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The order is open."), url_for("work.show", key=key))


def _named(session: Any, given: str) -> MeterView | None:
    """The meter that an address names, by its key or its number; none where it names nothing here."""
    try:
        return estate.one_meter(session, g.services.clock, given, sites=(places.of_request().site_key,))
    except VendingError:
        return None


def one_order(key: str) -> OrderView:
    services: Services = g.services
    with services.db.reading() as session:
        order = queries.one_order(session, key)
    places.refuse_elsewhere(order.site_key)
    return order


@room.get("/orders/<key>")
@gate.needs("estate.read")
def show(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    order = one_order(key)
    with services.db.reading() as session:
        meters = estate.list_meters(session, services.clock, [order.meter_key]) if order.meter_key else []
        result = queries.results_of(session, [key]).get(key)
    meter = meters[0] if meters else None
    lamp, word = states()[order.state]
    works = places.can(g.actor, Permission.METER_LINE.value)
    is_open = order.state in service.OPEN
    actions: list[dict[str, Any] | None] = []
    if is_open and works:
        if order.state == "open":
            actions.append({"label": _("Take it on"), "url": url_for("work.start", key=key), "post": True})
        actions.append({"label": _("Finish"), "url": url_for("work.end", key=key), "next": True})
    elif is_open and order.opened_by == g.actor.key:
        actions.append({"label": _("Cancel it"), "url": url_for("work.end", key=key)})
    if is_open and meter and places.can(g.actor, Permission.ENGINEERING_TOKEN.value):
        actions.append(
            {
                "label": _("Ask for a token"),
                "url": url_for("tokens.ask", meter=meter.drn, order=f"W-{order.number}"),
            }
        )
    pairs: list[tuple[str, str]] = [
        (_("Kind"), kind_name(order.kind)),
        (_("Opened"), f"{words.moment(order.opened_at, place.zone)}, {order.opened_by_name}"),
        (_("Due"), words.date_of(order.due_on) if order.due_on else "–"),
        (_("Taken on by"), order.taken_by_name or "–"),
    ]
    if order.ended_at:
        pairs += [
            (_("Ended"), f"{words.moment(order.ended_at, place.zone)}, {order.ended_by_name or ''}"),
            (_("What was found"), order.result or "–"),
        ]
    if result is not None and result.readings:
        credit = result.readings.get("credit")
        if credit:
            pairs.append((_("Credit at the meter"), f"{credit[0]} {credit[1]}"))
        pairs += [(obis, f"{amount} {unit}") for obis, amount, unit in result.readings.get("totals", [])]
    return render_template(
        "manager/record.html",
        page={
            "title": f"W-{order.number} {order.title}",
            "crumbs": [{"label": _("Work orders"), "url": url_for("work.orders")}, {"label": f"W-{order.number}"}],
            "facts": [place_of(meter)] if meter else [],
            "lamp": {"state": lamp, "text": word},
            "actions": actions,
        },
        notices=[{"state": "half", "text": order.note, "url": "", "action": ""}] if order.note else [],
        figures_list=None,
        parts=[
            {
                "title": _("The order"),
                "pairs_list": pairs,
                "actions": [{"label": _("The meter's line of time"), "url": url_for("meters.show", key=meter.key)}] if meter else [],
            }
        ],
        timeline_entries=[],
        timeline_filters=None,
        paging=None,
        nothing=_("What is done with this order stands in the meter's line of time."),
    )  # fmt: skip


@room.post("/orders/<key>/start")
@gate.needs("meter.line")
def start(key: str) -> Any:
    services: Services = g.services
    one_order(key)
    with services.db.writing() as session:
        service.start(session, services.clock, g.actor, key)
    return forms.done(_("The order is yours."), url_for("work.day"))


@room.route("/orders/<key>/end", methods=["GET", "POST"])
@gate.needs("estate.read")
def end(key: str) -> Any:
    services: Services = g.services
    order = one_order(key)
    if order.state not in service.OPEN:
        raise OrderClosed(_("This order has ended already."))
    works = places.can(g.actor, Permission.METER_LINE.value)
    options = [("done", _("done")), ("failed", _("could not be done")), ("cancelled", _("cancelled"))]
    form = forms.Form(
        page={
            "title": _("Finish the order"),
            "crumbs": [{"label": f"W-{order.number}", "url": url_for("work.show", key=key)}, {"label": _("Finish")}],
            "facts": [order.title],
        },
        fields=[
            forms.Field("state", _("How it ended"), "segments", value="done" if works else "cancelled", options=options if works else options[2:]),
            forms.Field("result", _("What was found"), "area", needed=True, attributes={"maxlength": 500, "rows": 3}),
        ],
        submit=_("Finish it"),
        back=url_for("work.show", key=key),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        with services.db.writing() as session:
            service.end(
                session,
                services.clock,
                g.actor,
                key,
                state=forms.text("state"),
                result=" ".join(forms.text("result", most=500).split()),
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The order has ended."), url_for("work.show", key=key))


@room.post("/visit")
@gate.needs("meter.line")
def take_visit() -> Any:
    """The signed file with every open order that a laptop can work through, and the tokens that are released for them."""
    services: Services = g.services
    place = places.of_request()
    try:
        with services.db.writing() as session:
            orders = queries.list_orders(session, place.site_key, states=service.OPEN, most=1000)
            text = service.make_visit(
                session,
                services.clock,
                services.vault,
                g.actor,
                site=place.site_key,
                orders=[one.key for one in orders],
                tokens=_tokens(session, place.site_key, orders),
            )
    except VendingError as refused:
        return _page(refused)
    name = f"visit-{services.clock.now().astimezone(place.zone):%Y-%m-%d-%H%M}.json"
    return Response(
        text,
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _tokens(session: Any, site: str, orders: list[OrderView]) -> dict[str, str]:
    """order key -> the token that was released for it: the act names the order by its number, W-17."""
    by_number = {f"W-{one.number}": one.key for one in orders if one.kind in ("token", "key-change")}
    found: dict[str, str] = {}
    for act in acting.list_acts(session, site, states=("issued", "partly"), most=500):
        key = by_number.get(act.work_order.strip().split(" ")[0])
        if key is None or key in found:
            continue
        sale = sales.one_sale(session, act.order_id)
        digits = [token.digits for vend in sale.vends for token in vend.tokens]
        if len(digits) == 1:  # a set of several is typed from its sheet, in its order
            found[key] = digits[0]
    return found


@room.post("/visit/results")
@gate.needs("meter.line")
def bring_results() -> Any:
    services: Services = g.services
    place = places.of_request()
    request.max_content_length = LARGEST_FILE + 64 * 1024
    file = request.files.get("result")
    try:
        if file is None or not file.filename:
            raise InvalidInput(_("Choose the result file that the meter command wrote."), "result")
        text = file.stream.read(LARGEST_FILE + 1).decode("utf-8", errors="replace")
        with services.db.writing() as session:
            closed, left = service.bring_results(
                session, services.clock, services.vault, g.actor, text, site=place.site_key
            )
    except VendingError as refused:
        return _page(refused)
    return forms.done(
        _("%(closed)s orders are closed, %(left)s stay open.", closed=closed, left=left), url_for("work.day")
    )
