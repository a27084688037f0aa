"""How an amount of energy becomes tokens (rules.md 12). Pure.

Above 1,638.3 kWh the amount of a token has steps, and a meter model may take less in one token than a token can carry. So
a purchase is one or several tokens under one order, largest first. Where a step would leave something over, the buyer
chooses: the remainder is kept for him, or it comes as a second small token.
"""

from __future__ import annotations

from typing import Literal

from sts import amount
from vending.tariffs.quote import Quantise

MOST_TOKENS = 20  # of one order: each takes a minute of the meter's token time, of which sixty may be ahead of the clock


def largest_token(limit: int | None) -> int:
    """What one token for this meter may carry at most."""
    largest: int = amount.quantise(min(limit or amount.LARGEST_UNITS, amount.LARGEST_UNITS), "down")
    return largest


def most_units(limit: int | None) -> int:
    """What one order may sell. Never more than the largest token of all: beyond it stands a slip of the finger."""
    return min(largest_token(limit) * MOST_TOKENS, int(amount.LARGEST_UNITS))


def quantiser(limit: int | None, *, second_token: bool = False) -> Quantise:
    """The amounts that an order can give. With a second token every tenth counts; without, whole tokens and one step."""
    most = largest_token(limit)

    def quantise(units: int, rounding: Literal["down", "up"]) -> int:
        if second_token:
            return units
        whole, rest = divmod(units, most)
        last: int = amount.quantise(rest, rounding)
        return whole * most + last

    return quantise


def split(units: int, limit: int | None) -> tuple[int, ...]:
    """The units of each token, in the order of entry. Their sum is the amount, and each is exactly encodable."""
    tokens = []
    left = units
    while left:
        token = min(amount.quantise(left, "down"), largest_token(limit))
        tokens.append(token)
        left -= token
    return tuple(tokens)


def step_at(units: int) -> int:
    """The step of a token's amount at this size: 1 up to 1,638.3 kWh, then 10, 100, 1000 tenths."""
    if units >= amount.LARGEST_UNITS:
        return 1000
    exact: int = amount.quantise(units, "down")
    above: int = amount.quantise(exact + 1, "up")
    return above - exact
