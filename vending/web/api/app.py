"""The application behind `/api/v1`: a key, a pace, a scope, a strict body, one view, one answer.

It shares nothing with the pages but the services: no cookie is read or set, so there is nothing to forge (no CSRF), and a
signed-in browser is nobody here. Everything that fails is problem+json. It is a WSGI application of its own and not a Flask
one: of what a framework does for a page a sale needs little, and paid three times its own price for it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import HTTP_STATUS_CODES, parse_options_header
from werkzeug.wsgi import get_input_stream

from vending import logs
from vending.access import policy
from vending.access.api_keys import Gate, Pace
from vending.access.errors import ApiKeyRefused
from vending.errors import NotAllowed
from vending.services import Services
from vending.web import headers
from vending.web.api import document, errors
from vending.web.api.addresses import Addresses
from vending.web.api.answers import Answer
from vending.web.api.call import Call
from vending.web.api.desk import Desk, desk_of
from vending.web.api.keyring import Caller, Keyring
from vending.web.api.operations import OPERATIONS, Operation
from vending.web.api.schemas import Nothing, Order
from vending.web.refusals import IdempotencyKeyDiffers, MediaTypeWrong, RequestInvalid

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

DeskOf = Callable[[Services, Caller], Desk]
ADDRESSES = Addresses(OPERATIONS)
_STATUS_LINES = {status: f"{status} {name.upper()}" for status, name in HTTP_STATUS_CODES.items()}


class Api:
    """`desk_for` chooses who answers a caller."""

    def __init__(self, services: Services, *, desk_for: DeskOf = desk_of) -> None:
        self._services = services
        self._keys = Keyring(services.db, services.clock)
        self._gate = Gate(services.clock)
        self._desk_for = desk_for

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        request = _Request(environ)
        logs.within(request=request.id)
        try:
            answer = self._answer(request)
        except Exception as error:
            answer = errors.answer(error, request_id=request.id, operation=request.name)
        is_secure = environ["wsgi.url_scheme"] == "https"
        told = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body) if answer.announced is None else answer.announced)),
            *answer.headers,
            *(headers.HONEST_AND_SECURE if is_secure else headers.HONEST),
            headers.NOT_KEPT,
            ("X-Request-Id", request.id),
        ]
        headers.note(
            environ["REQUEST_METHOD"],
            request.operation.path if request.operation is not None else None,
            answer.status,
            began,
            request.caller.client.actor if request.caller is not None else None,
        )
        start_response(_STATUS_LINES[answer.status], told)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _answer(self, request: _Request) -> Answer:
        environ = request.environ
        operation, parts = ADDRESSES.find(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        request.operation = operation
        pace = None
        if not operation.is_public:
            request.caller, pace = self._enter(environ.get("HTTP_AUTHORIZATION", ""), operation)
        caller = request.caller
        for name, pattern in ADDRESSES.patterns[operation.name].items():
            if not pattern.fullmatch(parts[name]):
                raise RequestInvalid(
                    f"{name} in the address is not written as it must be.",
                    [_wrong(name, "does not fit its pattern")],
                )
        call = Call(
            self._services,
            caller,
            self._desk_for(self._services, caller) if caller is not None else None,
            parts,
            _query(operation.query, environ.get("QUERY_STRING", "")),
            _body(operation, environ),
            request.id,
            document.document,
        )
        told = operation.view(call)
        status, model = told if isinstance(told, tuple) else (200, told)
        paced = () if pace is None else _paced(pace)
        return Answer(status, model.__pydantic_serializer__.to_json(model), headers=paced)

    def _enter(self, authorization: str, operation: Operation) -> tuple[Caller, Pace]:
        """A key first, then its pace, then its scopes: who is too fast learns nothing about what he may do."""
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise ApiKeyRefused
        caller = self._keys.caller(secret.strip())
        client = caller.client
        pace = self._gate.enter(client)
        if not any(policy.allowed(client.actor, permission, client.site) for permission in operation.needs):
            raise NotAllowed(
                f"This key may not do this: it needs the scope {' or '.join(sorted(set(operation.needs)))}. "
                "Ask a manager of the site for a key that has it."
            )
        return caller, pace


class _Request:
    """What is known of a request so far, so that an answer that breaks off on the way is noted with all of it."""

    __slots__ = ("caller", "environ", "id", "operation")

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.id = secrets.token_hex(6)
        self.operation: Operation | None = None
        self.caller: Caller | None = None

    @property
    def name(self) -> str | None:
        return self.operation.name if self.operation is not None else None


def _paced(pace: Pace) -> tuple[tuple[str, str], ...]:
    return (
        ("RateLimit-Limit", str(pace.limit)),
        ("RateLimit-Remaining", str(pace.remaining)),
        ("RateLimit-Reset", str(pace.reset_s)),
    )


def _query(model: type[BaseModel] | None, text: str) -> Any:
    if not text and model is None:
        return None
    given: dict[str, list[str]] = {}
    # As WSGI has it: each octet one character. What is no UTF-8 becomes a sign that fits no pattern.
    for name, value in parse_qsl(text.encode("latin-1").decode("utf-8", "replace"), keep_blank_values=True):
        given.setdefault(name, []).append(value)
    for name, values in given.items():
        if model is None or name not in model.model_fields:
            raise RequestInvalid(
                "The address takes no such query.", [_wrong(f"query.{name[:60]}", "is not known here")]
            )
        if any("\0" in value for value in values):
            raise RequestInvalid(
                "The request holds the character 0, which no database keeps.",
                [_wrong(f"query.{name}", "holds the character 0")],
            )
        if len(values) > 1:
            raise RequestInvalid(
                "A query may be given once.", [_wrong(f"query.{name}", "was given more than once")]
            )
    if model is None:
        return None
    try:
        return model.model_validate({name: values[0] for name, values in given.items()})
    except ValidationError as error:
        raise _unfit(error, "query") from None


def _body(operation: Operation, environ: WSGIEnvironment) -> Any:
    if operation.method != "POST":
        return None
    try:
        # The declared size counts before a byte is read.
        raw = get_input_stream(environ, max_content_length=operation.most_bytes).read()
    except RequestEntityTooLarge:
        raise errors.too_large(operation.most_bytes) from None
    if operation.body is Nothing and not raw:
        return Nothing()
    if parse_options_header(environ.get("CONTENT_TYPE", ""))[0].lower() != "application/json":
        raise MediaTypeWrong("Send JSON, with Content-Type: application/json.")
    assert operation.body is not None
    try:
        body = operation.body.model_validate_json(raw)
    except ValidationError as error:
        raise _unfit(error, "body") from None
    if b"\\u0000" in raw and _holds_nul(body.model_dump()):
        raise RequestInvalid("The request holds the character 0, which no database keeps.", [])
    if isinstance(body, Order):
        _refuse_other_key(body.order_id, environ.get("HTTP_IDEMPOTENCY_KEY"))
    return body


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_holds_nul(one) for one in value)
    return isinstance(value, str) and "\0" in value


def _refuse_other_key(order_id: str, header: str | None) -> None:
    """The header adds nothing to the order's own id; where a client's library sends it, it must say the same."""
    if header is not None and header.strip().strip('"') != order_id:
        raise IdempotencyKeyDiffers(
            "The header Idempotency-Key names another id than order_id. The order's id is the key: send the same, or no header.",
            "Idempotency-Key",
        )


def _unfit(error: ValidationError, where: str) -> RequestInvalid:
    """Names and rules, never the values that were sent: they may be a customer's."""
    faults = [
        _wrong(".".join([where, *(str(part) for part in fault["loc"])]), fault["msg"])
        for fault in error.errors(include_url=False, include_context=False, include_input=False)[:20]
    ]
    return RequestInvalid("The request does not fit its schema. `errors` names each field.", faults)


def _wrong(where: str, says: str) -> dict[str, str]:
    return {"where": where, "says": says}
