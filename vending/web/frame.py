"""The frame of every page: who, where, which lamps, which words. See the head of templates/layout.html."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, g, redirect, request, url_for

from keystore.errors import KeystoreError
from keystore.module import Status
from vending.languages import LANGUAGES
from vending.services import Services
from vending.shifts import queries as shifts
from vending.web import gate, menus, places, training, words
from vending.web.words import _

STATUS_FRESH_S = 1.0
_seen: dict[int, tuple[float, Status | None, str]] = {}

room = Blueprint("frame", __name__)


def module_status(services: Services) -> tuple[Status | None, str]:
    """What the module says of itself, asked at most once a second however many pages are drawn."""
    now = time.monotonic()
    seen = _seen.get(id(services))
    if seen is not None and now - seen[0] < STATUS_FRESH_S:
        return seen[1], seen[2]
    try:
        status: Status | None = services.module.status()
        sentence = "" if status is not None and status.state == "ready" else (status.reason if status else "")
    except KeystoreError as error:
        status, sentence = None, error.sentence
    _seen[id(services)] = (now, status, sentence)
    return status, sentence


def lamps(services: Services, zone: ZoneInfo) -> list[dict[str, Any]]:
    status, sentence = module_status(services)
    if status is None or sentence:
        return [{"state": "now", "text": _("Cannot sell now"), "url": ""}]
    found: list[dict[str, Any]] = [{"state": "on", "text": _("Ready to sell"), "url": ""}]
    where = url_for("budget.show") if places.can(g.get("actor"), "keys.read") else ""
    units = [one for one in status.budgets if one.kind == "units" and one.allotted]
    if units:
        tightest = min(units, key=lambda one: one.left / one.allotted)
        percent = round(100 * tightest.left / tightest.allotted)
        # A forecast further away than a month says nothing that a desk can use.
        soon = services.clock.now() + timedelta(days=30)
        if tightest.lasts_until is not None and tightest.lasts_until < soon:
            when = words.soon(tightest.lasts_until, zone)
            text = _("Budget %(percent)s %%, lasts until %(when)s", percent=percent, when=when)
        else:
            text = _("Budget %(percent)s %%", percent=percent)
        found.append({"state": "half" if tightest.warnings else "", "text": text, "url": where})
    return found + shift_lamp(services)


def shift_lamp(services: Services) -> list[dict[str, Any]]:
    """At the till: whether the cashier's own shift is open, and the way to it."""
    if not request.path.startswith("/cashier") or not places.can(g.get("actor"), "shift.own"):
        return []
    place = places.of_request()
    with services.db.reading() as session:
        own = shifts.open_of(session, g.actor.key)
    if own is None:
        return [{"state": "off", "text": _("No shift open"), "url": url_for("shifts.opening")}]
    if own.state == "counted":
        return [{"state": "half", "text": _("Drawer counted"), "url": url_for("shifts.closing")}]
    since = words.clock_time(own.opened_at, place.zone)
    return [{"state": "on", "text": _("Shift since %(time)s", time=since), "url": url_for("shifts.show")}]


def place_word(place: places.Place, actor: Any) -> str:
    """At the till its name; in an office the person's work."""
    role = menus.role_of(actor)
    return (
        words.role_name(role).capitalize()
        if role and menus.of_request()
        else _("Till %(till)s", till=place.till)
    )


def register(app: Flask, languages: dict[str, str]) -> None:
    app.register_blueprint(room)

    @app.context_processor
    def frame() -> dict[str, Any]:
        services: Services = g.services
        actor = g.get("actor")
        place = places.find()
        language = words.of_page()
        status, _sentence = module_status(services)
        return {
            "frame": {
                "lang": language.code,
                "dir": language.direction,
                "theme": request.cookies.get("theme", "auto"),
                "operator": "Ampoule",
                "home": "/",
                "site": place.site.name if place else "",
                "place": place_word(place, actor) if place else "",
                "menu": menus.of_request(),
                "lamps": lamps(services, place.zone) if place else [],
                "person": {"name": actor.name, "since": ""} if actor else None,
                "clock": services.clock.now().astimezone(place.zone).strftime("%H:%M") if place else "",
                "test_keys": bool(status and status.test),
                "training": training.is_on() and request.path.startswith("/cashier"),
                "offline": "",
                "urls": {
                    "preferences": url_for("frame.preferences"),
                    "sign_out": url_for("auth.sign_out"),
                    "account": url_for("account.show") if actor else "",
                    "help": "",
                    "words": url_for("home.words_of_the_trade") if actor else "",
                },
                "sites": [{"value": key, "label": name} for key, name in place.sites]
                if place and len(place.sites) > 1
                else [],
                "site_key": place.site_key if place else "",
                "languages": [{"value": code, "label": name} for code, name in languages.items()],
                "here": request.full_path.rstrip("?") if request.method == "GET" else "/",
            }
        }


@room.post("/preferences")
@gate.needs(gate.PUBLIC)
def preferences() -> Response:
    """Theme, language and, for people with several sites, which one: kept in cookies of this browser."""
    answer = redirect(local_address(request.form.get("next", "/")), 303)
    for name, choices in (("theme", ("auto", "light", "dark")), ("lang", tuple(LANGUAGES))):
        value = request.form.get(name)
        if value is not None and value in choices:
            answer.set_cookie(name, value, max_age=31536000, samesite="Lax", httponly=True)
    site = request.form.get("site", "")
    place = places.find()
    if place is not None and site in dict(place.sites):
        answer.set_cookie(places.SITE_COOKIE, site, max_age=31536000, samesite="Lax", httponly=True)
    return answer  # type: ignore[return-value]


def local_address(address: str) -> str:
    """Only an address of this site: a link to elsewhere in a form must not carry anybody away.

    Browsers and the making of the header drop tabs and line feeds, so that `/<tab>/elsewhere` would become `//elsewhere`:
    what cannot be printed is no address."""
    safe = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if safe else "/"
