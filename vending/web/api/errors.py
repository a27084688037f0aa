"""Every refusal as `application/problem+json` (RFC 9457).

The statuses come from the one table in `vending/web/errors.py`, which pages use too.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from keystore.errors import KeystoreError
from vending.access.errors import ApiKeyTooFast
from vending.errors import InvalidInput, VendingError
from vending.payments.sellers import SellerLimitReached
from vending.web import errors as table
from vending.web.api.schemas import Problem
from vending.web.refusals import (
    AddressUnknown,
    AnswerLost,
    DatabaseAway,
    Fault,
    MethodWrong,
    OrderNotSold,
    RequestInvalid,
    RequestTooLarge,
)

log = logging.getLogger(__name__)

JSON = "application/problem+json"
ROOT = "/api/v1"


def problem_of(error: VendingError | KeystoreError, *, request_id: str) -> Problem:
    status = table.status_of(error)
    return Problem(
        type=f"{ROOT}/problems/{error.code}",
        title=table.title_of(type(error)),
        status=status,
        detail=error.sentence,
        code=error.code,
        request_id=request_id,
        errors=_errors(error),
        remaining_minor=error.remaining_minor if isinstance(error, SellerLimitReached) else None,
        least_minor=getattr(error, "least_minor", None),
        order_id=error.order_id if isinstance(error, OrderNotSold) else None,
    )


def _errors(error: Exception) -> list[dict[str, str]] | None:
    if isinstance(error, RequestInvalid):
        return error.errors
    if isinstance(error, InvalidInput) and error.field:
        return [{"where": error.field, "says": error.sentence}]
    return None


def answer(error: VendingError | KeystoreError) -> Response:
    problem = problem_of(error, request_id=g.get("request_id", ""))
    response = Response(problem.model_dump_json(exclude_none=True), problem.status, content_type=JSON)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="ampoule"'
    if isinstance(error, ApiKeyTooFast):
        response.headers["Retry-After"] = str(error.wait_s)
        response.headers["RateLimit-Limit"] = str(error.limit)
        response.headers["RateLimit-Remaining"] = "0"
        response.headers["RateLimit-Reset"] = str(error.wait_s)
    elif problem.status == 503:
        response.headers["Retry-After"] = "2"
    return response


def register(app: Flask) -> None:
    @app.errorhandler(VendingError)
    def refused(error: VendingError) -> Response:
        return answer(error)

    @app.errorhandler(KeystoreError)
    def module(error: KeystoreError) -> Response:
        return answer(error)

    @app.errorhandler(sa.exc.OperationalError)
    def database(error: sa.exc.OperationalError) -> Response:
        log.error("the database failed in %s: %s", request.endpoint, type(error.orig).__name__)
        return answer(
            DatabaseAway(
                "The database does not answer. If you were selling, the outcome is not known: ask what became of the "
                "order, with the same id, before anything else."
            )
        )

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        ours: VendingError
        if error.code == 404:
            ours = AddressUnknown(
                "There is nothing at this address. The document at /api/v1/openapi.json lists all."
            )
        elif error.code == 405:
            ours = MethodWrong("This address is not asked that way. The header Allow says how.")
        elif error.code == 413:
            ours = too_large(request.max_content_length or 0)
        else:
            ours = RequestInvalid(
                "The request could not be read as HTTP with JSON. Compare it with the document."
            )
        response = answer(ours)
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response

    @app.errorhandler(AnswerLost)
    def lost(_error: AnswerLost) -> Response:
        # More is announced than comes, so the server has to close the line: the client sees an answer that broke off.
        response = Response('{"order_id": "', 200, content_type="application/json")
        response.headers["Content-Length"] = "4096"
        response.automatically_set_content_length = False
        return response

    @app.errorhandler(Exception)
    def fault(error: Exception) -> Response:
        log.error("fault in %s", request.endpoint, exc_info=error)
        return answer(
            Fault(
                "Something in the program failed. If you were selling, the outcome is not known: ask what became of the "
                "order, with the same id. Tell the site the request id."
            )
        )


def too_large(most: int) -> RequestTooLarge:
    return RequestTooLarge(f"The request is larger than {most} bytes. Send fewer orders at once.")
