"""The application behind `/api/v1`: a key, a pace, a scope, a strict body, one view, one answer.

It shares nothing with the pages but the services: no cookie is read or set, so there is nothing to forge (no CSRF), and a
signed-in browser is nobody here. Everything that fails is problem+json.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, request
from pydantic import BaseModel, ValidationError

from vending.access import policy
from vending.access.api_keys import Gate, Pace
from vending.access.errors import ApiKeyRefused
from vending.errors import NotAllowed
from vending.services import Services
from vending.web import headers
from vending.web.api import document, errors
from vending.web.api.call import Call
from vending.web.api.desk import Desk, desk_of
from vending.web.api.keyring import Caller, Keyring
from vending.web.api.operations import OPERATIONS, Operation
from vending.web.api.schemas import Nothing, Order
from vending.web.refusals import IdempotencyKeyDiffers, MediaTypeWrong, RequestInvalid

DeskOf = Callable[[Services, Caller], Desk]


def create_api(services: Services, *, desk_for: DeskOf = desk_of) -> Flask:
    """`desk_for` chooses who answers a caller; the conformance kit brings its own."""
    app = Flask("ampoule-api", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False
    app.extensions["ampoule"] = services
    app.config["MAX_CONTENT_LENGTH"] = max(operation.most_bytes for operation in OPERATIONS)
    headers.add(app)
    errors.register(app)
    entrance = _Entrance(services, desk_for)
    for operation in OPERATIONS:
        app.add_url_rule(
            re.sub(r"{(\w+)}", r"<\1>", operation.path),
            operation.name,
            entrance.view_of(operation),
            methods=[operation.method],
            provide_automatic_options=False,
        )
    return app


class _Entrance:
    def __init__(self, services: Services, desk_for: DeskOf) -> None:
        self._services = services
        self._keys = Keyring(services.db, services.clock)
        self._gate = Gate(services.clock)
        self._desk_for = desk_for

    def view_of(self, operation: Operation) -> Callable[..., Response]:
        patterns = {name: re.compile(pattern) for name, pattern in operation.parts.items()}
        needs = frozenset(operation.needs)

        def view(**parts: str) -> Response:
            # The declared size counts before a byte is read.
            request.max_content_length = operation.most_bytes
            caller, pace = (None, None) if operation.is_public else self._enter(needs)
            g.actor = caller.client.actor if caller is not None else None
            for name, pattern in patterns.items():
                if not pattern.fullmatch(parts[name]):
                    raise RequestInvalid(
                        f"{name} in the address is not written as it must be.",
                        [_wrong(name, "does not fit its pattern")],
                    )
            query = _query(operation.query)
            body = _body(operation)
            call = Call(
                self._services,
                caller,
                self._desk_for(self._services, caller) if caller is not None else None,
                parts,
                query,
                body,
                g.request_id,
                document.document,
            )
            answer = operation.view(call)
            status, told = answer if isinstance(answer, tuple) else (200, answer)
            response = Response(told.model_dump_json(), status, content_type="application/json")
            if pace is not None:
                response.headers["RateLimit-Limit"] = str(pace.limit)
                response.headers["RateLimit-Remaining"] = str(pace.remaining)
                response.headers["RateLimit-Reset"] = str(pace.reset_s)
            return response

        return view

    def _enter(self, needs: frozenset[policy.Permission]) -> tuple[Caller, Pace]:
        """A key first, then its pace, then its scopes: who is too fast learns nothing about what he may do."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise ApiKeyRefused
        caller = self._keys.caller(secret.strip())
        client = caller.client
        pace = self._gate.enter(client)
        if not any(policy.allowed(client.actor, permission, client.site) for permission in needs):
            raise NotAllowed(
                f"This key may not do this: it needs the scope {' or '.join(sorted(needs))}. "
                "Ask a manager of the site for a key that has it."
            )
        return caller, pace


def _query(model: type[BaseModel] | None) -> Any:
    given = request.args.to_dict(flat=False)
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


def _body(operation: Operation) -> Any:
    if operation.method != "POST":
        return None
    raw = request.get_data(cache=False)
    if operation.body is Nothing and not raw:
        return Nothing()
    if request.mimetype != "application/json":
        raise MediaTypeWrong("Send JSON, with Content-Type: application/json.")
    assert operation.body is not None
    try:
        body = operation.body.model_validate_json(raw)
    except ValidationError as error:
        raise _unfit(error, "body") from None
    if b"\\u0000" in raw and _holds_nul(body.model_dump()):
        raise RequestInvalid("The request holds the character 0, which no database keeps.", [])
    if isinstance(body, Order):
        _refuse_other_key(body.order_id)
    return body


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_holds_nul(one) for one in value)
    return isinstance(value, str) and "\0" in value


def _refuse_other_key(order_id: str) -> None:
    """The header adds nothing to the order's own id; where a client's library sends it, it must say the same."""
    header = request.headers.get("Idempotency-Key")
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
