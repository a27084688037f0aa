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
        return page(status_of(error), words.refusal(error.sentence), code=error.code, moved=_if_only_read())

    @app.errorhandler(KeystoreError)
    def module(error: KeystoreError) -> Any:
        return page(
            status_of(error),
            words.refusal(error.sentence),
            code=error.code,
            moved=_if_only_read() or _after_a_fault(),
            steps=[_wait(), _call()],
        )

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
        number = error.code or 500
        said = {
            401: (_("Sign in first."), _("Sign in, and do it again.")),
            403: (
                _("Your work does not include this page."),
                _("Ask a manager for the role that it needs, or sign in as somebody who has it."),
            ),
            404: (
                _("There is no page at this address."),
                _("Compare the address with where you have it from, or begin at the start."),
            ),
            405: (
                _("This address is not opened that way."),
                _("Open the page before it, and use its button."),
            ),
            413: (
                _("What was sent is larger than one mebibyte."),
                _("Make the file or the text smaller, or send it in parts."),
            ),
            429: (_("Too many requests came from here at once."), _wait()),
        }
        title, step = said.get(number, (error.name, ""))
        # Below 500 the edge refused it, before the house was asked.
        moved = _nothing_moved() if number < 500 else _after_a_fault()
        return page(
            number, title, code=f"http_{number}", moved=moved, steps=[step] if step else [_wait(), _call()]
        )

    @app.errorhandler(sa.exc.OperationalError)
    def database(error: sa.exc.OperationalError) -> Any:
        # What was being stored may be stored (I-30): asking again with the page's own ids says which.
        log.error("the database failed in %s: %s", request.endpoint, type(error.orig).__name__)
        return page(
            status_of_kind(refusals.DatabaseAway),
            _("The database does not answer."),
            code=refusals.DatabaseAway.code,
            moved=_after_a_fault(),
            steps=[_wait(), _("Look at the till's last sales.")],
        )

    @app.errorhandler(Exception)
    def fault(error: Exception) -> Any:
        # A fault of ours. The log has the traceback without locals; the person gets the number of the request.
        log.error("fault in %s", request.endpoint, exc_info=error)
        return page(
            500,
            _("Something in the program failed."),
            code="fault",
            moved=_after_a_fault(),
            steps=[_("Look at the till's last sales."), _call()],
        )


def _nothing_moved() -> str:
    return _("Nothing was changed. No money and no token moved.")


def _if_only_read() -> str:
    """A page that was only asked for changes nothing; of a form that was sent, only the act itself can say."""
    return _nothing_moved() if request.method == "GET" else ""


def _after_a_fault() -> str:
    return _(
        "If you were selling: look at “Last at this till” before you sell again. A paid sale is never lost."
    )


def _wait() -> str:
    return _("Wait a minute, then try it once more.")


def _call() -> str:
    return _("Call the person who runs the system and say the code and the number.")


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
                "actions": [
                    {"label": _("Back to the start"), "url": url_for("start")}
                    if g.get("actor")
                    else {"label": _("Sign in"), "url": url_for("auth.sign_in")}
                ],
            },
        ),
        number,
    )
