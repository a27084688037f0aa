"""The three checks of the standard: the Luhn digit, CRC-16, and the CRC of currency tokens.

CRC-16 is the reflected polynomial x^16 + x^15 + x^2 + 1 (A001h), begun at FFFFh, with the two bytes
of the result exchanged.
"""

from __future__ import annotations

from collections.abc import Iterable


def luhn_digit(payload: str) -> str:
    """The digit that follows `payload`: from the right, every first digit is doubled and its digits added."""
    total = 0
    for place, digit in enumerate(reversed(payload)):
        if place % 2 == 0:
            total += sum(divmod(2 * int(digit), 10))
        else:
            total += int(digit)
    return str(-total % 10)


def crc16(message: Iterable[int]) -> int:
    register = 0xFFFF
    for byte in message:
        register ^= byte
        for _ in range(8):
            low = register & 1
            register >>= 1
            if low:
                register ^= 0xA001
    return register >> 8 | (register & 0xFF) << 8


def crc_of_token(token_class: int, subclass: int, data: int) -> int:
    """The CRC of class (2 bits), subclass (4) and data (44), zero-padded on the left to 7 bytes."""
    return crc16(_message(token_class, subclass, data))


def crc_of_currency_token(token_class: int, subclass: int, data: int) -> int:
    """CRC_C: as above with one byte 01h behind, so that no unit token passes for a currency token."""
    return crc16(_message(token_class, subclass, data) + b"\x01")


def _message(token_class: int, subclass: int, data: int) -> bytes:
    return (token_class << 48 | subclass << 44 | data).to_bytes(7, "big")
