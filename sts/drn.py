"""The decoder reference number (DRN): the meter number that people read.

11 digits (2-digit manufacturer code) or 13 digits (4-digit code): code, 8-digit serial, Luhn digit.
"""

from __future__ import annotations

from sts import digits
from sts.checks import luhn_digit
from sts.errors import CheckDigitWrong

WHAT = "A meter number (DRN)"


def compact(text: str) -> str:
    """What people type, without spaces and hyphens."""
    return digits.compact(WHAT, text)


def validate(text: str) -> str:
    """The compact number, or the error that names the broken rule."""
    number = digits.exactly(WHAT, compact(text), 11, 13)
    if luhn_digit(number[:-1]) != number[-1]:
        raise CheckDigitWrong(what="the meter number (DRN)")
    return number


def format(text: str) -> str:
    """For people: manufacturer code, serial in two groups of four, check digit."""
    number = validate(text)
    code, serial = manufacturer(number), number[-9:-1]
    return f"{code} {serial[:4]} {serial[4:]} {number[-1]}"


def of(manufacturer_and_serial: str) -> str:
    """The number with its check digit, from manufacturer code and serial (10 or 12 digits)."""
    body = digits.exactly("Manufacturer code and serial number", manufacturer_and_serial, 10, 12)
    return body + luhn_digit(body)


def manufacturer(text: str) -> str:
    """The manufacturer code: 2 digits of an 11-digit number, 4 of a 13-digit one."""
    return validate(text)[:-9]
