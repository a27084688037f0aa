"""Bags for the bank: pack the takings of closed shifts, enter the bank's lines, explain what differs."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for

from vending.errors import InvalidInput, VendingError
from vending.money import currency, parse_amount
from vending.services import Services
from vending.shifts import banking, queries, slip
from vending.shifts.queries import BatchView
from vending.web import forms, gate, listing, places, printing, words
from vending.web.cashier import counting
from vending.web.cashier import shifts as own
from vending.web.errors import status_of
from vending.web.listing import Cell, Column, Listing
from vending.web.words import _

room = Blueprint("bags", __name__, url_prefix="/supervisor/bags")


def state_of(batch: BatchView) -> tuple[str, str]:
    """Lamp and word."""
    return {
        "agreed": ("on", _("bag and bank agree")),
        "difference": ("now", _("difference open")),
        "on the way": ("half", _("on the way to the bank")),
    }[batch.state]


@room.get("")
@gate.needs("shift.others")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        found = queries.list_batches(session, place.site_key, most=500)
        unbanked = queries.list_shifts(session, place.site_key, unbanked=True)
    return listing.answer(
        Listing(
            name="bags",
            page={
                "title": _("Bags for the bank"),
                "crumbs": [
                    {"label": _("Shifts"), "url": url_for("supervisor_shifts.index")},
                    {"label": _("Bags for the bank")},
                ],
                "actions": [
                    {"label": _("Pack a bag"), "url": url_for("bags.packing"), "next": True}
                    if unbanked
                    else None
                ],
            },
            figures=[
                {"label": _("Closed shifts not in a bag"), "value": str(len(unbanked))},
                {
                    "label": _("Still open with the bank"),
                    "value": words.money(
                        sum(abs(minor) for one in found for minor in one.open_minor.values()), place.currency
                    ),
                    "before": currency(place.currency).symbol,
                },
            ],
            columns=[
                Column("number", _("Deposit slip")),
                Column("bag", _("Seal")),
                Column("packed", _("Packed")),
                Column("by", _("Who")),
                Column("total", _("Total"), end=True),
                Column("open", _("Open"), end=True),
                Column("state", _("State")),
            ],
            fetch=listing.whole([_row(one) for one in found]),
            nothing={
                "title": _("No bag was packed yet"),
                "text": _("A bag holds the takings of one or more closed shifts."),
                "action": _("Pack a bag") if unbanked else "",
                "url": url_for("bags.packing"),
            },
        )
    )


def _row(batch: BatchView) -> list[Cell | str]:
    zone = places.of_request().zone
    lamp, word = state_of(batch)
    left = sum(batch.open_minor.values())
    return [
        Cell(batch.number, url=url_for("bags.show", key=batch.key)),
        batch.bag,
        Cell(words.moment(batch.packed_at, zone), batch.packed_at.isoformat()),
        batch.packed_by_name,
        Cell(words.money(batch.total_minor, batch.currency), batch.total_minor),
        Cell(words.money(left, batch.currency), left),
        Cell(word, lamp=lamp),
    ]


# --- packing ----------------------------------------------------------------------------------------------------------


@room.get("/pack")
@gate.needs("shift.others")
def packing() -> Any:
    return _packing()


def _packing(refused: VendingError | None = None) -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        unbanked = queries.list_shifts(session, place.site_key, unbanked=True)
    wrong = InvalidInput(refused.sentence, getattr(refused, "field", None)) if refused is not None else None
    field = wrong.field if wrong is not None else None
    sentence = words.refusal(refused.sentence) if refused is not None else ""
    chosen = request.form.getlist("shift") if refused is not None else [one.key for one in unbanked]
    html = render_template(
        "supervisor/counting.html",
        page={
            "title": _("Pack a bag for the bank"),
            "crumbs": [
                {"label": _("Bags for the bank"), "url": url_for("bags.index")},
                {"label": _("Pack a bag")},
            ],
            "intro": _(
                "Choose the shifts, count what goes into the bag, and seal it. The float stays in the safe."
            ),
        },
        shifts=[
            {
                "value": one.key,
                "label": _(
                    "%(number)s, %(name)s: takings %(money)s",
                    number=one.number,
                    name=one.cashier_name,
                    money=words.total(one.closing.takings_minor if one.closing else 0, one.currency),
                ),
                "checked": one.key in chosen,
            }
            for one in unbanked
        ],
        count=counting.rows(place.currency, None, wrong=wrong),
        count_title=_("Cash in the bag"),
        tenders=[],
        field_one={
            "name": "bag",
            "label": _("Seal of the bag"),
            "value": request.form.get("bag", ""),
            "hint": "",
            "error": sentence if field == "bag" else "",
            "long": False,
        },
        submit=_("Seal the bag"),
        refused="" if field == "bag" or str(field).startswith("count-") else sentence,
        urls={"act": url_for("bags.pack"), "back": url_for("bags.index")},
    )
    return html if refused is None else (html, status_of(refused))


@room.post("/pack")
@gate.needs("shift.others")
def pack() -> Any:
    services: Services = g.services
    place = places.of_request()
    keys = request.form.getlist("shift")
    try:
        with services.db.reading() as session:
            for key in keys:
                places.refuse_elsewhere(queries.one_shift(session, key).site_key)
        batch = banking.pack(
            services.db,
            services.clock,
            g.actor,
            keys,
            bag=request.form.get("bag", ""),
            count=counting.typed(place.currency, ways=()),
        )
    except VendingError as refused:
        return _packing(refused)
    return redirect(url_for("bags.deposit", key=batch), 303)


# --- one bag ----------------------------------------------------------------------------------------------------------


def _one(key: str) -> BatchView:
    services: Services = g.services
    with services.db.reading() as session:
        batch = queries.one_batch(session, key)
    places.refuse_elsewhere(batch.site_key)
    return batch


@room.get("/<key>")
@gate.needs("shift.others")
def show(key: str) -> Any:
    return _page(_one(key))


def _page(batch: BatchView, refused: VendingError | None = None, *, form: str = "") -> Any:
    place = places.of_request()
    code = batch.currency
    lamp, word = state_of(batch)
    field = getattr(refused, "field", None)
    sentence = words.refusal(refused.sentence) if refused is not None else ""
    typed = request.form if form == "match" else {}
    options = [{"value": way, "label": words.way(way).capitalize()} for way in batch.amounts]
    open_ways = [one for one in options if batch.open_minor.get(one["value"])]
    ways = [_way(batch, way, minor) for way, minor in batch.amounts.items()]
    lines = [
        [
            words.date_of(date.fromisoformat(one.value_date)),
            words.way(one.way).capitalize(),
            one.reference,
            one.entered_by_name,
            words.money(one.amount_minor, code),
        ]
        for one in batch.lines
    ]
    explained = [
        [
            words.moment(one.explained_at, place.zone),
            words.way(one.way).capitalize(),
            one.reason,
            one.explained_by_name,
            words.money(one.amount_minor, code),
        ]
        for one in batch.explanations
    ]
    html = listing.answer_page(
        "supervisor/bag.html",
        {
            "bag-and-bank": (("way", "in the bag", "confirmed", "explained", "open"), ways),
            "lines-of-the-bank": (("day", "way", "reference", "who", "amount"), lines),
            "differences-explained": (("when", "way", "reason", "who", "amount"), explained),
        },
        page={
            "title": _("Bag %(number)s", number=batch.number),
            "crumbs": [
                {"label": _("Bags for the bank"), "url": url_for("bags.index")},
                {"label": batch.number},
            ],
            "facts": [
                _("Seal %(seal)s", seal=batch.bag),
                _("packed by %(name)s", name=batch.packed_by_name),
                words.moment(batch.packed_at, place.zone),
                ", ".join(batch.shifts),
            ],
            "lamp": {"state": lamp, "text": word},
            "actions": [{"label": _("Deposit slip"), "url": url_for("bags.deposit", key=batch.key)}],
        },
        ways=ways,
        lines=lines,
        explained=explained,
        match={
            "action": url_for("bags.match", key=batch.key),
            "ways": options,
            "way": typed.get("way", open_ways[0]["value"] if open_ways else ""),
            "amount": typed.get("amount", ""),
            "reference": typed.get("reference", ""),
            "day": typed.get("day", g.services.clock.now().astimezone(place.zone).date().isoformat()),
            "errors": {field: sentence} if form == "match" and field else {},
            "currency": currency(code).symbol,
        }
        if open_ways
        else None,
        explain={
            "action": url_for("bags.explain", key=batch.key),
            "ways": open_ways,
            "reason": request.form.get("reason", ""),
            "error": sentence if form == "explain" and field == "reason" else "",
        }
        if open_ways and batch.lines
        else None,
        refused="" if field else sentence,
    )
    return html if refused is None else (html, status_of(refused))


def _way(batch: BatchView, way: str, minor: int) -> list[Any]:
    code = batch.currency
    confirmed = sum(one.amount_minor for one in batch.lines if one.way == way)
    explained = sum(one.amount_minor for one in batch.explanations if one.way == way)
    left = batch.open_minor.get(way, 0)
    return [
        words.way(way).capitalize(),
        words.money(minor, code),
        words.money(confirmed, code),
        words.money(explained, code) if explained else "",
        {"text": words.money(left, code), "lamp": "half" if left else "on"},
    ]


@room.post("/<key>/lines")
@gate.needs("shift.others")
def match(key: str) -> Any:
    services: Services = g.services
    batch = _one(key)
    try:
        try:
            day = date.fromisoformat(request.form.get("day", ""))
        except ValueError:
            raise InvalidInput(_("Type the day of the bank's line."), "day") from None
        banking.match(
            services.db,
            services.clock,
            g.actor,
            key,
            way=request.form.get("way", ""),
            amount_minor=parse_amount(request.form.get("amount", ""), batch.currency),
            reference=request.form.get("reference", ""),
            value_date=day,
        )
    except VendingError as refused:
        return _page(batch, refused, form="match")
    return forms.done(_("The bank's line is entered."), url_for("bags.show", key=key))


@room.post("/<key>/explanations")
@gate.needs("shift.others")
def explain(key: str) -> Any:
    services: Services = g.services
    batch = _one(key)
    try:
        banking.explain(
            services.db,
            services.clock,
            g.actor,
            key,
            way=request.form.get("explained_way", ""),
            reason=request.form.get("reason", ""),
        )
    except VendingError as refused:
        return _page(batch, refused, form="explain")
    return forms.done(_("The difference is booked."), url_for("bags.show", key=key))


@room.get("/<key>/slip")
@gate.needs("shift.others")
def deposit(key: str) -> Any:
    return render_template(
        "cashier/shifts/deposit.html",
        slip=own.deposit_words(slip.deposit_slip(_one(key), log_head=own.log_head())),
        urls={
            "back": url_for("bags.show", key=key),
            "pdf": url_for("papers.bag", key=key, size="a5"),
            "agent": printing.button("papers.print_deposit", key=key)
            if places.can(g.actor, "shift.own")
            else None,
        },
    )
