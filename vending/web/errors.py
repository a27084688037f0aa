"""The edge where refusals become pages: one table from a code to a status, and three answers on every page.

What happened; whether money or a token moved; what to do now. The API (`web/api/errors.py`) answers the same table as problem+json.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import sqlalchemy as sa
from flask import Flask, g, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from keystore.errors import KeystoreError
from vending.access.errors import ApiKeyRefused, ApiKeyTooFast
from vending.errors import InvalidInput, NotAllowed, NotFound, Unavailable, VendingError
from vending.web import refusals, words
from vending.web.words import _

log = logging.getLogger(__name__)

# The first line that fits counts, so what is particular stands before what is general. What is in no line is 409: the
# request was understood, and a rule of the house stands against it now.
STATUS: dict[type[Exception], int] = {
    ApiKeyRefused: 401,
    ApiKeyTooFast: 429,
    refusals.RequestInvalid: 400,
    refusals.MethodWrong: 405,
    refusals.RequestTooLarge: 413,
    refusals.MediaTypeWrong: 415,
    refusals.Fault: 500,
    NotFound: 404,
    NotAllowed: 403,
    InvalidInput: 422,
    Unavailable: 503,
    KeystoreError: 503,
}


def status_of(error: VendingError | KeystoreError) -> int:
    return status_of_kind(type(error))


def status_of_kind(kind: type[Exception]) -> int:
    return next((status for known, status in STATUS.items() if issubclass(kind, known)), 409)


def kinds() -> list[type[VendingError] | type[KeystoreError]]:
    """Every refusal there is, one for each code, by code."""
    found: dict[str, type[VendingError] | type[KeystoreError]] = {}
    waiting: list[type[VendingError] | type[KeystoreError]] = [VendingError, KeystoreError]
    while waiting:
        kind = waiting.pop()
        found.setdefault(kind.code, kind)
        waiting += kind.__subclasses__()
    return [found[code] for code in sorted(found)]


def title_of(kind: type[Exception]) -> str:
    """The rule's name in words: `SellerLimitReached` is “Seller limit reached”."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).capitalize()


def register(app: Flask) -> None:
    @app.errorhandler(VendingError)
    def refused(error: VendingError) -> Any:
        return page(status_of(error), words.refusal(error.sentence), code=error.code)

    @app.errorhandler(KeystoreError)
    def module(error: KeystoreError) -> Any:
        return page(status_of(error), words.refusal(error.sentence), code=error.code)

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

    @app.errorhandler(sa.exc.OperationalError)
    def database(error: sa.exc.OperationalError) -> Any:
        # What was being stored may be stored (I-30): asking again with the page's own ids says which.
        log.error("the database failed in %s: %s", request.endpoint, type(error.orig).__name__)
        return page(
            status_of_kind(refusals.DatabaseAway),
            _("The database does not answer."),
            code=refusals.DatabaseAway.code,
            moved=_(
                "If you were selling: look at “Last at this till” before you sell again. A paid sale is never lost."
            ),
            steps=[_("Look at the till's last sales.")],
        )

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
