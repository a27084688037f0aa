"""The API's documentation as a page of the product: made from the same table as the API, without a script and without a
network. A program reads `/api/v1/openapi.json` instead."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, render_template
from markupsafe import Markup, escape

from vending.sandbox.meters import RESERVED
from vending.web import gate
from vending.web.api import document
from vending.web.api.errors import ROOT
from vending.web.api.operations import OPERATIONS, Operation
from vending.web.words import _

room = Blueprint("developers", __name__)


@room.get("/developers")
@gate.needs(gate.PUBLIC)
def developers() -> Any:
    """The API in words, with an example for each address."""
    told = document.document()
    body = render_template(
        "api/operations.html",
        document=f"{ROOT}/openapi.json",
        problems=f"{ROOT}/problems",
        about=[_paragraph(part) for part in told["info"]["description"].strip().split("\n\n")],
        operations=[_operation(one) for one in OPERATIONS],
        schemas=[_schema(name, one) for name, one in sorted(told["components"]["schemas"].items())],
        meters=[{"number": meter.number, "says": _inline(meter.says)} for meter in RESERVED],
    )
    page = {"title": _("For programs: the API"), "crumbs": [], "facts": []}
    return render_template("guide.html", page=page, others=[], body=Markup(body))  # noqa: S704 — our own template, escaped there


def _paragraph(text: str) -> Markup:
    """Our own few sentences: lists of four, code and bold; everything else stands as it is."""
    lines = [_inline(line.split(". ", 1)[1] if line[:1].isdigit() else line) for line in text.split("\n")]
    if text[:1].isdigit():
        return Markup("<ol>{}</ol>").format(
            Markup("").join(Markup("<li>{}</li>").format(line) for line in lines)
        )
    return Markup("<p>{}</p>").format(Markup(" ").join(lines))


def _inline(text: str) -> Markup:
    parts = text.split("`")
    found = Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part.replace("**", ""))
        for place, part in enumerate(parts)
    )
    return Markup(found)  # noqa: S704 — every part was escaped above


def _operation(operation: Operation) -> dict[str, Any]:
    return {
        "name": operation.name,
        "method": operation.method,
        "path": ROOT + operation.path,
        "says": operation.says,
        "tells": _inline(operation.tells),
        "scope": _("none, it is public")
        if operation.is_public
        else _("any key")
        if len(operation.needs) > 3
        else " / ".join(permission.value for permission in operation.needs),
        "body": operation.body.__name__ if operation.body and operation.body.model_fields else "",
        "query": list(operation.query.model_fields) if operation.query else [],
        "answers": [(status, model.__name__) for status, model in operation.answers.items()],
        "problems": operation.statuses,
        "example": example(operation),
    }


_PARTS = {
    "number": RESERVED[0].number,
    "order_id": "6f0c2a34-5b1e-4d0f-9a77-1c2d3e4f5a6b",
    "key": f"{RESERVED[1].serial:016x}",
    "code": "order_unknown",
}
_AMOUNT = {"money_minor": 5000, "currency": "ZAR"}
_ORDER = {"order_id": _PARTS["order_id"], "meter": _PARTS["number"], "amount": _AMOUNT}
_BODIES: dict[str, Any] = {
    "Trial": {"meter": _PARTS["number"], "amount": _AMOUNT},
    "Order": _ORDER,
    "Batch": {"orders": [_ORDER]},
    "ReversalRequest": {"reason": "Sold to the wrong meter"},
}
_QUERIES = {"Span": "?since=2026-11-01T00:00:00Z&until=2026-12-01T00:00:00Z"}


def example(operation: Operation) -> str:
    """A command that works against the sandbox, with $URL and $KEY as the guide sets them."""
    query = _QUERIES.get(operation.query.__name__, "") if operation.query else ""
    address = f'"$URL{ROOT}{operation.path.format(**_PARTS)}{query}"'
    key = "" if operation.is_public else ' -H "Authorization: Bearer $KEY"'
    if operation.method == "GET":
        return f"curl -s{key} {address}"
    body = _BODIES.get(operation.body.__name__) if operation.body else None
    data = f" -H 'Content-Type: application/json' \\\n  -d '{json.dumps(body)}'" if body is not None else ""
    return f"curl -s{key} -X POST{data} \\\n  {address}"


def _schema(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "says": _inline(" ".join(schema.get("description", "").split())),
        "fields": [
            {
                "name": field + ("" if field in schema.get("required", []) else " ?"),
                "kind": _kind(told),
                "says": _inline(" ".join(told.get("description", "").split())),
            }
            for field, told in schema.get("properties", {}).items()
        ],
    }


def _kind(schema: dict[str, Any]) -> str:
    """A field's kind in a few words: `integer 1–1000`, `Token[]`, `text or null`."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"{_kind(schema['items'])}[]"
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    kind = {"string": "text"}.get(schema.get("type", ""), schema.get("type", "any"))
    low, high = schema.get("minimum"), schema.get("maximum")
    return f"{kind} {low}–{high}" if low is not None and high is not None else str(kind)
