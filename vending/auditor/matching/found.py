"""What is found: differences by name, and the sums of each day, supply group and service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta

GAVE = ("issued", "partly", "reversed")  # tokens came, or the account was credited, or the charge was paid
OPEN = ("asked", "withdrawn", "paid")  # nothing was released
DECIDED_WITHIN = timedelta(minutes=5)  # I-23
# What each difference is, for programs and for the reference.
CODES = {
    "token-unknown": "the log gave a token for an order that the database does not know",
    "token-missing": "the log gave a token, and the decided order has none",
    "entry-missing": "a token in the database has no entry in the log",
    "token-twice": "one entry of the log stands behind two tokens, or one order behind two entries",
    "token-altered": "the digits in the database are not those that the log was made for",
    "units-differ": "the log and the database disagree about a token's energy",
    "meter-differs": "the token stands under another meter than it was made for",
    "slip-differs": "the receipt is not the one that the log was made for",
    "slip-altered": "the stored receipt is not the one whose hash stands beside it",
    "receipt-units-differ": "the receipt tells another energy than its order gave",
    "order-open": "an order is undecided for more than five minutes",
    "order-without-sale": "an order has no receipt",
    "order-units-differ": "an order's tokens carry another energy than the order says",
    "order-tokens-differ": "an order has more or fewer tokens than were asked for and not refused",
    "books-missing": "an order gave something and is not in the books",
    "books-units-differ": "the books tell another energy than the order gave",
    "books-money-differ": "the books took another amount than the order was paid with",
    "books-too-early": "an order that released nothing is in the books",
    "leg-missing": "an entry of the books lacks a leg, or does not balance",
    "books-without-order": "the books have energy or money of an order that does not exist",
    "unpaid": "less was paid than the receipt says",
    "paid-twice": "more was paid than the receipt says",
    "payment-without-sale": "a payment has no sale",
    "payment-not-booked": "a payment is not in the books as it was taken",
    "receipt-gap": "numbers are missing in a series of receipts",
    "receipt-twice": "a number of a series of receipts was given twice or out of order",
    "event-twice": "the end of an order was announced twice",
}


@dataclass(frozen=True, slots=True)
class Difference:
    code: str
    subject: str  # the order, sale, entry or series that it is about
    sentence: str


@dataclass(slots=True)
class Sums:
    """One supply group, service and day, as each record tells it. Energy in units, money in minor units."""

    log_entries: int = 0
    log_units: int = 0
    token_units: int = 0
    book_units: int = 0
    receipt_units: int = 0
    paid_minor: int = 0
    booked_minor: int = 0

    @property
    def agree(self) -> bool:
        return (
            self.log_units == self.token_units == self.book_units == self.receipt_units
            and self.paid_minor == self.booked_minor
        )


Place = tuple[date, str, str]  # the site's day, the supply group, the service
DayOf = Callable[[datetime, str], date]  # a moment and a site's key -> the day there
Within = Callable[[datetime], bool]  # whether a moment is looked at


@dataclass(slots=True)
class Found:
    differences: list[Difference] = field(default_factory=list)
    sums: dict[Place, Sums] = field(default_factory=dict)
    adopted: int = 0  # taken in after a restore, without money: known, and no difference
    in_flight: int = 0  # paid a moment ago and not decided yet
    rows: int = 0

    def add(self, code: str, subject: str, sentence: str) -> None:
        assert code in CODES
        self.differences.append(Difference(code, subject, sentence))

    def sums_of(self, day: date, sgc: str, service: str) -> Sums:
        place = (day, sgc, service)
        found = self.sums.get(place)
        if found is None:
            found = self.sums[place] = Sums()
        return found

    def take(self, other: Found) -> None:
        """What was found elsewhere, after what was found here."""
        self.differences += other.differences
        self.adopted += other.adopted
        self.in_flight += other.in_flight
        self.rows += other.rows
        for place, theirs in other.sums.items():
            ours = self.sums_of(*place)
            for each in fields(Sums):
                setattr(ours, each.name, getattr(ours, each.name) + getattr(theirs, each.name))
