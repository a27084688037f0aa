"""The reserved meters and what each does: one table, for the sandbox, the conformance kit and the documents. Pure.

Their numbers carry the manufacturer code 00, which no manufacturer has, and their tokens begin with 9: a number above what
66 bits can hold, so that no meter in the world takes one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sts import drn, pan

SELLER = "SANDBOX"
CURRENCY = "ZAR"
DAILY_DEPOSIT_MINOR = 1_000_000  # given anew each day
COMMISSION_BASIS_POINTS = 150


@dataclass(frozen=True, slots=True)
class ReservedMeter:
    """`outcome` names what happens; the desk acts by it. The others are facts like those of a real meter."""

    serial: int
    outcome: str
    says: str
    debt_minor: int = 0
    free_units: int = 0
    key_change: bool = False
    credit_in: str = "meter"
    token_limit: int | None = None

    @property
    def number(self) -> str:
        return drn.of(f"00{self.serial:08d}")

    @property
    def pan(self) -> str:
        return pan.of("600727", self.number)

    @property
    def owner(self) -> str:
        return f"Sandbox Shop {self.serial}"


RESERVED: tuple[ReservedMeter, ...] = (
    ReservedMeter(1, "sold", "Sells at once: one token."),
    ReservedMeter(
        2, "sold", "Has arrears of 200.00: a quarter of each payment goes there.", debt_minor=20_000
    ),
    ReservedMeter(3, "blocked", "Blocked: 409 `meter_not_for_sale`, before money moves."),
    ReservedMeter(
        4, "sold", "A key change is due: two key-change tokens come first, then the credit.", key_change=True
    ),
    ReservedMeter(
        5, "sold", "Free units are due: a free token of 20.0 kWh comes beside the credit.", free_units=200
    ),
    ReservedMeter(
        6, "sold", "The credit is kept on the account: sold, and no token comes.", credit_in="account"
    ),
    ReservedMeter(7, "slow", "Slow: the answer takes eight seconds."),
    ReservedMeter(
        8, "lost-after", "The answer is lost after the token was issued: the connection ends in mid-answer."
    ),
    ReservedMeter(
        9, "lost-before", "The request is lost before it arrives: the connection ends, and nothing was sold."
    ),
    ReservedMeter(10, "undecided", "Paid and undecided: 202, and issued when it has been asked about twice."),
    ReservedMeter(11, "refused", "Paid, then refused: 409 `order_not_sold`, and the money is back."),
    ReservedMeter(
        12, "away", "The security module is away at the first try: 503 `module_not_ready`, nothing was sold."
    ),
    ReservedMeter(13, "limit", "The seller's limit is reached: 409 `seller_limit_reached`."),
    ReservedMeter(14, "too-fast", "Too fast at the first try: 429 with Retry-After, nothing was sold."),
    ReservedMeter(15, "fault", "A fault at the first try: 500, though the token was issued."),
    ReservedMeter(
        16,
        "sold",
        "Takes at most 100.0 kWh in one token: more comes as several, to be typed in order.",
        token_limit=1000,
    ),
)

_BY_PAN = {meter.pan: meter for meter in RESERVED}


def find(pan_number: str) -> ReservedMeter | None:
    return _BY_PAN.get(pan_number)


def by_outcome(outcome: str) -> ReservedMeter:
    return next(meter for meter in RESERVED if meter.outcome == outcome)


def digits(key: str, order_id: str, position: int) -> str:
    """A made-up token: the same for the same order, and impossible for every meter, because it begins with 9."""
    number = int.from_bytes(hashlib.sha256(f"{key} {order_id} {position}".encode()).digest()[:8], "big")
    return "9" + str(number % 10**19).zfill(19)
