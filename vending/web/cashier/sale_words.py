"""A quote and a sale in the words of the till page. Pure: values in, the templates' small dictionaries out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from vending.web import words
from vending.web.words import _


def quote_lines(lines: Any, currency: str) -> list[dict[str, str]]:
    return [
        {
            "what": line["label"],
            "why": why(line, currency),
            "amount": words.money(line["amount_minor"], currency),
        }
        for line in lines
    ]


def why(line: dict[str, Any], currency: str) -> str:
    """The derivation of a line, in words and numbers."""
    if line["kind"] == "kept":
        return _("less than the meter can count") if line["amount_minor"] > 0 else _("spent first")
    if "parts" in line:
        told = " + ".join(f"{quantity(part)} × {rate(part)}" for part in line["parts"])
        if "left_minor" in line:
            told += "; " + _("%(left)s left after", left=words.money(line["left_minor"], currency))
        return told
    if "percent" in line:
        percent = words.number(Decimal(line["percent"]).normalize(), _decimals(line["percent"]))
        if "left_minor" in line:
            return _(
                "%(percent)s %% of the payment; %(left)s left after",
                percent=percent,
                left=words.money(line["left_minor"], currency),
            )
        return _(
            "%(percent)s %% of %(base)s", percent=percent, base=words.money(line["base_minor"], currency)
        )
    if "left_minor" in line:
        return _("%(left)s left after", left=words.money(line["left_minor"], currency))
    return str(line["why"])


def quantity(part: list[str]) -> str:
    amount, unit, _each, _what = part
    return f"{words.number(Decimal(amount), _decimals(amount))} {unit}"


def rate(part: list[str]) -> str:
    each = part[2]
    return words.number(Decimal(each), max(_decimals(each), 2))


def _decimals(text: str) -> int:
    value = Decimal(text).normalize()
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(-exponent, 0)
