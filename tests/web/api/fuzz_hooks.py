"""For schemathesis: every second request names a meter that exists and a sum that buys something, so that it reaches what
lies behind the look-up."""

import os
from typing import Any

import schemathesis

METERS = [number for number in os.environ.get("FUZZ_METERS", "").split(",") if number]


def _known(value: str) -> str:
    return METERS[sum(map(ord, value)) % len(METERS)]


def _name_it(told: Any) -> None:
    number = told.get("meter")
    if METERS and isinstance(number, str) and number.isascii() and number.isdigit() and int(number) % 2:
        told["meter"] = _known(number)
        amount = told.get("amount")
        if isinstance(amount, dict) and isinstance(amount.get("money_minor"), int) and "currency" in amount:
            told["amount"] = {"money_minor": 1000 + amount["money_minor"] % 100_000, "currency": "ZAR"}


def _whole(told: Any) -> Any:
    """JSON Schema calls 5.0 an integer. Here money and energy are written without a point, which no schema can say."""
    if isinstance(told, dict):
        return {name: _whole(one) for name, one in told.items()}
    if isinstance(told, list):
        return [_whole(one) for one in told]
    return int(told) if isinstance(told, float) and told.is_integer() else told


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    body = _whole(body)
    if isinstance(body, dict):
        _name_it(body)
        orders = body.get("orders")
        for order in orders if isinstance(orders, list) else []:
            if isinstance(order, dict):
                _name_it(order)
    return body


@schemathesis.hook
def map_path_parameters(_context: Any, parts: Any) -> Any:
    if parts and METERS and str(parts.get("number", "")).isdigit():
        parts["number"] = _known(str(parts["number"]))
    return parts
