""" "It is me": the session behind a request, what its person can confirm with, and the names that passkeys are bound to.

A passkey belongs to a host name (`rp_id`), and its answer to an origin; browsers keep both, so a page elsewhere cannot
ask for our passkeys (decisions.md D22).
"""

from __future__ import annotations

from flask import g, request

from vending.access import passkeys
from vending.access import service as access
from vending.access.service import Signed
from vending.services import Services
from vending.web import auth


def signed() -> Signed:
    """The living session of this request; SessionOver when it ended in between."""
    services: Services = g.services
    return access.session_of(
        services.db, services.clock, secret(), strict=not services.settings.is_demonstration
    )


def secret() -> str:
    return request.cookies.get(auth.cookie_name(g.services), "")


def rp_id() -> str:
    return request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host


def origin() -> str:
    return request.host_url.rstrip("/")


def has_passkey() -> bool:
    services: Services = g.services
    with services.db.reading() as session:
        return bool(passkeys.list_passkeys(session, g.actor.key))


def is_confirmed() -> bool:
    return signed().is_confirmed(g.services.clock.now())


def confirm(typed: str) -> Signed:
    """By what was typed into one field: six digits are a code where the person has one and his PIN otherwise; anything
    else is the password. Nothing typed is nothing confirmed, which counts only shortly after the last time."""
    services: Services = g.services
    if not typed:
        return signed()
    if typed.isascii() and typed.isdigit() and len(typed) == 6 and _has_code():
        return access.confirm(services.db, services.clock, services.vault, secret(), code=typed)
    if typed.isascii() and typed.isdigit() and len(typed) <= 8:
        return access.confirm(services.db, services.clock, services.vault, secret(), pin=typed)
    return access.confirm(services.db, services.clock, services.vault, secret(), password=typed)


def _has_code() -> bool:
    from vending.access import people

    services: Services = g.services
    with services.db.reading() as session:
        return people.one_person(session, g.actor.key).has_second_factor
