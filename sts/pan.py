"""The meter's primary account number (PAN): 18 digits = issuer (IIN), DRN, one Luhn digit over both.

IIN 600727 holds 11-digit DRNs, IIN 0000 holds 13-digit DRNs. Barcodes and cards carry the compact form.
"""

from __future__ import annotations

from sts import digits, drn
from sts.checks import luhn_digit
from sts.errors import CheckDigitWrong, IssuerMismatch, IssuerUnknown

WHAT = "A meter PAN"
DRN_LENGTH = {"600727": 11, "0000": 13}


def compact(text: str) -> str:
    """What people type, without spaces and hyphens; also the form for scanning."""
    return digits.compact(WHAT, text)


def validate(text: str) -> str:
    """The compact number, or the error that names the broken rule."""
    number = digits.exactly(WHAT, compact(text), 18)
    if luhn_digit(number[:-1]) != number[-1]:
        raise CheckDigitWrong(what="the meter PAN")
    drn.validate(number[len(_issuer(number)) : -1])
    return number


def format(text: str) -> str:
    """For people: issuer, DRN and check digit apart."""
    number = validate(text)
    iin, meter_number = split(number)
    return f"{iin} {meter_number} {number[-1]}"


def of(iin: str, meter_number: str) -> str:
    """The PAN of the meter with this DRN."""
    iin = issuer(iin)
    meter_number = drn.validate(meter_number)
    if len(meter_number) != DRN_LENGTH[iin]:
        raise IssuerMismatch(iin=iin, expected=DRN_LENGTH[iin], found=len(meter_number))
    return iin + meter_number + luhn_digit(iin + meter_number)


def split(text: str) -> tuple[str, str]:
    """Issuer and DRN of a PAN: the mirror of `of`."""
    number = validate(text)
    iin = _issuer(number)
    return iin, number[len(iin) : -1]


def issuer(iin: str) -> str:
    """An issuer number that the standard knows."""
    if not isinstance(iin, str) or iin not in DRN_LENGTH:
        raise IssuerUnknown()
    return iin


def _issuer(number: str) -> str:
    for iin in DRN_LENGTH:
        if number.startswith(iin):
            return iin
    raise IssuerUnknown()
