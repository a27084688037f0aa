"""A quote and a sale in the words of the till page: the papers' own words (`receipts/counting.py`), in the page's language."""

from __future__ import annotations

from typing import Any

from vending.receipts import counting
from vending.web import words


def quote_lines(lines: Any, currency: str) -> list[dict[str, str]]:
    spoken = words.of_page()
    return [
        {
            "what": counting.label(spoken, line),
            "why": why(line, currency),
            "amount": spoken.money(line["amount_minor"], currency),
        }
        for line in lines
    ]


def why(line: dict[str, Any], currency: str) -> str:
    """The derivation of a line, in words and numbers."""
    return counting.why(words.of_page(), line, currency)
