"""Class 0: credit, in units of a service (subclass 0-3) or in money (subclass 4-7).

A token holds exactly the amount that it is built with: an amount that the field cannot say is refused
here, because the receipt, the ledger and the token must agree. `sts.amount.quantise` comes before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from sts import amount
from sts.amount import CurrencyCode
from sts.bits import Layout, fits, in_range
from sts.errors import AmountNotEncodable

CREDIT = Layout(rnd=4, tid=24, amount=16)
CURRENCY_CREDIT = Layout(sign_and_exponent=4, tid=24, amount=16)


class Service(IntEnum):
    """What a credit buys; the currency tokens of the same services are four higher."""

    ELECTRICITY = 0  # 0.1 kWh
    WATER = 1  # 0.1 m³
    GAS = 2  # 0.1 m³
    TIME = 3  # 0.1 min


@dataclass(frozen=True, slots=True)
class Credit:
    """Units of a service."""

    token_class: ClassVar[int] = 0
    name: ClassVar[str] = "credit"
    is_key_change: ClassVar[bool] = False

    subclass: int
    rnd: int
    tid: int
    units: int

    def __post_init__(self) -> None:
        in_range("The subclass of a credit in units", self.subclass, 0, 3)
        fits("RND", self.rnd, 4)
        fits("A TID", self.tid, 24)
        require_exact(self.units)

    def pack(self) -> int:
        return CREDIT.pack(rnd=self.rnd, tid=self.tid, amount=amount.encode(self.units))

    @classmethod
    def unpack(cls, subclass: int, data: int) -> Credit:
        fields = CREDIT.unpack(data)
        return cls(subclass, fields["rnd"], fields["tid"], amount.decode(fields["amount"]))


@dataclass(frozen=True, slots=True)
class CurrencyCredit:
    """Money for a service, in 0.00001 of the base unit; negative takes away. There is no RND."""

    token_class: ClassVar[int] = 0
    name: ClassVar[str] = "currency credit"
    is_key_change: ClassVar[bool] = False

    subclass: int
    tid: int
    amount_1e5: int

    def __post_init__(self) -> None:
        in_range("The subclass of a credit in money", self.subclass, 4, 7)
        fits("A TID", self.tid, 24)
        if not amount.is_exact_currency(self.amount_1e5):
            raise AmountNotEncodable(
                amount=self.amount_1e5,
                below=amount.quantise_currency(self.amount_1e5, "down"),
                above=amount.quantise_currency(self.amount_1e5, "up"),
            )

    def pack(self) -> int:
        code = amount.encode_currency(self.amount_1e5)
        return CURRENCY_CREDIT.pack(
            sign_and_exponent=code.sign_and_exponent, tid=self.tid, amount=code.amount
        )

    @classmethod
    def unpack(cls, subclass: int, data: int) -> CurrencyCredit:
        fields = CURRENCY_CREDIT.unpack(data)
        code = CurrencyCode(fields["sign_and_exponent"], fields["amount"])
        return cls(subclass, fields["tid"], amount.decode_currency(code))


def require_exact(units: int) -> None:
    """An amount of units that a field can say exactly."""
    if not amount.is_exact(units):
        raise AmountNotEncodable(
            amount=units, below=amount.quantise(units, "down"), above=amount.quantise(units, "up")
        )
