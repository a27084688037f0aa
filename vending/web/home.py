"""Where somebody lands whose own pages are not part of this version: what there is for his work, said plainly."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, render_template

from vending.access.policy import Permission
from vending.web import gate, places
from vending.web.words import _

room = Blueprint("home", __name__)


@room.get("/rooms")
@gate.needs(gate.SIGNED_IN)
def rooms() -> Any:
    """Each line is there only for those whose permissions hold it."""
    lines = [
        (
            Permission.ESTATE_EDIT,
            _("Units, tenants and meters: the command `ampoule estate` imports, exports and finds."),
        ),
        (Permission.TARIFF_READ, _("Tariffs: the command `ampoule tariff` reads, compares and tries them.")),
        (Permission.PEOPLE_READ, _("People and their roles: the command `ampoule user`.")),
        (
            Permission.AUDIT_READ,
            _("The books and the trail: the command `ampoule audit` checks every invariant."),
        ),
        (
            Permission.KEYS_READ,
            _("Keys and budgets: the command `keystore`, on the security module's machine."),
        ),
        (
            Permission.METER_LINE,
            _("Meters on a line: the command `meter` reads, switches and enters tokens."),
        ),
    ]
    return render_template(
        "error.html",
        error={
            "title": _("Your own pages are not part of this version yet."),
            "moved": _("You are signed in as %(name)s. Nothing is wrong.", name=g.actor.name),
            "steps": [sentence for permission, sentence in lines if places.can(g.actor, permission.value)]
            or [_("The front desk sells and prints for you, as before.")],
            "code": "rooms",
            "request": "",
            "actions": [],
        },
    )
