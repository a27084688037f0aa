"""Key check values: three bytes by which people recognise a key without seeing it.

DES keys (DKGA01 to 03): the first three bytes of the enciphered zero block. The 160-bit keys of DKGA04: the first three
bytes of HMAC-SHA-256(key, "KCV"); how STS 600-4-2 does it could not be verified, so this may differ from other
systems. Never more than 24 bits, so that a check value is no way to try keys out.
"""

from __future__ import annotations

import hmac


def of(value: bytes) -> str:
    """Six hexadecimal digits, upper case."""
    if len(value) == 20:
        return hmac.digest(value, b"KCV", "sha256")[:3].hex().upper()
    from Crypto.Cipher import DES, DES3  # only old keys need it

    if len(value) == 8:
        return bytes(DES.new(value, DES.MODE_ECB).encrypt(bytes(8)))[:3].hex().upper()  # noqa: S304
    return bytes(DES3.new(value, DES3.MODE_ECB).encrypt(bytes(8)))[:3].hex().upper()
