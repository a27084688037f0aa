"""The trail of acts: who did what to which thing, when and why; searched, paged, saved, and verified head by head."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, current_app, g, request, url_for

from vending.access import policy
from vending.access.policy import Permission
from vending.analytics import trail
from vending.services import Services
from vending.web import gate, listing, places, trail_words, words
from vending.web.listing import Cell, Column
from vending.web.words import _

room = Blueprint("trail", __name__, url_prefix="/auditor/trail")

PAGES = {
    "meter": "meters.show",
    "space": "records.unit",
    "tenant": "records.tenant",
    "sale": "sales.show",
    "person": "people.show",
    "approval": "approvals.one",
}


@room.get("")
@gate.needs("audit.read")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    sites = policy.sites_where(g.actor, Permission.AUDIT_READ)
    today = services.clock.now().astimezone(place.zone).date()
    first, last, since, until = listing.span(place.zone, today, days=31)
    text = request.args.get("q", "")
    subject = request.args.get("subject", "")

    def fetch(offset: int, most: int) -> list[listing.Row]:
        with services.db.reading() as session:
            found = trail.list_entries(
                session,
                sites,
                text=text,
                acts=trail_words.looked_for(text),
                subject=subject,
                since=since,
                until=until,
                offset=offset,
                most=most,
            )
        return [_row(one) for one in found]

    with services.db.reading() as session:
        verdict = trail.verify(session, most=50)
    state = (
        _("The chain does not hold at entries %(where)s.", where=verdict.broken)
        if verdict.broken
        else _(
            "The chain of the last %(batches)s heads holds, over %(entries)s entries; %(open)s are not closed yet.",
            batches=verdict.batches,
            entries=verdict.entries,
            open=verdict.open_entries,
        )
    )
    return listing.answer(
        listing.Listing(
            name="trail",
            page={"title": _("Trail"), "intro": state, "lamp": {"state": "now", "text": _("broken")} if verdict.broken else {"state": "on", "text": _("unbroken")}},
            columns=[Column("at", _("When")), Column("who", _("Who")), Column("act", _("What")), Column("subject", _("On")), Column("reason", _("Why")), Column("detail", _("Details"))],
            fetch=fetch,
            filter={"action": url_for("trail.index"), "search_label": _("Act or person"), "search": text, "dates": listing.dates(first, last)},
            nothing={"title": _("Nothing fits"), "text": _("Choose other days or another word."), "action": _("Show the last month"), "url": url_for("trail.index")},
        )
    )  # fmt: skip


def _row(one: trail.Entry) -> listing.Row:
    place = places.of_request()
    kind, _colon, key = one.subject.partition(":")
    endpoint = PAGES.get(kind, "")
    may = endpoint in current_app.view_functions and places.can(
        g.actor, gate.permission_of(current_app, endpoint) or ""
    )
    return [
        Cell(words.moment(one.at, place.zone), one.at),
        Cell(one.actor_name, url=""),
        Cell(trail_words.act(one.act), one.act),
        Cell(
            f"{trail_words.subject(kind)} {key[:10]}",
            one.subject,
            url=url_for(endpoint, key=key) if may else "",
        ),
        Cell(one.reason or ""),
        Cell(
            trail_words.details(one.detail, place.currency),
            json.dumps(one.detail, ensure_ascii=False, sort_keys=True),
        ),
    ]
