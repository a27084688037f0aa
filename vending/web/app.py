"""The Flask application: rooms, gate, headers, errors, words. It picks no implementation: `services` brings them.

Deny by default (gate.py), strict content policy (headers.py), one table of errors (errors.py). Sessions are rows on the
server, so that a manager can end one at once; the cookie holds only a random secret.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, g, redirect, request, url_for
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import vending
from vending.languages import LANGUAGES
from vending.services import Services
from vending.web import (
    account,
    auth,
    developers,
    dress,
    errors,
    frame,
    gate,
    headers,
    health,
    home,
    menus,
    metrics,
    offices,
    papers,
    places,
    print_agents,
    receipts,
    typed,
    words,
)
from vending.web.api import errors as api
from vending.web.api.app import Api
from vending.web.cashier import bulk, refunds, reversals, second, shifts, till, trouble, vends


def assets(name: str) -> Path:
    """`templates` or `static`: inside the installed package, or beside it in a checkout."""
    root = Path(vending.__file__).parent
    packed = root / "_assets" / name
    return packed if packed.is_dir() else root.parent / name


def create_app(services: Services) -> Flask:
    app = Flask("ampoule", template_folder=str(assets("templates")), static_folder=str(assets("static")))
    app.request_class = typed.TypedRequest
    app.config.update(
        SECRET_KEY=services.vault.row_seal({"for": "forms"}),
        MAX_CONTENT_LENGTH=1024 * 1024,
        SESSION_COOKIE_NAME="ampoule_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=services.settings.serves_tls,
        SEND_FILE_MAX_AGE_DEFAULT=31536000,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=True,
        BABEL_DEFAULT_LOCALE="en",
    )
    app.extensions["ampoule"] = services

    @app.before_request
    def who() -> None:
        # First of all: even a page that refuses shows its frame.
        g.services = services
        g.actor = auth.actor_of_request(services)
        # Before anything reads the form, and for nobody who is not signed in.
        if g.actor is not None:
            request.max_content_length = gate.most_bytes(app)

    headers.add(app)
    app.before_request(refuse_nul)
    metrics.count(app)
    CSRFProtect(app).exempt(print_agents.room)  # programs, with a secret of their own and no cookie
    Babel(app, locale_selector=_language)
    words.dress(app)
    dress.dress(app)
    gate.mark(app, "htmx_script", gate.PUBLIC)

    gate.guard(app, places.can)
    errors.register(app)
    frame.register(app, LANGUAGES)
    for room in (
        auth.room,
        home.room,
        account.room,
        till.room,
        second.room,
        shifts.room,
        refunds.room,
        bulk.room,
        vends.room,
        reversals.room,
        trouble.room,
        receipts.room,
        papers.room,
        print_agents.room,
        health.room,
        developers.room,
        *offices.ROOMS,
    ):
        app.register_blueprint(room)

    @app.get("/")
    @gate.needs(gate.SIGNED_IN)
    def start() -> Any:
        return redirect(url_for(menus.home_of(g.actor)), 303)

    @app.get("/favicon.ico")
    @gate.needs(gate.PUBLIC)
    def favicon() -> Response:
        return redirect(url_for("static", filename="favicon.svg"), 308)  # type: ignore[return-value]

    # Programs have an application of their own: no cookie, no form, no page.
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {api.ROOT: Api(services)})  # type: ignore[method-assign]
    return app


def refuse_nul() -> None:
    """No browser sends the character 0 and no database keeps it: PostgreSQL refuses it with a fault of ours, and a text
    that SQLite took would never come over to PostgreSQL. What is typed into a field loses it on the way in (`typed.py`)."""
    if "\0" in request.path:
        abort(404)
    if any("\0" in name for values in (request.args, request.form) for name in values):
        abort(400)


def _language() -> str:
    chosen = request.cookies.get("lang", "")
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(list(LANGUAGES)) or "en"
