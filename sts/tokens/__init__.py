"""Tokens as frozen values, and the table from (class, subclass) to the value that it holds.

A value packs itself into 44 bits and is unpacked from them; checksum, cipher and digits are not its
business (`sts.engine`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sts import checks
from sts.errors import ClassReserved
from sts.tokens.credit import Credit, CurrencyCredit, Service
from sts.tokens.key_change import KeyChange1, KeyChange2, KeyChange3, KeyChange4
from sts.tokens.management import (
    ClearCredit,
    ClearTamper,
    PhaseUnbalanceLimit,
    PowerLimit,
    Register,
    SetTariffRate,
    WaterFactor,
)
from sts.tokens.meter_test import Control, MeterTest
from sts.tokens.undefined import Proprietary, Reserved, Unpublished

__all__ = [
    "DEFINED",
    "ENCIPHERED_CLASSES",
    "ClearCredit",
    "ClearTamper",
    "Control",
    "Credit",
    "CurrencyCredit",
    "KeyChange1",
    "KeyChange2",
    "KeyChange3",
    "KeyChange4",
    "MeterTest",
    "PhaseUnbalanceLimit",
    "PowerLimit",
    "Proprietary",
    "Register",
    "Reserved",
    "Service",
    "SetTariffRate",
    "Token",
    "Unpublished",
    "WaterFactor",
    "crc",
    "unpack",
]

Token = (
    Credit
    | CurrencyCredit
    | MeterTest
    | PowerLimit
    | ClearCredit
    | SetTariffRate
    | KeyChange1
    | KeyChange2
    | ClearTamper
    | PhaseUnbalanceLimit
    | WaterFactor
    | KeyChange3
    | KeyChange4
    | Reserved
    | Proprietary
    | Unpublished
)

ENCIPHERED_CLASSES = (0, 2)

DEFINED: dict[tuple[int, int], Callable[[int, int], Token]] = {
    (0, 0): Credit.unpack,
    (0, 1): Credit.unpack,
    (0, 2): Credit.unpack,
    (0, 3): Credit.unpack,
    (0, 4): CurrencyCredit.unpack,
    (0, 5): CurrencyCredit.unpack,
    (0, 6): CurrencyCredit.unpack,
    (0, 7): CurrencyCredit.unpack,
    (1, 0): MeterTest.unpack,
    (1, 1): MeterTest.unpack,
    (1, 2): partial(Unpublished.of, 1),
    (2, 0): PowerLimit.unpack,
    (2, 1): ClearCredit.unpack,
    (2, 2): SetTariffRate.unpack,
    (2, 3): KeyChange1.unpack,
    (2, 4): KeyChange2.unpack,
    (2, 5): ClearTamper.unpack,
    (2, 6): PhaseUnbalanceLimit.unpack,
    (2, 7): WaterFactor.unpack,
    (2, 8): KeyChange3.unpack,
    (2, 9): KeyChange4.unpack,
    (2, 10): partial(Unpublished.of, 2),
}

PROPRIETARY_FROM = {0: 16, 1: 6, 2: 11}


def unpack(token_class: int, subclass: int, data: int) -> Token:
    """The token that 44 bits are, in this class and subclass."""
    if token_class == 3:
        raise ClassReserved(token_class=3)
    defined = DEFINED.get((token_class, subclass))
    if defined is not None:
        return defined(subclass, data)
    if subclass >= PROPRIETARY_FROM[token_class]:
        return Proprietary(token_class, subclass, data)
    return Reserved(token_class, subclass, data)


def crc(token_class: int, subclass: int, data: int) -> int:
    """The checksum: credit in money has one of its own."""
    if token_class == 0 and 4 <= subclass <= 7:
        return checks.crc_of_currency_token(token_class, subclass, data)
    return checks.crc_of_token(token_class, subclass, data)
