"""The papers that are no receipts: shifts and bags, acts without money, a tenant's statement.

Their pages stand in the rooms that they belong to; here are the files, and the way to a till's printer. A shift's and a bag's paper speaks the reader's
language, a tenant's paper the tenant's.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, g, request, url_for
from flask_babel import get_locale

from vending.access import policy
from vending.access.policy import Permission
from vending.errors import InvalidInput
from vending.estate import queries as estate
from vending.receipts import papers, slips, statement, statement_sheet, writing
from vending.services import Services
from vending.shifts import queries
from vending.vends import key_changes
from vending.vends import queries as sales
from vending.web import gate, listing, places, printing
from vending.web.cashier import shifts
from vending.web.words import _

room = Blueprint("papers", __name__, url_prefix="/papers")


@room.get("/shifts/<key>/<any(a4, a5, '80', '58'):size>.pdf")
@gate.needs("shift.own")
def shift(key: str, size: str) -> Response:
    return shift_file(key, size)


def shift_file(key: str, size: str) -> Response:
    return _pdf(writing.draw([shift_writing(key)], size), f"shift-{key[:8]}")


@room.get("/others-shifts/<key>/<any(a4, a5, '80', '58'):size>.pdf")
@gate.needs("shift.others")
def others_shift(key: str, size: str) -> Response:
    """The same paper for who looks after shifts and has none: a manager, an auditor."""
    return shift_file(key, size)


@room.post("/shifts/<key>/print")
@gate.needs("shift.own")
def print_shift(key: str) -> Any:
    return printing.hand_over(shift_writing(key), url_for("shifts.paper", key=key))


def shift_writing(key: str) -> writing.Writing:
    """X or Z of a shift, for its cashier and for those who look after others' shifts."""
    services: Services = g.services
    with services.db.reading() as session:
        found = queries.one_shift(session, key)
        shifts.refuse_stranger(found)
        blind = not shifts.may_see_books(found)
        return papers.shift_paper(
            session, services.clock, found, _desk(services), blind=blind, log_head=shifts.log_head()
        )


@room.get("/deposits/<key>/<any(a4, a5, '80', '58'):size>.pdf")
@gate.needs("shift.own")
def deposit(key: str, size: str) -> Response:
    return deposit_file(key, size)


@room.get("/bags/<key>/<any(a4, a5, '80', '58'):size>.pdf")
@gate.needs("shift.others")
def bag(key: str, size: str) -> Response:
    return deposit_file(key, size)


def deposit_file(key: str, size: str) -> Response:
    found = deposit_writing(key)
    return _pdf(writing.draw([found], size), found.number)


@room.post("/deposits/<key>/print")
@gate.needs("shift.own")
def print_deposit(key: str) -> Any:
    return printing.hand_over(deposit_writing(key), url_for("shifts.deposit", key=key))


def deposit_writing(key: str) -> writing.Writing:
    """The slip of a bag, for whoever packed it and for those who look after others' shifts."""
    services: Services = g.services
    with services.db.reading() as session:
        batch = queries.one_batch(session, key)
    places.refuse_elsewhere(batch.site_key)
    if batch.packed_by != g.actor.key:
        policy.require(g.actor, Permission.SHIFT_OTHERS, batch.site_key)
    return papers.deposit_paper(batch, _desk(services), log_head=shifts.log_head())


@room.get("/acts/<order_id>/<any(a4, a5, '80', '58'):size>.pdf")
@gate.needs("engineering.token")
def act(order_id: str, size: str) -> Response:
    found = _act_writing(order_id)
    return _pdf(writing.draw([found], size), found.number)


@room.post("/acts/<order_id>/print")
@gate.needs("engineering.token")
def print_act(order_id: str) -> Any:
    return printing.hand_over(_act_writing(order_id), url_for("sales.show", key=order_id))


def _act_writing(order_id: str) -> writing.Writing:
    services: Services = g.services
    with services.db.reading() as session:
        places.refuse_elsewhere(sales.one_sale(session, order_id).site_key)
    return papers.act_paper(services.db, services.clock, order_id, test=services.settings.is_demonstration)


@room.get("/key-changes/<any(a4, a5):size>.pdf")
@gate.needs("key-change.make")
def key_changes_sheets(size: str) -> Response:
    """A sheet for each unit whose key change is issued and not seen yet: what a campaign hands out."""
    services: Services = g.services
    with services.db.reading() as session:
        changes = key_changes.list_key_changes(session, places.of_request().site_key)
    found = [
        papers.act_paper(services.db, services.clock, one.order_id, test=services.settings.is_demonstration)
        for one in reversed(changes[:200])
    ]
    if not found:
        raise papers.NoActPaper(_("No key change is issued and open, so there is no sheet to print."))
    return _pdf(writing.draw(found, size), "key-changes")


@room.get("/statements/<tenant>/<any(a4, a5):size>.pdf")
@gate.needs("sale.read")
def tenant_statement(tenant: str, size: str) -> Response:
    """From `?first=` to `?last=` (days of the site's clock); without them the twelve months up to today."""
    services: Services = g.services
    place = places.of_request()
    today = services.clock.now().astimezone(place.zone).date()
    last = _day("last", today)
    first = _day("first", (last.replace(day=1) - timedelta(days=335)).replace(day=1))
    with services.db.reading() as session:
        places.refuse_elsewhere(estate.one_tenant(session, tenant).site_key)
        content = papers.statement(
            session, services.clock, tenant, first, last, test=services.settings.is_demonstration
        )
    return _pdf(
        statement_sheet.draw(statement.worded(content), size), f"statement-{content.buyer.number}-{last}"
    )


def _day(name: str, otherwise: date) -> date:
    typed = request.args.get(name, "")
    if not typed:
        return otherwise
    day = listing.day_of(typed)
    if day is None:
        raise InvalidInput(_("Write a day as 2026-11-30."), name)
    return day


def _desk(services: Services) -> slips.Desk:
    site = places.of_request().site
    return papers.desk_of(site, test=services.settings.is_demonstration, language=str(get_locale() or "en"))


def _pdf(data: bytes, name: str) -> Response:
    answer = Response(data, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return answer
