"""Everybody's shifts, for a supervisor: who is open, what waits for a decision, over and short of each person.

The sums of an open drawer are given on request, which the trail keeps, and whoever asked does not count it any more.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for

from vending.access.policy import Permission
from vending.errors import InvalidInput, VendingError
from vending.money import currency
from vending.services import Services
from vending.shifts import queries, service, slip
from vending.shifts.count import pieces_of
from vending.shifts.queries import ShiftView
from vending.web import charts, forms, gate, listing, places, printing, words
from vending.web.cashier import counting
from vending.web.cashier import shifts as own
from vending.web.errors import status_of
from vending.web.listing import Cell, Column, Listing
from vending.web.words import _, plural

room = Blueprint("supervisor_shifts", __name__, url_prefix="/supervisor/shifts")

HISTORY = 10


@room.get("")
@gate.needs("shift.others")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    chosen = request.args.get("show", "all")
    with services.db.reading() as session:
        waiting = queries.list_shifts(session, place.site_key, waiting=True)
        living = queries.list_shifts(session, place.site_key, states=("open", "counted"))
        shown = {"waiting": waiting, "open": living}.get(chosen) if chosen != "all" else None
        if shown is None:
            shown = queries.list_shifts(session, place.site_key, most=500)
        bags = [one for one in queries.list_batches(session, place.site_key) if one.state != "agreed"]
    # What waits for somebody stands first.
    rows = sorted(shown, key=lambda one: (not one.waits, one.state == "closed"))
    return listing.answer(
        Listing(
            name="shifts",
            page={
                "title": _("Shifts"),
                "actions": [
                    {"label": _("Bags for the bank"), "url": url_for("bags.index")},
                    {"label": _("Over and short"), "url": url_for("supervisor_shifts.people")},
                    {"label": _("Unclaimed money"), "url": url_for("unclaimed.index")},
                    {"label": _("Printers"), "url": url_for("printers.index")},
                    {"label": _("Vouchers"), "url": url_for("unclaimed.register")}
                    if places.can(g.actor, Permission.SITE_EDIT.value)
                    else None,
                    {"label": _("Limits and the safe"), "url": url_for("cash.show")}
                    if places.can(g.actor, Permission.SITE_EDIT.value)
                    else None,
                ],
            },
            figures=[
                {"label": _("Open now"), "value": str(len(living))},
                {"label": _("Wait for a decision"), "value": str(len(waiting))},
                {"label": _("Bags that the bank has not agreed to"), "value": str(len(bags))},
            ],
            filter={
                "action": url_for("supervisor_shifts.index"),
                "choices": [
                    {
                        "name": "show",
                        "label": _("Show"),
                        "options": [
                            {"value": "all", "label": _("All")},
                            {"value": "waiting", "label": _("Waiting for a decision")},
                            {"value": "open", "label": _("Open now")},
                        ],
                        "chosen": chosen,
                    }
                ],
            },
            columns=[
                Column("number", _("Shift")),
                Column("cashier", _("Cashier")),
                Column("opened", _("Opened")),
                Column("closed", _("Closed")),
                Column("state", _("State")),
                Column("difference", _("Difference"), end=True),
                Column("takings", _("Cash takings"), end=True),
                Column("bag", _("Bag")),
            ],
            fetch=listing.whole([_row(one) for one in rows]),
            nothing={
                "title": _("No shift here yet"),
                "text": _("A cashier opens a shift at the till with the float; it appears here."),
            },
        )
    )


def state_of(shift: ShiftView) -> tuple[str, str]:
    """Lamp and word."""
    if shift.state == "open":
        return "on", _("open")
    if shift.state == "counted":
        return "half", _("counted, not closed")
    if shift.waits:
        return "now", _("waits for a decision")
    return "off", _("closed")


def net(shift: ShiftView) -> str:
    if shift.closing is None:
        return ""
    minor = shift.net_difference_minor
    money = words.money(abs(minor), shift.currency)
    if not minor:
        return _("fits")
    return _("%(money)s over", money=money) if minor > 0 else _("%(money)s short", money=money)


def _row(shift: ShiftView) -> list[Cell | str]:
    zone = places.of_request().zone
    lamp, word = state_of(shift)
    closing = shift.closing
    return [
        Cell(shift.number, url=url_for("supervisor_shifts.show", key=shift.key)),
        shift.cashier_name,
        Cell(words.moment(shift.opened_at, zone), shift.opened_at.isoformat()),
        Cell(words.moment(closing.closed_at, zone), closing.closed_at.isoformat()) if closing else "",
        Cell(word, lamp=lamp),
        Cell(net(shift), shift.net_difference_minor if closing else None),
        Cell(words.money(closing.takings_minor, shift.currency), closing.takings_minor) if closing else "",
        shift.batch,
    ]


# --- one shift --------------------------------------------------------------------------------------------------------


@room.get("/<key>")
@gate.needs("shift.others")
def show(key: str) -> Any:
    return _page(key)


def _one(key: str) -> ShiftView:
    services: Services = g.services
    with services.db.reading() as session:
        shift = queries.one_shift(session, key)
    places.refuse_elsewhere(shift.site_key)
    return shift


def _page(key: str, refused: VendingError | None = None) -> Any:
    services: Services = g.services
    place = places.of_request()
    shift = _one(key)
    code = shift.currency
    with services.db.reading() as session:
        ways = queries.reading(session, shift)
        # A count that is locked and not closed is still the cashier's: what he sees, a supervisor sees.
        found = queries.differences_of(session, shift) if shift.counts else ()
        lately = queries.list_shifts(
            session, shift.site_key, states=("closed",), cashier_key=shift.cashier_key, most=HISTORY
        )
    lamp, word = state_of(shift)
    ended = words.moment(shift.closing.closed_at, place.zone) if shift.closing else _("now")
    mine = shift.cashier_key == g.actor.key
    payments = [] if shift.counts else [[words.way(one.way).capitalize(), str(one.payments)] for one in ways]
    counts, moves = _both_counts(shift), own.moves(shift)
    result = [own.difference(one, code) for one in found]
    html = listing.answer_page(
        "supervisor/shift.html",
        {
            "counted-and-expected": (
                ("way", "counted", "expected", "difference"),
                [[one["tender"], one["counted"], one["expected"], one["text"]] for one in result],
            ),
            "payments": (("way", "how many"), payments),
            "both-counts": (("note or coin", "first count", "recount"), counts),
            "moves-of-cash": (("time", "what", "who", "amount"), moves),
        },
        page={
            "title": _("Shift %(number)s of %(name)s", number=shift.number, name=shift.cashier_name),
            "crumbs": [
                {"label": _("Shifts"), "url": url_for("supervisor_shifts.index")},
                {"label": shift.number},
            ],
            "facts": [
                _("Till %(till)s", till=shift.till),
                _("%(start)s to %(end)s", start=words.moment(shift.opened_at, place.zone), end=ended),
                plural("%(num)s payment", "%(num)s payments", sum(one.payments for one in ways)),
            ],
            "lamp": {"state": lamp, "text": word},
            "actions": [
                {"label": _("Paper (Z)"), "url": url_for("supervisor_shifts.paper", key=key)}
                if shift.closing
                else {
                    "label": _("Reading with sums (X)"),
                    "url": url_for("supervisor_shifts.read", key=key),
                    "post": True,
                }
                if not mine
                else None,
                {
                    "label": _("Count and close it for the cashier")
                    if not shift.counts
                    else _("Close it for the cashier"),
                    "url": url_for("supervisor_shifts.count", key=key),
                }
                if not shift.closing and not mine
                else None,
            ],
        },
        result=result,
        payments=payments,
        counts=counts,
        reason=shift.closing.reason if shift.closing else "",
        history=_history(lately, shift),
        moves=moves,
        decision=_decision(shift, refused),
    )
    return html if refused is None else (html, status_of(refused))


def _both_counts(shift: ShiftView) -> list[list[str]]:
    if not shift.counts:
        return []
    first, last = shift.counts[0].count, shift.counts[-1].count
    return [
        [
            counting.name_of(piece, shift.currency),
            str(first.pieces.get(piece.minor, 0)),
            str(last.pieces.get(piece.minor, 0)) if len(shift.counts) > 1 else "",
        ]
        for piece in pieces_of(shift.currency)
        if first.pieces.get(piece.minor) or last.pieces.get(piece.minor)
    ]


def _history(lately: list[ShiftView], shift: ShiftView) -> dict[str, Any] | None:
    if len(lately) < 2:
        return None
    place = places.of_request()
    ordered = lately[::-1]
    unit = 10 ** currency(shift.currency).decimals
    labels = [f"{one.opened_at.astimezone(place.zone):%d.%m.}" for one in ordered]
    title = _("Differences of the last shifts of %(name)s", name=shift.cashier_name)
    return {
        "svg": charts.bars(
            [
                (label, abs(one.net_difference_minor) / unit)
                for label, one in zip(labels, ordered, strict=True)
            ],
            today=next((at for at, one in enumerate(ordered) if one.key == shift.key), None),
            label=title,
        ),
        "title": title,
        "note": currency(shift.currency).symbol,
        "columns": [{"label": _("Shift")}, {"label": _("Difference"), "end": True}],
        "rows": [[one.number, net(one)] for one in ordered],
    }


def _decision(shift: ShiftView, refused: VendingError | None) -> dict[str, Any] | None:
    if shift.closing is None:
        return None
    zone = places.of_request().zone
    said = {
        "accept": _("It stays booked as over or short."),
        "claim": _("It waits for whoever claims it."),
        "charge": _("The cashier owes it."),
    }
    if shift.decision is not None:
        return {
            "closed": _(
                "%(name)s decided on %(when)s: %(what)s %(why)s",
                name=shift.decision.decided_by_name,
                when=words.moment(shift.decision.decided_at, zone),
                what=said[shift.decision.outcome],
                why=shift.decision.reason,
            )
        }
    if not shift.waits:
        return {"closed": _("The difference is within what the site tolerates. Nobody has to decide.")}
    minor = shift.net_difference_minor
    options = [{"value": "accept", "label": _("Book as short") if minor < 0 else _("Book as over")}]
    if minor > 0:
        options.append({"value": "claim", "label": _("Keep for whoever claims it")})
    if minor < 0:
        options.append({"value": "charge", "label": _("Charge to the cashier")})
    return {
        "action": url_for("supervisor_shifts.decide", key=shift.key),
        "options": options,
        "chosen": request.form.get("decision", "accept"),
        "reason": request.form.get("reason", ""),
        "error": words.refusal(refused.sentence) if refused is not None else "",
        "closed": "",
    }


@room.post("/<key>")
@gate.needs("shift.others")
def decide(key: str) -> Any:
    services: Services = g.services
    _one(key)
    try:
        service.decide(
            services.db,
            services.clock,
            g.actor,
            key,
            outcome=request.form.get("decision", ""),
            reason=request.form.get("reason", ""),
        )
    except VendingError as refused:
        return _page(key, refused)
    return forms.done(_("The decision is booked."), url_for("supervisor_shifts.show", key=key))


@room.post("/<key>/sums")
@gate.needs("shift.others")
def read(key: str) -> Any:
    services: Services = g.services
    _one(key)
    service.read_sums(services.db, services.clock, g.actor, key)
    return _paper(key)


@room.get("/<key>/paper")
@gate.needs("shift.others")
def paper(key: str) -> Any:
    """The paper of a closed shift; of an open one without its sums."""
    return _paper(key, blind=_one(key).closing is None)


def _paper(key: str, *, blind: bool = False) -> Any:
    services: Services = g.services
    shift = _one(key)
    with services.db.reading() as session:
        ways = queries.reading(session, shift)
        found = queries.differences_of(session, shift) if shift.counts else ()
    content = slip.shift_slip(
        shift, ways, found, printed_at=services.clock.now(), blind=blind, log_head=own.log_head()
    )
    return render_template(
        "cashier/shifts/paper.html",
        slip=own.worded(content, ways),
        urls={
            "back": url_for("supervisor_shifts.show", key=key),
            "pdf": "" if blind else url_for("papers.others_shift", key=key, size="80"),
            "agent": printing.button("papers.print_shift", key=key)
            if not blind and places.can(g.actor, "shift.own")
            else None,
        },
    )


# --- a forgotten shift ------------------------------------------------------------------------------------------------


@room.get("/<key>/count")
@gate.needs("shift.others")
def count(key: str) -> Any:
    return _count_page(_one(key))


def _count_page(shift: ShiftView, refused: VendingError | None = None) -> Any:
    wrong = InvalidInput(refused.sentence, getattr(refused, "field", None)) if refused is not None else None
    field = wrong.field if wrong is not None else None
    sentence = words.refusal(refused.sentence) if refused is not None else ""
    locked = shift.counts[-1].count if shift.counts else None
    html = render_template(
        "supervisor/counting.html",
        page={
            "title": _("Close the shift of %(name)s", name=shift.cashier_name),
            "crumbs": [
                {"label": _("Shifts"), "url": url_for("supervisor_shifts.index")},
                {"label": shift.number, "url": url_for("supervisor_shifts.show", key=shift.key)},
            ],
            "intro": _("The cashier's own count is locked and stands. Say why you close the shift.")
            if locked
            else _("Count the whole drawer, float included. What the books expect is shown afterwards."),
        },
        count=counting.rows(shift.currency, locked, wrong=wrong),
        count_title=_("Cash in the drawer"),
        tenders=[] if locked else counting.slips(shift.currency, None, wrong=wrong),
        shifts=None,
        field_one={
            "name": "reason",
            "label": _("Why you close it and not the cashier"),
            "value": request.form.get("reason", ""),
            "hint": "",
            "error": sentence if field == "reason" else "",
            "long": True,
        },
        submit=_("Count it and close the shift"),
        refused=sentence if field is None else "",
        urls={
            "act": url_for("supervisor_shifts.close", key=shift.key),
            "back": url_for("supervisor_shifts.show", key=shift.key),
        },
    )
    return html if refused is None else (html, status_of(refused))


@room.post("/<key>/count")
@gate.needs("shift.others")
def close(key: str) -> Any:
    services: Services = g.services
    shift = _one(key)
    try:
        service.close_forgotten(
            services.db,
            services.clock,
            g.actor,
            key,
            count=None if shift.counts else counting.typed(shift.currency),
            reason=request.form.get("reason", ""),
        )
    except VendingError as refused:
        return _count_page(shift, refused)
    return redirect(url_for("supervisor_shifts.show", key=key), 303)


# --- over and short of each person ------------------------------------------------------------------------------------


@room.get("/people")
@gate.needs("shift.others")
def people() -> Any:
    services: Services = g.services
    place = places.of_request()
    today = services.clock.now().astimezone(place.zone).date()
    first, last, since, until = listing.span(place.zone, today)
    with services.db.reading() as session:
        found = queries.over_short_by_person(session, place.site_key, since=since, until=until)
    return listing.answer(
        Listing(
            name="over-and-short",
            page={
                "title": _("Over and short"),
                "crumbs": [
                    {"label": _("Shifts"), "url": url_for("supervisor_shifts.index")},
                    {"label": _("Over and short")},
                ],
                "intro": _(
                    "Counted drawers against the books, by person. A difference is booked once and never edited."
                ),
            },
            filter={"action": url_for("supervisor_shifts.people"), "dates": listing.dates(first, last)},
            columns=[
                Column("cashier", _("Cashier")),
                Column("shifts", _("Shifts"), end=True),
                Column("with_difference", _("With a difference"), end=True),
                Column("over", _("Over"), end=True),
                Column("short", _("Short"), end=True),
            ],
            fetch=listing.whole(
                [
                    [
                        one.cashier_name,
                        str(one.shifts),
                        str(one.with_difference),
                        Cell(words.money(one.over_minor, place.currency), one.over_minor),
                        Cell(words.money(one.short_minor, place.currency), one.short_minor),
                    ]
                    for one in found
                ]
            ),
            nothing={"title": _("No shift was closed in these days"), "text": _("Choose other days above.")},
        )
    )
