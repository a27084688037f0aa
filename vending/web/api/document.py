"""The OpenAPI 3.1 document, made from the table of operations. Nothing is described that is not served, and nothing served
that is not described: the URL map comes from the same rows."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import sts
from vending.access.policy import ROLES
from vending.web.api.errors import JSON, ROOT
from vending.web.api.operations import OPERATIONS, Operation
from vending.web.api.schemas import Nothing, Problem

_REF = "#/components/schemas/{model}"

ABOUT = """\
Sell prepaid energy for a site. Four rules carry the rest:

1. **An order id is for ever.** Make a UUID before you send. The same id gives the same token, whenever you ask.
2. **A time-out is unknown, never failed.** Ask `GET /vends/{order_id}` first; on `order_unknown` send the order again with the same id.
3. **200 is a release.** 202 is paid and undecided. Everything else is `application/problem+json`, and its `code` never changes its meaning.
4. **Money is an integer of minor units, energy an integer of tenths.** Nothing is a float.

Each key has a site, scopes, a pace (`RateLimit-*` headers) and, if it sells, a seller whose limit is in each answer. Cookies are ignored.
Within v1 fields may be added to answers and codes to problems; nothing is taken away and nothing changes its meaning.
"""

SAYS = {
    400: "The request does not fit its schema; `errors` names each field.",
    401: "No key, or one that opens nothing.",
    403: "The key has no scope for this.",
    404: "There is nothing under that name for this key.",
    409: "Understood, and a rule stands against it now; `code` names the rule.",
    413: "The request is too large.",
    415: "Not `application/json`.",
    422: "Well formed, and a value breaks a rule; `detail` says which.",
    429: "More calls than the key may make in a minute. Wait for `Retry-After` seconds.",
    500: "A fault of ours. For a sale the outcome is unknown: ask with the same id.",
    503: "A part does not answer now. Nothing was done, or the outcome is unknown: ask with the same id.",
}


@cache
def document() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    scopes = sorted(permission.value for permission in ROLES["API client"])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ampoule",
            "version": sts.__version__,
            "summary": "Sell prepaid energy in buildings.",
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": ROOT}],
        "security": [{"api_key": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": {f"Problem{status}": _problem(status, says) for status, says in SAYS.items()},
            "headers": _headers(),
            "securitySchemes": {
                "api_key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"An API key of the site or of the sandbox. Scopes: {', '.join(scopes)}.",
                }
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.says,
        "description": operation.tells + _needs(operation),
        "parameters": [*_parts(operation), *_query(operation), *_idempotency(operation)],
        "responses": {
            **{str(status): _answer(operation, status, model) for status, model in operation.answers.items()},
            **{
                str(status): {"$ref": f"#/components/responses/Problem{status}"}
                for status in operation.statuses
            },
        },
    }
    if operation.body is not None:
        told["requestBody"] = {
            "required": operation.body is not Nothing,
            "content": {"application/json": {"schema": _ref(operation.body)}},
        }
    if operation.is_public:
        told["security"] = []
    return told


def _needs(operation: Operation) -> str:
    if operation.is_public or len(operation.needs) > 3:
        return ""
    return "\n\nScope: " + " or ".join(f"`{permission.value}`" for permission in operation.needs) + "."


def _parts(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}
        for name, pattern in operation.parts.items()
    ]


def _query(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema(ref_template=_REF)
    found = []
    for name, told in schema["properties"].items():
        told = _without_null(told)
        found.append(
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", []),
                "schema": told,
                **({"description": told["description"]} if "description" in told else {}),
            }
        )
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query that is not given is not there; there is no way to write null in one."""
    kept = {name: value for name, value in schema.items() if name not in ("anyOf", "default", "title")}
    for one in schema.get("anyOf", []):
        if one.get("type") != "null":
            kept = {**one, **kept}
    if schema.get("default") is not None:
        kept["default"] = schema["default"]
    return kept


def _idempotency(operation: Operation) -> list[dict[str, Any]]:
    if not operation.has_idempotency_key:
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "For clients whose library sends it: must be the order's own id, which is the key anyway.",
        }
    ]


def _answer(operation: Operation, status: int, model: type[BaseModel]) -> dict[str, Any]:
    says = {200: "Done.", 202: "Taken; not decided yet."}[status]
    told: dict[str, Any] = {
        "description": says,
        "content": {"application/json": {"schema": _ref(model)}},
    }
    if not operation.is_public:
        told["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in _headers()}
    return told


def _problem(status: int, says: str) -> dict[str, Any]:
    told: dict[str, Any] = {"description": says, "content": {JSON: {"schema": _ref(Problem)}}}
    if status in (429, 503):
        told["headers"] = {
            "Retry-After": {
                "required": True,
                "schema": {"type": "integer"},
                "description": "Seconds to wait.",
            }
        }
    return told


def _headers() -> dict[str, Any]:
    def count(says: str) -> dict[str, Any]:
        return {"required": True, "schema": {"type": "integer"}, "description": says}

    return {
        "RateLimit-Limit": count("Calls that this key may make in a minute."),
        "RateLimit-Remaining": count("Calls that are left of them."),
        "RateLimit-Reset": count("Seconds until the oldest of them is forgotten."),
    }


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _schemas() -> dict[str, Any]:
    taken = {operation.body for operation in OPERATIONS if operation.body is not None}
    told = {model for operation in OPERATIONS for model in operation.answers.values()} | {Problem}
    models: list[tuple[type[BaseModel], Any]] = [
        *((model, "validation") for model in sorted(taken, key=lambda one: one.__name__)),
        *((model, "serialization") for model in sorted(told, key=lambda one: one.__name__)),
    ]
    _, schemas = models_json_schema(models, ref_template=_REF)
    found = schemas.get("$defs", {})
    assert isinstance(found, dict)
    return found
