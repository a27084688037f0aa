"""What should follow an act and did not: messages that failed for good, to be read and sent again.

Each is shown and sent again by those who may edit the site that it belongs to; what belongs to no site, by those who may
edit all of them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, g, request, url_for
from sqlalchemy.orm import Session

from vending import jobs
from vending.access import policy
from vending.access.policy import Permission
from vending.analytics import messages
from vending.services import Services
from vending.web import forms, gate, listing, places, words
from vending.web.listing import Cell, Column
from vending.web.words import _, plural

room = Blueprint("jobs", __name__, url_prefix="/manager/jobs")

STATES = (jobs.DEAD, jobs.WAITING, jobs.DONE)
MOST = 500


def mine(session: Session) -> sa.ColumnElement[bool] | None:
    """The messages of the sites that this person may edit."""
    return messages.of_sites(session, policy.sites_where(g.actor, Permission.SITE_EDIT))


def event_name(event: str) -> str:
    names = {
        "vend issued": _("A token was released"),
        "vend refused": _("A sale was refused"),
        "vend reversed": _("A sale was reversed"),
        "order adopted": _("An order was taken in from the log"),
        "notice asked for": _("A message to a customer"),
        "tariff published": _("A tariff was published"),
        "shift closed": _("A shift was closed"),
        "bag packed": _("A bag was packed"),
        "scheduled: check the books": _("The books are checked in the night"),
        "scheduled: match log, books and receipts": _("Log, books and receipts are matched in the night"),
        "scheduled: drop work done long ago": _("Work done long ago leaves this list"),
    }
    return names.get(event, event)


@room.get("")
@gate.needs("site.edit")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    chosen = request.args.get("state", jobs.DEAD)
    chosen = chosen if chosen in STATES else jobs.DEAD
    with services.db.reading() as session:
        only = mine(session)
        found = jobs.list_jobs(session, state=chosen, most=MOST, only=only)
        counts = jobs.count(session, services.clock, only=only)
    names = {jobs.DEAD: _("failed"), jobs.WAITING: _("waiting"), jobs.DONE: _("done")}
    rows = [
        [
            Cell(str(one.id), one.id),
            Cell(event_name(one.event), one.event, sub=one.about),
            Cell(words.moment(one.created_at, place.zone), one.created_at),
            Cell(words.moment(one.due_at, place.zone), one.due_at),
            Cell(str(one.tries), one.tries),
            Cell(words.refusal(one.last_error or ""), one.last_error or ""),
        ]
        for one in found
    ]
    return listing.answer(
        listing.Listing(
            name=f"messages-{chosen}",
            page={
                "title": _("Messages"),
                "crumbs": [{"label": _("Reports"), "url": url_for("reports.index")}, {"label": _("Messages")}],
                "intro": _("What follows an act by itself: a receipt by SMS, a bill, a nightly check. What fails is tried again for hours; then it waits here."),
                "actions": [{"label": _("Send all of them again"), "url": url_for("jobs.again"), "post": True, "next": True}] if chosen == jobs.DEAD and rows else [],
                "facts": [plural("%(num)s waits", "%(num)s wait", counts.waiting), plural("%(num)s failed", "%(num)s failed", counts.dead)],
            },
            columns=[Column("number", _("Number")), Column("what", _("What")), Column("since", _("Since")), Column("due", _("Due")), Column("tries", _("Tries"), end=True), Column("last error", _("Why it failed"))],
            fetch=listing.whole(rows),
            filter={"action": url_for("jobs.index"), "choices": [{"name": "state", "label": _("State"), "chosen": chosen, "options": [{"value": value, "label": names[value]} for value in STATES]}]},
            nothing={"title": _("Nothing here"), "text": _("Nothing failed. What waits is sent by itself."), "action": "", "url": ""},
        )
    )  # fmt: skip


@room.post("/again")
@gate.needs("site.edit")
def again() -> Any:
    services: Services = g.services
    with services.db.writing() as session:
        dead = [one.id for one in jobs.list_jobs(session, state=jobs.DEAD, most=MOST, only=mine(session))]
        count = jobs.again(session, services.clock, g.actor, dead) if dead else 0
    return forms.done(
        plural("%(num)s message is sent again.", "%(num)s messages are sent again.", count),
        url_for("jobs.index"),
    )
