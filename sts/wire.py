"""From a 64-bit block and its class to 20 digits, and back.

The two bits of the class stand at bits 28 and 27 of the 66; what stood there moves to bits 65 and 64.
A block is subclass (4), data (44) and CRC (16).
"""

from __future__ import annotations

from sts import digits as separated
from sts.bits import Layout, fits
from sts.errors import TokenLengthWrong, TokenNotDigits, TokenTooLarge, WrongType

BLOCK = Layout(subclass=4, data=44, crc=16)
DIGITS = 20
WIDTH = 66
CLASS_AT = 27

CLASS_MASK = 0b11 << CLASS_AT
_BLOCK_MASK = (1 << 64) - 1


def insert_class(block: int, token_class: int) -> int:
    """66 bits from 64 and the class."""
    block, token_class = fits("A block", block, 64), fits("A token class", token_class, 2)
    displaced = block >> CLASS_AT & 0b11
    return displaced << 64 | block & ~CLASS_MASK | token_class << CLASS_AT


def extract_class(token: int) -> tuple[int, int]:
    """The 64-bit block and the class from 66 bits."""
    token = fits("A token", token, WIDTH)
    token_class = token >> CLASS_AT & 0b11
    displaced = token >> 64
    return token & _BLOCK_MASK & ~CLASS_MASK | displaced << CLASS_AT, token_class


def to_digits(token: int) -> str:
    """66 bits as 20 digits, with leading zeros."""
    return str(fits("A token", token, WIDTH)).zfill(DIGITS)


def from_digits(digits: str) -> int:
    """66 bits from exactly 20 digits; anything else has its own error."""
    if not isinstance(digits, str):
        raise WrongType(what="A token", expected="text", found=type(digits).__name__)
    if not (digits.isascii() and digits.isdigit()):
        raise TokenNotDigits()
    if len(digits) != DIGITS:
        raise TokenLengthWrong(found=len(digits))
    token = int(digits)
    if token >> WIDTH:
        raise TokenTooLarge()
    return token


def compact(text: str) -> str:
    """What people type, without the spaces and hyphens between groups."""
    return separated.compact("A token", text)


def group(digits: str) -> str:
    """The form that people read: five groups of four."""
    digits = to_digits(from_digits(compact(digits)))
    return " ".join(digits[at : at + 4] for at in range(0, DIGITS, 4))
