"""How a customer pays at the desk: pure values and the arithmetic of change.

A tender is a way of paying with an amount; a payment of a sale is one or more tenders that together make its total.
Each way of paying has a ledger account per till, so that the shift's count reads only the ledger.
"""

from dataclasses import dataclass

from vending.errors import InvalidInput
from vending.money import plain, round_cash

WAYS = ("cash", "card")


class TenderTooSmall(InvalidInput):
    code = "tender_too_small"


class TenderUnknown(InvalidInput):
    code = "tender_unknown"


class ReferenceMissing(InvalidInput):
    code = "tender_reference_missing"


@dataclass(frozen=True, slots=True)
class Tender:
    """`received_minor` is what was handed over: for cash it may be more than the sale, and the rest is change."""

    way: str
    received_minor: int
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a tender pays of the sale. `rounding_minor` is what coins could not pay (kept or given up by the site)."""

    way: str
    amount_minor: int
    received_minor: int
    change_minor: int
    rounding_minor: int
    reference: str


def take(tender: Tender, due_minor: int, currency: str) -> Taken:
    """What the till does with this tender when `due_minor` is to be paid."""
    if tender.way not in WAYS:
        raise TenderUnknown(f"{tender.way!r} is not a way to pay here. Choose {', '.join(WAYS)}.", "tender")
    if tender.way == "cash":
        due_in_coins = round_cash(due_minor, currency)
        if tender.received_minor < due_in_coins:
            raise TenderTooSmall(
                f"{plain(tender.received_minor, currency)} is less than the {plain(due_in_coins, currency)} to pay. "
                f"{plain(due_in_coins - tender.received_minor, currency)} is missing.",
                "received",
            )
        return Taken(
            "cash",
            due_in_coins,
            tender.received_minor,
            tender.received_minor - due_in_coins,
            due_in_coins - due_minor,
            tender.reference,
        )
    if tender.way == "card" and not tender.reference.strip():
        raise ReferenceMissing("Type the reference that the card terminal printed.", "reference")
    return Taken(tender.way, due_minor, due_minor, 0, 0, tender.reference.strip())
