"""What makes a paper a tax invoice, country by country: data, with the source of each line. Pure.

The product helps a seller to print what his country asks for; it does not answer for his taxes. Thresholds move: check them
with an accountant, and correct the row. Amounts are in minor units of the country's currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["invoice", "simple", "receipt"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`simple_upto_minor`: up to this total a short invoice, without the customer's particulars, is enough. `none_upto_minor`:
    up to this no invoice is asked for. `simple`: the words for a short invoice, as the country's law has them."""

    country: str
    currency: str
    simple_upto_minor: int | None
    none_upto_minor: int
    simple: Literal["abridged", "simplified"]
    source: str


RULES = {
    rule.country: rule
    for rule in (
        Rule("ZA", "ZAR", 500_000, 5_000, "abridged", "Value-Added Tax Act 89 of 1991, section 20(4) to (6)"),
        Rule("GB", "GBP", 25_000, 0, "simplified", "VAT Notice 700, section 16.6"),
        Rule("EU", "EUR", 10_000, 0, "simplified", "Directive 2006/112/EC, articles 226b and 238"),
        Rule("AE", "AED", 1_000_000, 0, "simplified", "Cabinet Decision 52 of 2017, article 59"),
        Rule("SA", "SAR", 100_000, 0, "simplified", "VAT Implementing Regulations, article 53"),
        Rule("AU", "AUD", 100_000, 8_250, "simplified", "GST Act 1999, section 29-70 and 29-80"),
    )
}
BY_CURRENCY = {rule.currency: rule.country for rule in RULES.values()}


def country_of(currency: str) -> str:
    """The country whose rules a site follows, from its currency; empty where no rule is kept."""
    return BY_CURRENCY.get(currency, "")


def kind_of(country: str, total_minor: int, *, registered: bool) -> Kind:
    """What a paper of this total is called. A seller without a tax number gives receipts."""
    rule = RULES.get(country)
    if not registered:
        return "receipt"
    if rule is None:
        return "invoice"
    if total_minor <= rule.none_upto_minor:
        return "receipt"
    return (
        "simple"
        if rule.simple_upto_minor is not None and total_minor <= rule.simple_upto_minor
        else "invoice"
    )
