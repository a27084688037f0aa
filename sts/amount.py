"""Amounts: how many units a 16-bit field can say, and the same for money.

A unit is 0.1 kWh, 0.1 m³ or 0.1 min. The field is e (2 bits) and m (14 bits) and says
t = m·10^e + offset_e, so that above 16,383 units there are steps. `quantise` names the amount that a
token can carry, before anything is priced; `encode` at the wire rounds up, in the customer's favour.
Money is the same code with a 5-bit exponent and a sign, in 0.00001 of the currency's base unit.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from sts.bits import Layout, fits, whole
from sts.errors import AmountNegative, AmountTooLarge, RoundingUnknown

Rounding = Literal["down", "up"]

MANTISSA_WIDTH = 14
LARGEST_MANTISSA = (1 << MANTISSA_WIDTH) - 1
UNIT_EXPONENTS = 4
CURRENCY_EXPONENTS = 32

FIELD = Layout(exponent=2, mantissa=14)
CURRENCY_FIELD = Layout(sign=1, exponent=5, mantissa=14)

OFFSETS = tuple(sum((1 << MANTISSA_WIDTH) * 10**n for n in range(e)) for e in range(CURRENCY_EXPONENTS))
LARGEST_UNITS = OFFSETS[UNIT_EXPONENTS - 1] + LARGEST_MANTISSA * 10 ** (UNIT_EXPONENTS - 1)
LARGEST_CURRENCY = OFFSETS[CURRENCY_EXPONENTS - 1] + LARGEST_MANTISSA * 10 ** (CURRENCY_EXPONENTS - 1)


class CurrencyCode(NamedTuple):
    """A currency amount as a token holds it: four bits apart from sixteen."""

    sign_and_exponent: int
    amount: int


# ---- units


def encode(units: int) -> int:
    """The field for `units`, rounded up to the next amount that it can say."""
    exponent, mantissa = _round_up(_units(units), UNIT_EXPONENTS)
    return FIELD.pack(exponent=exponent, mantissa=mantissa)


def decode(field: int) -> int:
    """The units that a field says."""
    parts = FIELD.unpack(fits("An amount field", field, FIELD.width))
    return _value(parts["exponent"], parts["mantissa"])


def quantise(units: int, rounding: Rounding) -> int:
    """The nearest amount that a token can carry exactly: "down" when selling by money, "up" by energy."""
    return _quantise(_units(units), rounding, UNIT_EXPONENTS)


def is_exact(units: int) -> bool:
    """Whether a token can carry exactly this amount."""
    return quantise(units, "up") == units


# ---- money


def encode_currency(amount_1e5: int) -> CurrencyCode:
    """The code for a signed amount of 0.00001 units; its magnitude is rounded up."""
    amount_1e5 = _currency(amount_1e5)
    exponent, mantissa = _round_up(abs(amount_1e5), CURRENCY_EXPONENTS)
    packed = CURRENCY_FIELD.pack(sign=int(amount_1e5 < 0), exponent=exponent, mantissa=mantissa)
    return CurrencyCode(packed >> 16, packed & 0xFFFF)


def decode_currency(code: CurrencyCode) -> int:
    """The signed amount that a code says."""
    sign_and_exponent = fits("The sign and exponent", code[0], 4)
    parts = CURRENCY_FIELD.unpack(sign_and_exponent << 16 | fits("An amount field", code[1], 16))
    magnitude = _value(parts["exponent"], parts["mantissa"])
    return -magnitude if parts["sign"] else magnitude


def quantise_currency(amount_1e5: int, rounding: Rounding) -> int:
    """The nearest money amount that a token can carry exactly; rounding is by magnitude."""
    amount_1e5 = _currency(amount_1e5)
    magnitude = _quantise(abs(amount_1e5), rounding, CURRENCY_EXPONENTS)
    return -magnitude if amount_1e5 < 0 else magnitude


def is_exact_currency(amount_1e5: int) -> bool:
    """Whether a currency token can carry exactly this amount."""
    return quantise_currency(amount_1e5, "up") == amount_1e5


# ---- the code that both share


def _value(exponent: int, mantissa: int) -> int:
    return int(mantissa * 10**exponent + OFFSETS[exponent])


def _round_up(amount: int, exponents: int) -> tuple[int, int]:
    """The least exponent whose mantissa, rounded up, still fits."""
    for exponent in range(exponents):
        mantissa = -((OFFSETS[exponent] - amount) // 10**exponent)
        if mantissa <= LARGEST_MANTISSA:
            return exponent, mantissa
    raise AssertionError("the range was checked before")


def _quantise(amount: int, rounding: Rounding, exponents: int) -> int:
    if rounding == "up":
        return _value(*_round_up(amount, exponents))
    if rounding == "down":
        exponent = max(e for e in range(exponents) if OFFSETS[e] <= amount)
        return _value(exponent, min((amount - OFFSETS[exponent]) // 10**exponent, LARGEST_MANTISSA))
    raise RoundingUnknown()


def _units(units: int) -> int:
    units = whole("An amount of units", units)
    if units < 0:
        raise AmountNegative()
    if units > LARGEST_UNITS:
        raise AmountTooLarge(largest=LARGEST_UNITS)
    return units


def _currency(amount_1e5: int) -> int:
    amount_1e5 = whole("An amount of money", amount_1e5)
    if abs(amount_1e5) > LARGEST_CURRENCY:
        raise AmountTooLarge(largest=LARGEST_CURRENCY)
    return amount_1e5
