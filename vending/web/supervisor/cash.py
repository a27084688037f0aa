"""What drawers may hold and give back, for the site, a till or a person; and money from the bank into the safe."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, request, url_for

from vending.access import people
from vending.access.policy import Permission
from vending.errors import VendingError
from vending.ledger import queries as books
from vending.money import currency, parse_amount
from vending.services import Services
from vending.shifts import service
from vending.shifts.limits import LimitRow, list_limits, set_limits
from vending.web import forms, gate, listing, places, words
from vending.web.cashier import counting
from vending.web.forms import Field, Form
from vending.web.listing import Cell, Column, Listing
from vending.web.words import _

room = Blueprint("cash", __name__, url_prefix="/supervisor/cash")


@room.get("")
@gate.needs("site.edit")
def show() -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        found = list_limits(session, place.site_key)
        safe = books.balance(session, service.safe_of(place.site_key), place.currency)
        held_by = names(session)
    return listing.answer(
        Listing(
            name="cash-limits",
            page={
                "title": _("Limits and the safe"),
                "crumbs": [
                    {"label": _("Shifts"), "url": url_for("supervisor_shifts.index")},
                    {"label": _("Limits and the safe")},
                ],
                "intro": _(
                    "A person's line wins over the till's, which wins over the site's. An open shift keeps what it began with."
                ),
                "actions": [
                    {"label": _("Set a limit"), "url": url_for("cash.setting"), "next": True},
                    {"label": _("Bring money to the safe"), "url": url_for("cash.bringing")},
                ],
            },
            figures=[
                {
                    "label": _("In the safe by the books"),
                    "value": words.money(safe, place.currency),
                    "before": currency(place.currency).symbol,
                }
            ],
            columns=columns(),
            fetch=listing.whole([row(one, held_by, place.currency) for one in found]),
            nothing={
                "title": _("No limit is set"),
                "text": _("Until then drawers may hold anything, and every difference waits for a decision."),
                "action": _("Set a limit"),
                "url": url_for("cash.setting"),
            },
        )
    )


def columns() -> list[Column]:
    return [
        Column("subject", _("For")),
        Column("takings", _("Most takings in a drawer"), end=True),
        Column("float", _("Usual float"), end=True),
        Column("tolerance", _("Tolerated difference"), end=True),
        Column("special", _("Given back alone in a shift"), end=True),
        Column("one_person", _("Counts alone")),
    ]


def names(session: Any) -> dict[str, str]:
    place = places.of_request()
    return {one.key: one.name for one in people.who_may(session, (Permission.SHIFT_OWN,), place.site_key)}


def row(limit: LimitRow, held_by: dict[str, str], code: str, *, link: bool = True) -> list[Cell | str]:
    """One line of the table, here and on the page of all limits."""
    kind, _colon, which = limit.subject.partition(":")
    subject = (
        _("The site")
        if not kind
        else _("Till %(till)s", till=which)
        if kind == "till"
        else held_by.get(which, which)
    )

    def money(minor: int | None) -> Cell:
        return Cell("" if minor is None else words.money(minor, code), minor)

    alone = "" if limit.one_person is None else _("yes") if limit.one_person else _("no")
    return [
        Cell(subject, limit.subject, url=url_for("cash.setting", subject=limit.subject) if link else ""),
        money(limit.takings_minor),
        money(limit.float_minor),
        money(limit.tolerance_minor),
        money(limit.special_minor),
        alone,
    ]


def _limit_form(subject: str) -> Form:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        held_by = names(session)
        old = next((one for one in list_limits(session, place.site_key) if one.subject == subject), None)

    def value(minor: int | None) -> str:
        return "" if minor is None else words.money(minor, place.currency)

    row = old or LimitRow(subject)
    symbol = currency(place.currency).symbol
    empty = _("Empty: what the wider line says.")
    return Form(
        page={
            "title": _("Set a limit"),
            "crumbs": [
                {"label": _("Limits and the safe"), "url": url_for("cash.show")},
                {"label": _("Set a limit")},
            ],
        },
        fields=[
            Field(
                "subject",
                _("For"),
                "choose",
                subject,
                options=[
                    ("", _("The site")),
                    (f"till:{place.till}", _("Till %(till)s", till=place.till)),
                    *((f"person:{key}", name) for key, name in held_by.items()),
                ],
            ),
            Field(
                "takings",
                _("Most takings in a drawer"),
                "money",
                value(row.takings_minor),
                empty,
                before=symbol,
            ),
            Field("float", _("Usual float"), "money", value(row.float_minor), empty, before=symbol),
            Field(
                "tolerance",
                _("Tolerated difference"),
                "money",
                value(row.tolerance_minor),
                empty,
                before=symbol,
            ),
            Field(
                "special",
                _("Given back alone in a shift"),
                "money",
                value(row.special_minor),
                empty,
                before=symbol,
            ),
            Field(
                "one_person",
                _("Who counts cash with the safe?"),
                "choose",
                "" if row.one_person is None else "yes" if row.one_person else "no",
                options=[
                    ("", _("What the wider line says")),
                    ("no", _("Two people")),
                    ("yes", _("One person alone")),
                ],
            ),
            forms.reason_field(),
        ],
        submit=_("Set it"),
        back=url_for("cash.show"),
    )


@room.get("/limit")
@gate.needs("site.edit")
def setting() -> Any:
    return _limit_form(request.args.get("subject", "")).show()


def _optional(name: str, code: str) -> int | None:
    return counting.amount(name, code) if request.form.get(name, "").strip() else None


@room.post("/limit")
@gate.needs("site.edit")
def set_it() -> Any:
    services: Services = g.services
    place = places.of_request()
    code = place.currency
    try:
        alone = request.form.get("one_person", "")
        row = LimitRow(
            request.form.get("subject", "")[:80],
            _optional("takings", code),
            _optional("float", code),
            _optional("tolerance", code),
            _optional("special", code),
            None if alone not in ("yes", "no") else alone == "yes",
        )
        with services.db.writing() as session:
            set_limits(session, services.clock, g.actor, place.site_key, row, reason=forms.reason())
    except VendingError as refused:
        return _limit_form(request.form.get("subject", "")).show(refused)
    return forms.done(_("The limit holds for shifts that open from now on."), url_for("cash.show"))


def _safe_form() -> Form:
    place = places.of_request()
    return Form(
        page={
            "title": _("Bring money to the safe"),
            "crumbs": [
                {"label": _("Limits and the safe"), "url": url_for("cash.show")},
                {"label": _("Bring money to the safe")},
            ],
            "intro": _("From the bank's account: the first float of a site, and change later on."),
        },
        fields=[
            Field("amount", _("Amount"), "money", before=currency(place.currency).symbol, needed=True),
            forms.reason_field(),
        ],
        submit=_("Book it into the safe"),
        back=url_for("cash.show"),
    )


@room.get("/safe")
@gate.needs("site.edit")
def bringing() -> Any:
    return _safe_form().show()


@room.post("/safe")
@gate.needs("site.edit")
def bring() -> Any:
    services: Services = g.services
    place = places.of_request()
    try:
        service.bring_to_safe(
            services.db,
            services.clock,
            g.actor,
            site=place.site_key,
            currency=place.currency,
            amount_minor=parse_amount(request.form.get("amount", ""), place.currency),
            reason=forms.reason(),
        )
    except VendingError as refused:
        return _safe_form().show(refused)
    return forms.done(_("The money is booked into the safe."), url_for("cash.show"))
