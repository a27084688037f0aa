"""The pages of one's own account: passkeys, the code of a telephone, PIN and password. Everybody has them."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, url_for
from markupsafe import Markup

from vending.access import passkeys, people
from vending.access import service as access
from vending.access.errors import TooManyGuesses
from vending.errors import InvalidInput, VendingError
from vending.receipts import qr
from vending.services import Services
from vending.web import auth, confirming, forms, gate, places, words
from vending.web.frame import local_address
from vending.web.verify.pace import Pace
from vending.web.words import _

room = Blueprint("account", __name__, url_prefix="/account")


@room.get("")
@gate.needs(gate.SIGNED_IN)
def show() -> Any:
    return _page()


def _page(refused: VendingError | None = None, secret: str = "") -> Any:
    services: Services = g.services
    place = places.find()
    zone = place.zone if place else None
    with services.db.reading() as session:
        person = people.one_person(session, g.actor.key)
        held = passkeys.list_passkeys(session, g.actor.key)

    def when(at: Any) -> str:
        return words.moment(at, zone) if zone else "–" if at is None else f"{at:%Y-%m-%d %H:%M}"

    html = render_template(
        "access/account.html",
        page={
            "title": _("Your account"),
            "facts": [
                person.name,
                person.login,
                ", ".join(words.role_name(role) for role in sorted(g.actor.roles)),
            ],
        },
        passkeys=[
            {
                "label": one.label,
                "text": _(
                    "added %(day)s, last used %(used)s", day=when(one.created_at), used=when(one.used_at)
                ),
                "remove_url": url_for("account.remove_passkey", key=one.key),
            }
            for one in held
        ],
        confirmed=confirming.is_confirmed(),
        has_code=person.has_second_factor,
        has_pin=person.has_pin,
        secret=secret,
        secret_qr=Markup(qr.svg(secret)) if secret else None,  # noqa: S704 — our own drawing of our own text
        refused=words.refusal(refused.sentence) if refused else "",
        refused_field=(refused.field or "") if isinstance(refused, InvalidInput) else "",
        urls={
            "begin": url_for("account.begin_passkey"),
            "add": url_for("account.add_passkey"),
            "confirm": url_for("account.confirm"),
            "password": url_for("account.set_password"),
            "pin": url_for("account.set_pin"),
            "code": url_for("account.begin_code"),
            "code_confirm": url_for("account.confirm_code"),
        },
    )
    return html if refused is None else (html, 422)


@room.post("/confirm")
@gate.needs(gate.SIGNED_IN)
def confirm() -> Any:
    try:
        confirming.confirm(request.form.get("confirm", ""))
    except VendingError as refused:
        return _page(refused)
    return redirect(local_address(request.form.get("next") or url_for("account.show")), 303)


@room.get("/passkeys/new")
@gate.needs(gate.SIGNED_IN)
def begin_passkey() -> Response:
    services: Services = g.services
    place = places.find()
    options = passkeys.begin_registration(
        services.db,
        services.clock,
        confirming.signed(),
        rp_id=confirming.rp_id(),
        site_name=place.site.name if place else "Ampoule",
    )
    return Response(options, mimetype="application/json")


@room.post("/passkeys")
@gate.needs(gate.SIGNED_IN)
def add_passkey() -> Any:
    services: Services = g.services
    try:
        if not request.form.get("assertion"):
            raise InvalidInput(
                _(
                    "No passkey was made. It needs JavaScript and a secure page: https, or this machine's own localhost."
                )
            )
        passkeys.finish_registration(
            services.db,
            services.clock,
            confirming.signed(),
            request.form["assertion"],
            rp_id=confirming.rp_id(),
            origin=confirming.origin(),
            label=request.form.get("label", ""),
        )
    except VendingError as refused:
        return _page(refused)
    return forms.done(_("The passkey is kept. It signs what you approve."), url_for("account.show"))


@room.post("/passkeys/<key>/remove")
@gate.needs(gate.SIGNED_IN)
def remove_passkey(key: str) -> Any:
    services: Services = g.services
    with services.db.writing() as session:
        passkeys.remove(session, services.clock, g.actor, key)
    return forms.done(_("The passkey is removed."), url_for("account.show"))


@room.post("/password")
@gate.needs(gate.SIGNED_IN)
def set_password() -> Any:
    services: Services = g.services
    try:
        access.change_password(
            services.db,
            services.clock,
            confirming.signed(),
            old=request.form.get("old", ""),
            new=request.form.get("new", ""),
        )
    except VendingError as refused:
        return _page(refused)
    return forms.done(_("The password is changed. Your other sessions have ended."), url_for("account.show"))


@room.post("/pin")
@gate.needs(gate.SIGNED_IN)
def set_pin() -> Any:
    services: Services = g.services
    try:
        access.require_confirmed(confirming.signed(), services.clock)
        with services.db.writing() as session:
            people.set_pin(session, services.clock, g.actor, g.actor.key, request.form.get("pin", ""))
    except VendingError as refused:
        return _page(refused)
    return forms.done(_("The PIN is set."), url_for("account.show"))


@room.post("/code")
@gate.needs(gate.SIGNED_IN)
def begin_code() -> Any:
    services: Services = g.services
    place = places.find()
    try:
        secret = access.begin_totp(
            services.db,
            services.clock,
            services.vault,
            confirming.signed(),
            site_name=place.site.name if place else "Ampoule",
        )
    except VendingError as refused:
        return _page(refused)
    return _page(secret=secret)


@room.post("/code/confirm")
@gate.needs(gate.SIGNED_IN)
def confirm_code() -> Any:
    services: Services = g.services
    try:
        access.confirm_totp(
            services.db, services.clock, services.vault, confirming.signed(), request.form.get("code", "")
        )
    except VendingError as refused:
        return _page(refused)
    return forms.done(_("From now on signing in asks for a code as well."), url_for("account.show"))


# Signing in with a passkey stands here with the other ceremonies; `auth` has the page.


@room.get("/sign-in/passkey")
@gate.needs(gate.PUBLIC)
def begin_sign_in() -> Response:
    """Each asking leaves a challenge in the database, before anybody is known: so many a minute and no more."""
    services: Services = g.services
    pace: Pace = current_app.extensions.setdefault("ampoule passkey pace", Pace(each=30, all=600))
    if not pace.allows(request.remote_addr or "", time.monotonic()):
        raise TooManyGuesses(60)
    options = passkeys.begin_sign_in(services.db, services.clock, rp_id=confirming.rp_id())
    return Response(options, mimetype="application/json")


@room.post("/sign-in/passkey")
@gate.needs(gate.PUBLIC)
def sign_in() -> Any:
    services: Services = g.services
    try:
        entered = passkeys.sign_in(
            services.db,
            services.clock,
            request.form.get("assertion", ""),
            rp_id=confirming.rp_id(),
            origin=confirming.origin(),
            address=request.remote_addr or "",
            strict=not services.settings.is_demonstration,
        )
    except VendingError as refused:
        return auth.sign_in_page({"error": words.refusal(refused.sentence), "error_field": "name"}), 422
    return auth.entered(entered.secret, request.form.get("next") or "/")
