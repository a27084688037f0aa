""" "It is me": the session behind a request, what its person can confirm with, and the names that passkeys are bound to.

A passkey belongs to a host name (`rp_id`), and its answer to an origin; browsers keep both, so a page elsewhere cannot
ask for our passkeys (decisions.md D22). The names are those that the settings and the certificate give this site: a request
that calls it otherwise is told where the passkeys work, and never decides what they are bound to.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from flask import g, request

from vending import certificates
from vending.access import passkeys
from vending.access import service as access
from vending.access.errors import PasskeyElsewhere
from vending.access.service import Signed
from vending.services import Services
from vending.settings import Settings
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
    return _known_origin().hostname or ""


def origin() -> str:
    known = _known_origin()
    return f"{known.scheme}://{known.netloc}"


def _known_origin() -> SplitResult:
    """Where this page stands, if that is an address of this site; PasskeyElsewhere otherwise."""
    settings: Settings = g.services.settings
    public = urlsplit(settings.address)
    asked = urlsplit(request.host_url)
    if settings.public_address:
        if asked.hostname != public.hostname:
            raise PasskeyElsewhere(settings.address)
        return public
    if asked.hostname not in {public.hostname, *_names(settings)}:
        raise PasskeyElsewhere(settings.address)
    return asked


def _names(settings: Settings) -> tuple[str, ...]:
    """The names that the site's own certificate stands for."""
    if not settings.has_certificate:
        return ()
    return certificates.look(certificates.Files(settings.tls_folder).server).names


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
