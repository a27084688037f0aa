"""The edge where refusals become pages: one table from a code to a status, and three answers on every page.

What happened; whether money or a token moved; what to do now. The API answers the same table as problem+json.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, g, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from keystore.errors import KeystoreError
from vending.errors import InvalidInput, NotAllowed, NotFound, Unavailable, VendingError
from vending.web.words import _

log = logging.getLogger(__name__)

STATUS: dict[type[VendingError], int] = {NotFound: 404, NotAllowed: 403, InvalidInput: 422, Unavailable: 503}


def status_of(error: VendingError) -> int:
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 409)


def register(app: Flask) -> None:
    @app.errorhandler(VendingError)
    def refused(error: VendingError) -> Any:
        return page(status_of(error), error.sentence, code=error.code)

    @app.errorhandler(KeystoreError)
    def module(error: KeystoreError) -> Any:
        return page(503, error.sentence, code=error.code)

    @app.errorhandler(CSRFError)
    def stale(_error: CSRFError) -> Any:
        return page(
            400,
            _("This page was open for too long, or in a browser that keeps no cookies."),
            code="page_stale",
            moved=_("Nothing was sent. No money and no token moved."),
            steps=[_("Go back, load the page again, and repeat what you did.")],
        )

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Any:
        sentences = {
            401: _("Sign in first."),
            403: _("Your work does not include this page."),
            404: _("There is no page at this address."),
            405: _("This address is not opened that way."),
            413: _("What was sent is larger than one mebibyte."),
        }
        number = error.code or 500
        return page(number, sentences.get(number, error.name), code=f"http_{number}")

    @app.errorhandler(Exception)
    def fault(error: Exception) -> Any:
        # A fault of ours. The log has the traceback without locals; the person gets the number of the request.
        log.error("fault in %s", request.endpoint, exc_info=error)
        return page(
            500,
            _("Something in the program failed."),
            code="fault",
            moved=_(
                "If you were selling: look at “Last at this till” before you sell again. A paid sale is never lost."
            ),
            steps=[
                _("Look at the till's last sales."),
                _("Call the person who runs the system and say the code and the number."),
            ],
        )


def page(number: int, title: str, *, code: str, moved: str = "", steps: list[str] | None = None) -> Any:
    return (
        render_template(
            "error.html",
            error={
                "title": title,
                "moved": moved,
                "steps": steps or [],
                "code": code,
                "request": g.get("request_id", ""),
                "actions": [{"label": _("Back to the start"), "url": url_for("start")}],
            },
        ),
        number,
    )
