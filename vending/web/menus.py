"""The words in the bar of an office: at most six, those of the pages that this person's work needs most.

A word leads to a page that the person may open; which words these are follows from his permissions, so that somebody with
two roles has the words of the more responsible one. The till has no menu: it is a place of work, not of choice.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, g, request, url_for

from vending.web import places
from vending.web.words import _

MOST = 6


def words_for(role: str) -> list[tuple[str, str]]:
    """(label, endpoint) of each word of a role's menu, in the order of a day's work."""
    return {
        "manager": [
            (_("Live"), "live.show"),
            (_("Estate"), "estate.tree"),
            (_("Sales"), "sales.ledger"),
            (_("Tariffs"), "tariffs.index"),
            (_("People"), "people.index"),
            (_("Reports"), "reports.index"),
        ],
        "supervisor": [
            (_("Approvals"), "approvals.desk"),
            (_("Budget"), "budget.show"),
            (_("Shifts"), "supervisor_shifts.index"),
            (_("Sales"), "sales.ledger"),
            (_("Reports"), "reports.index"),
            (_("Till"), "till.desk"),
        ],
        "key custodian": [
            (_("Keys"), "keys.show"),
            (_("Approvals"), "approvals.desk"),
            (_("Limits"), "limits.show"),
            (_("Meters"), "estate.tree"),
            (_("Trail"), "trail.index"),
        ],
        "engineer": [
            (_("Work"), "work.day"),
            (_("Meters"), "estate.tree"),
            (_("Tokens"), "tokens.index"),
            (_("Key changes"), "campaign.board"),
            (_("Sales"), "sales.ledger"),
        ],
        "auditor": [
            (_("Proof"), "proof.show"),
            (_("Books"), "books.trial"),
            (_("Sales"), "sales.ledger"),
            (_("Trail"), "trail.index"),
            (_("Estate"), "estate.tree"),
            (_("Reports"), "reports.index"),
        ],
    }.get(role, [])


# Of several roles, the menu of the first one here that the person holds.
ORDER = ("manager", "auditor", "key custodian", "supervisor", "engineer")


def role_of(actor: Any) -> str:
    place = places.find()
    if actor is None or place is None:
        return ""
    held = {grant.role for grant in actor.grants if grant.site in (place.site_key, "*")}
    return next((role for role in ORDER if role in held), "")


def of_request() -> list[dict[str, Any]]:
    """The menu of this page; empty at the till and for those without an office."""
    blueprint = request.blueprint or ""
    if blueprint in ("till", "vends", "receipts", "auth") or request.path.startswith("/cashier"):
        return []
    return [
        {
            "label": label,
            "url": url_for(endpoint),
            "current": request.endpoint == endpoint or endpoint.split(".")[0] == blueprint,
        }
        for label, endpoint in words_for(role_of(g.get("actor")))
        if endpoint in current_app.view_functions
    ][:MOST]


def home_of(actor: Any) -> str:
    """The endpoint where this person's work begins: the first word of his menu, the till, or his own account."""
    first = next(
        (
            endpoint
            for _label, endpoint in words_for(role_of(actor))
            if endpoint in current_app.view_functions
        ),
        "",
    )
    if first:
        return first
    return "till.desk" if places.can(actor, "sale.make") else "home.rooms"
