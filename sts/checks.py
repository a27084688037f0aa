"""The three checks of the standard: the Luhn digit, CRC-16, and the CRC of currency tokens.

CRC-16 is the reflected polynomial x^16 + x^15 + x^2 + 1 (A001h), begun at FFFFh, with the two bytes
of the result exchanged.
"""

from __future__ import annotations

from collections.abc import Iterable

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # twice a digit, its own digits added
_ZERO = ord("0")
_AS_DOUBLED = bytes(_ZERO) + bytes(_DOUBLED) + bytes(256 - _ZERO - len(_DOUBLED))


def luhn_digit(payload: str) -> str:
    """The digit that follows `payload`: from the right, every other digit is doubled, the first one too."""
    if payload and not (payload.isascii() and payload.isdecimal()):
        raise ValueError("a Luhn digit follows digits")
    digits = payload.encode()
    doubled, plain = digits[::-2].translate(_AS_DOUBLED), digits[-2::-2]
    return str(-(sum(doubled) + sum(plain) - _ZERO * len(plain)) % 10)


def crc16(message: Iterable[int]) -> int:
    register = 0xFFFF
    for byte in message:
        register = register >> 8 ^ _OF_BYTE[(register ^ byte) & 0xFF]
    return register >> 8 | (register & 0xFF) << 8


def _shifted(register: int) -> int:
    """The register after the eight bits of a byte."""
    for _ in range(8):
        low = register & 1
        register >>= 1
        if low:
            register ^= 0xA001
    return register


_OF_BYTE = tuple(map(_shifted, range(256)))


def crc_of_token(token_class: int, subclass: int, data: int) -> int:
    """The CRC of class (2 bits), subclass (4) and data (44), zero-padded on the left to 7 bytes."""
    return crc16(_message(token_class, subclass, data))


def crc_of_currency_token(token_class: int, subclass: int, data: int) -> int:
    """CRC_C: as above with one byte 01h behind, so that no unit token passes for a currency token."""
    return crc16(_message(token_class, subclass, data) + b"\x01")


def _message(token_class: int, subclass: int, data: int) -> bytes:
    return (token_class << 48 | subclass << 44 | data).to_bytes(7, "big")
