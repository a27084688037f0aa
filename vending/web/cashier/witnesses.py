"""The second person at the desk: who may be chosen, and his own PIN or password as his word."""

from __future__ import annotations

from flask import g, request
from sqlalchemy.orm import Session

from vending.access import people
from vending.access import service as access
from vending.access.policy import Actor, Permission
from vending.errors import InvalidInput, NotAllowed
from vending.services import Services
from vending.web.words import _


class WitnessRefused(InvalidInput):
    """What the second person typed was refused; stands beside his field."""

    code = "witness_refused"


def choices(session: Session, site_key: str) -> list[dict[str, str]]:
    found = people.who_may(session, (Permission.SHIFT_OWN, Permission.SHIFT_OTHERS), site_key)
    return [{"value": "", "label": _("Choose")}] + [
        {"value": person.key, "label": person.name} for person in found if person.key != g.actor.key
    ]


def of_form() -> Actor | None:
    """Who was chosen and has said so himself; None when nobody was chosen."""
    chosen = request.form.get("witness", "")
    if not chosen:
        return None
    secret = request.form.get("witness_secret", "")
    if not secret:
        raise WitnessRefused(_("The second person types his own PIN or password here."), "witness_secret")
    services: Services = g.services
    try:
        return access.witness(
            services.db, services.clock, person_key=chosen, secret=secret, address=request.remote_addr or ""
        )
    except NotAllowed as refused:
        raise WitnessRefused(refused.sentence, "witness_secret") from None
