"""The papers that are no receipts, as PDF: shifts and bags, acts without money, a tenant's statement.

Their pages stand in the rooms that they belong to; here are the files. A shift's and a bag's paper speaks the reader's
language, a tenant's paper the tenant's.
"""

from __future__ import annotations

from datetime import date, timedelta

from flask import Blueprint, Response, g, request
from flask_babel import get_locale

from vending.access import policy
from vending.access.policy import Permission
from vending.errors import InvalidInput
from vending.estate import queries as estate
from vending.receipts import papers, slips, statement, statement_sheet, writing
from vending.services import Services
from vending.shifts import queries, slip
from vending.vends import key_changes
from vending.vends import queries as sales
from vending.web import gate, places
from vending.web.cashier import shifts
from vending.web.words import _

room = Blueprint("papers", __name__, url_prefix="/papers")


@room.get("/shifts/<key>/<any(a4, a5, '80', '58'):size>.pdf")
@gate.needs("shift.own")
def shift(key: str, size: str) -> Response:
    return _pdf(writing.draw([shift_writing(key)], size), f"shift-{key[:8]}")


def shift_writing(key: str) -> writing.Writing:
    """X or Z of a shift, for its cashier and for those who look after others' shifts."""
    services: Services = g.services
    with services.db.reading() as session:
        found = queries.one_shift(session, key)
        shifts.refuse_stranger(found)
        ways = queries.reading(session, found)
        differences = queries.differences_of(session, found) if found.counts else ()
    content = slip.shift_slip(
        found,
        ways,
        differences,
        printed_at=services.clock.now(),
        blind=not shifts.may_see_books(found),
        log_head=shifts.log_head(),
    )
    return slips.shift(content, tuple((one.way, one.payments) for one in ways), _desk(services))


@room.get("/deposits/<key>/<any(a4, a5, '80', '58'):size>.pdf")
@gate.needs("shift.own")
def deposit(key: str, size: str) -> Response:
    services: Services = g.services
    with services.db.reading() as session:
        batch = queries.one_batch(session, key)
    places.refuse_elsewhere(batch.site_key)
    if batch.packed_by != g.actor.key:
        policy.require(g.actor, Permission.SHIFT_OTHERS, batch.site_key)
    content = slip.deposit_slip(batch, log_head=shifts.log_head())
    return _pdf(writing.draw([slips.deposit(content, _desk(services))], size), batch.number)


@room.get("/acts/<order_id>/<any(a4, a5, '80', '58'):size>.pdf")
@gate.needs("engineering.token")
def act(order_id: str, size: str) -> Response:
    services: Services = g.services
    with services.db.reading() as session:
        sale = sales.one_sale(session, order_id)
    places.refuse_elsewhere(sale.site_key)
    paper = papers.act_paper(services.db, services.clock, order_id, test=services.settings.is_demonstration)
    return _pdf(writing.draw([paper], size), sale.receipt)


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
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise InvalidInput(_("Write a day as 2026-11-30."), name) from None


def _desk(services: Services) -> slips.Desk:
    place = places.of_request()
    return slips.Desk(
        place.site.name, place.zone, str(get_locale() or "en"), services.settings.is_demonstration
    )


def _pdf(data: bytes, name: str) -> Response:
    answer = Response(data, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return answer
