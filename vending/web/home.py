"""Which rooms there are for this person, each with what is done there: the first page of somebody new, and a map for all."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g, render_template, url_for

from vending.web import gate, glossary, menus, places, words
from vending.web.words import _

room = Blueprint("home", __name__)


def _rooms() -> list[tuple[str, str, str, str]]:
    """Permission, endpoint, name, what is done there."""
    return [
        ("sale.make", "till.desk", _("Till"), _("Find a customer, take money, give the token.")),
        (
            "sale.make",
            "bulk.start",
            _("Sell from a list"),
            _("One payment for many meters, from a spreadsheet: tried first, then sold row by row."),
        ),
        ("shift.own", "shifts.show", _("Your shift"), _("Open it, count it, close it.")),
        (
            "approval.read",
            "approvals.desk",
            _("Approvals"),
            _("Say yes or no to what others ask for: refunds, tokens without payment, roles, budgets."),
        ),
        ("keys.read", "budget.show", _("Budget"), _("How long the budget lasts, and asking for more.")),
        ("report.read", "live.show", _("Live"), _("The building now, unit by unit, and what needs you.")),
        ("estate.read", "estate.tree", _("Estate"), _("Buildings, units, tenants and meters.")),
        ("sale.read", "sales.ledger", _("Sales"), _("Every sale and every receipt, to search and to save.")),
        (
            "tariff.read",
            "tariffs.index",
            _("Tariffs"),
            _("What is charged, in words; a new version and what it would do."),
        ),
        ("people.read", "people.index", _("People"), _("Who works here, with which roles and sessions.")),
        (
            "ledger.correct",
            "adopted.index",
            _("Orders taken in after a restore"),
            _("Tokens that the restored database had lost: what was paid for them, and where it is."),
        ),
        ("report.read", "reports.index", _("Reports"), _("Sales by day, losses, free tokens, shifts.")),
        (
            "key-change.make",
            "campaign.board",
            _("Key changes"),
            _("Which meters are on which key, and which still wait."),
        ),
        ("keys.read", "keys.show", _("Keys"), _("Keys and when they expire, budgets, the head of the log.")),
        (
            "keys.read",
            "limits.show",
            _("Limits"),
            _("What a meter, a drawer and a seller may have at most, and who keeps it."),
        ),
        (
            "estate.edit",
            "occupancy.index",
            _("Move outs and swaps"),
            _("Who leaves and which meter was replaced, each with its two people."),
        ),
        (
            "meter.line",
            "work.day",
            _("Work orders"),
            _("Visits, engineering tokens, files for the meter room."),
        ),
        ("audit.read", "proof.show", _("Proof"), _("What was checked, and the pack to take away.")),
        ("audit.read", "trail.index", _("Trail"), _("Who did what, when and why.")),
    ]


@room.get("/words")
@gate.needs(gate.SIGNED_IN)
def words_of_the_trade() -> Any:
    """What the words mean that the pages use, all on one page; the small buttons beside them say the same."""
    return render_template(
        "words.html",
        page={"title": _("What the words mean"), "intro": ""},
        terms=list(glossary.terms().values()),
    )


@room.get("/rooms")
@gate.needs(gate.SIGNED_IN)
def rooms() -> Any:
    place = places.find()
    lines = [
        {"label": name, "url": url_for(endpoint), "detail": what}
        for permission, endpoint, name, what in _rooms()
        if endpoint in current_app.view_functions and places.can(g.actor, permission)
    ]
    return render_template(
        "rooms.html",
        page={
            "title": _("Your rooms"),
            "facts": [
                g.actor.name,
                ", ".join(words.role_name(role) for role in sorted(g.actor.roles)) or _("no role yet"),
            ],
            "intro": "",
        },
        lines=lines,
        first=menus.home_of(g.actor),
        account_url=url_for("account.show"),
        nothing=_("The front desk sells and prints for you, as before.")
        if place is not None
        else _("There is no site here for your work yet. A manager gives you a role at one."),
    )
