"""How a customer pays at the desk: pure values and the arithmetic of change.

A tender is a way of paying with an amount; a payment of a sale is one or more tenders that together make its total.
Each way of paying has a ledger account per drawer, so that the shift's count reads only the ledger (decisions.md D20).
Only cash gives change and only cash is rounded to coins; every other way pays exactly what it says.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from vending.errors import InvalidInput
from vending.money import plain, round_cash

WAYS = ("cash", "card", "cheque", "transfer", "voucher", "account")
# A third-party seller's money. Never offered at a till: his own API key alone spends it (`plan.Basket.check`).
SELLER = "seller"
# What another party must find again: each of these ways names the paper, terminal or account behind it.
NEEDS_REFERENCE = {
    "card": "Type the reference that the card terminal printed.",
    "cheque": "Type the number of the cheque.",
    "transfer": "Type the reference of the bank transfer.",
    "voucher": "Type the number of the voucher.",
}
MOST_TENDERS = 8


class TenderTooSmall(InvalidInput):
    code = "tender_too_small"


class TenderTooLarge(InvalidInput):
    """Only cash gives change."""

    code = "tender_too_large"


class TenderUnknown(InvalidInput):
    code = "tender_unknown"


class TenderTwice(InvalidInput):
    code = "tender_twice"


class AccountShort(InvalidInput):
    """The tenant's balance is less than what it should pay."""

    code = "account_short"


class TransferUsed(InvalidInput):
    """One payment never becomes two tokens."""

    code = "transfer_used"


class ReferenceMissing(InvalidInput):
    code = "tender_reference_missing"


@dataclass(frozen=True, slots=True)
class Tender:
    """`received_minor` is what was handed over: for cash it may be more than is due, and the rest is change. None is
    exactly what is still due. The reference of `account` is the key of the tenant whose balance pays."""

    way: str
    received_minor: int | None = None
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


def take(tenders: Sequence[Tender], due_minor: int, currency: str) -> tuple[Taken, ...]:
    """What the till does with these tenders when `due_minor` is to be paid: cash comes last, whatever its place."""
    _check(tenders)
    left = due_minor
    taken: dict[int, Taken] = {}
    for place, tender in enumerate(tenders):
        if tender.way != "cash":
            taken[place] = _exact(tender, left, currency)
            left -= taken[place].amount_minor
    cash = next((place for place, tender in enumerate(tenders) if tender.way == "cash"), None)
    if cash is not None:
        taken[cash] = _cash(tenders[cash], left, currency)
    elif left:
        raise TenderTooSmall(
            f"{plain(due_minor - left, currency)} of {plain(due_minor, currency)} is paid. "
            f"{plain(left, currency)} is missing.",
            "received",
        )
    return tuple(taken[place] for place in sorted(taken))


def same_paper(reference: str) -> str:
    """A reference without what people type differently: small or capital letters, spaces, wide figures."""
    return "".join(unicodedata.normalize("NFKC", reference).split()).upper()


def channel_of(tenders: Sequence[Tender]) -> str:
    """The way of paying by which a tariff's channel fee is priced: whatever is not cash comes first, because that is what
    costs the seller something. It cannot depend on amounts, which depend on the fee."""
    ways = [tender.way for tender in tenders]
    return next((way for way in ways if way != "cash"), "cash" if ways else "")


def account_of(way: str, drawer: str, reference: str = "") -> str:
    """The ledger account that a tender's money comes into: one per drawer and way of paying, or the tenant's own balance."""
    return f"customer/{reference}" if way == "account" else f"{way}/{drawer.lower()}"


def _check(tenders: Sequence[Tender]) -> None:
    if len(tenders) > MOST_TENDERS:
        raise TenderTwice(
            f"One payment is made in at most {MOST_TENDERS} parts. Put some of them together.", "tender"
        )
    for tender in tenders:
        if tender.way not in (*WAYS, SELLER):
            raise TenderUnknown(
                f"{tender.way!r} is not a way to pay here. Choose {', '.join(WAYS)}.", "tender"
            )
        if tender.received_minor is not None and tender.received_minor < 0:
            raise TenderTooSmall(
                "A tender must not be below zero. To give money back, use a refund.", "received"
            )
    if sum(tender.way == "cash" for tender in tenders) > 1:
        raise TenderTwice("Cash stands in this payment twice. Add the two sums and type them once.", "tender")
    named = [(tender.way, same_paper(tender.reference)) for tender in tenders if tender.way != "cash"]
    if len(set(named)) < len(named):
        raise TenderTwice(
            "The same reference stands in this payment twice. Type each paper once.", "reference"
        )


def _exact(tender: Tender, left: int, currency: str) -> Taken:
    amount = left if tender.received_minor is None else tender.received_minor
    reference = " ".join(tender.reference.split())
    if amount and not reference and tender.way in NEEDS_REFERENCE:
        raise ReferenceMissing(NEEDS_REFERENCE[tender.way], "reference")
    if len(reference) > 80:
        raise TenderUnknown("A reference has at most 80 characters. Type its last part.", "reference")
    if amount > left:
        raise TenderTooLarge(
            f"{plain(amount, currency)} is more than the {plain(left, currency)} that is still due, and only cash gives "
            "change. Type what is due, or sell for more.",
            "received",
        )
    return Taken(tender.way, amount, amount, 0, 0, reference)


def _cash(tender: Tender, left: int, currency: str) -> Taken:
    due_in_coins = round_cash(left, currency)
    if left and not due_in_coins:
        # Rounded to nothing it would be energy without money, as often as somebody asks for so little.
        raise TenderTooSmall(
            f"{plain(left, currency)} is less than coins can pay. Sell for more, or let the customer pay it another way.",
            "received",
        )
    received = due_in_coins if tender.received_minor is None else tender.received_minor
    if received < due_in_coins:
        raise TenderTooSmall(
            f"{plain(received, currency)} is less than the {plain(due_in_coins, currency)} to pay. "
            f"{plain(due_in_coins - received, currency)} is missing.",
            "received",
        )
    return Taken(
        "cash",
        due_in_coins,
        received,
        received - due_in_coins,
        due_in_coins - left,
        " ".join(tender.reference.split()),
    )
