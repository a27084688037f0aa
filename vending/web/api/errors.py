"""Every error as `application/problem+json` (RFC 9457).

The statuses come from the one table in `vending/web/errors.py`, which pages use too.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa
from werkzeug.exceptions import HTTPException

from keystore.errors import KeystoreError
from vending.access.errors import ApiKeyTooFast
from vending.errors import InvalidInput, VendingError
from vending.payments.sellers import SellerLimitReached
from vending.web import errors as table
from vending.web.api.answers import Answer
from vending.web.api.schemas import Problem
from vending.web.refusals import (
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


def answer(error: Exception, *, request_id: str, operation: str | None) -> Answer:
    """What is told of any error. What is none of the program's own words is told in one of them, and logged."""
    if isinstance(error, AnswerLost):
        # More is announced than comes, so the server has to close the line: the client sees an answer that broke off.
        return Answer(200, b'{"order_id": "', announced=4096)
    refused = _in_our_words(error, operation)
    problem = problem_of(refused, request_id=request_id)
    return Answer(
        problem.status, problem.model_dump_json(exclude_none=True).encode(), JSON, _headers(refused, problem)
    )


def _in_our_words(error: Exception, operation: str | None) -> VendingError | KeystoreError:
    if isinstance(error, VendingError | KeystoreError):
        return error
    if isinstance(error, HTTPException):
        return RequestInvalid(
            "The request could not be read as HTTP with JSON. Compare it with the document."
        )
    if isinstance(error, sa.exc.OperationalError):
        log.error("the database failed in %s: %s", operation, type(error.orig).__name__)
        return DatabaseAway(
            "The database does not answer. If you were selling, the outcome is not known: ask what became of the "
            "order, with the same id, before anything else."
        )
    log.error("fault in %s", operation, exc_info=error)
    return Fault(
        "Something in the program failed. If you were selling, the outcome is not known: ask what became of the "
        "order, with the same id. Tell the site the request id."
    )


def _headers(error: Exception, problem: Problem) -> tuple[tuple[str, str], ...]:
    if isinstance(error, MethodWrong):
        return (("Allow", ", ".join(error.allowed)),)
    if isinstance(error, ApiKeyTooFast):
        return (
            ("Retry-After", str(error.wait_s)),
            ("RateLimit-Limit", str(error.limit)),
            ("RateLimit-Remaining", "0"),
            ("RateLimit-Reset", str(error.wait_s)),
        )
    if problem.status == 401:
        return (("WWW-Authenticate", 'Bearer realm="ampoule"'),)
    if problem.status == 503:
        return (("Retry-After", "2"),)
    return ()


def too_large(most: int) -> RequestTooLarge:
    return RequestTooLarge(f"The request is larger than {most} bytes. Send fewer orders at once.")
