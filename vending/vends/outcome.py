"""What becomes of an order when the module has answered for its parts. Pure.

Credit tokens are asked for one after another, so that what came is always the first so many. Money is never taken without
a token or a debt to the customer: what was paid for a token that will not come is kept for his next purchase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keystore.module import Issued, Refused
from vending.vends.plan import ENTRIES, Legs, Settlement, refund_legs
from vending.vends.requests import WITHOUT_MONEY, Part


@dataclass(frozen=True, slots=True)
class Answered:
    """One part with the module's last word on it. A refusal is final: its tombstone is in the log."""

    part: Part
    answer: Issued | Refused


@dataclass(frozen=True, slots=True)
class Decision:
    state: str
    entry: str  # the kind of the entry that ends the order
    legs: Legs
    units: int
    free_units: int
    returned_minor: int
    settles: bool  # what was set aside is used, and not free again
    refusal: Refused | None


def decide(
    kind: str,
    answered: Sequence[Answered],
    settlement: Settlement,
    *,
    paid_minor: int,
    currency: str,
    tenant_key: str | None,
) -> Decision:
    """The end of an order whose parts all have their answers."""
    refused = next((one.answer for one in answered if isinstance(one.answer, Refused)), None)
    credits = [one for one in answered if one.part.kind == "credit"]
    came = [one for one in credits if isinstance(one.answer, Issued)]
    free = [one for one in answered if one.part.kind in WITHOUT_MONEY]
    free_came = [one for one in free if isinstance(one.answer, Issued)]
    anything = any(isinstance(one.answer, Issued) for one in answered)
    free_legs = settlement.free if len(free_came) == len(free) else _scaled(settlement.free, free_came)
    returned = 0
    entry = ENTRIES.get(kind, kind)
    legs, settles = settlement.legs, True
    if credits and len(came) < len(credits):
        short = next((one for one in settlement.shorts if one.tokens == len(came)), None)
        if short is not None:
            legs, returned = short.legs, short.returned_minor
        else:
            legs, returned, settles = (
                _refund(paid_minor, currency, tenant_key, settlement.back),
                paid_minor,
                False,
            )
            entry = "vend-refused" if not free_came else entry
    return Decision(
        ("issued" if refused is None else "partly") if anything or not answered else "refused",
        entry,
        (*legs, *free_legs),
        sum(one.part.units or 0 for one in came),
        sum(one.part.units or 0 for one in free_came),
        returned,
        settles,
        refused,
    )


def _refund(paid_minor: int, currency: str, tenant_key: str | None, back: str) -> Legs:
    if not paid_minor:
        return ()
    assert tenant_key is not None, "money is taken from a customer"
    return refund_legs(paid_minor, currency, tenant_key, back)


def _scaled(legs: Legs, came: Sequence[Answered]) -> Legs:
    """The legs of free units for those that came."""
    units = sum(one.part.units or 0 for one in came)
    return (
        tuple((account, unit, units if amount > 0 else -units) for account, unit, amount in legs)
        if units
        else ()
    )
