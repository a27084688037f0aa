"""Keys and what belongs to them. A repr never shows key bytes; nothing here stores or derives a key.

KEN (key expiry number): a key serves a token while the upper 8 bits of the token's TID do not exceed it;
255 never expires within the base date. An expired key still serves key change, whose tokens bear no TID.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from sts import tid
from sts.bits import in_range
from sts.errors import (
    DerivationMismatch,
    DerivationUnknown,
    KeyExpired,
    KeyExpiryOutOfRange,
    KeyLengthWrong,
    KeyTypeRefuses,
    KeyTypeUnknown,
    OutOfRange,
    WrongType,
)
from sts.keying import LAST_REVISION, algorithm, format_supply_group, revision, supply_group, tariff_index

if TYPE_CHECKING:
    from sts.tokens import Token

__all__ = [
    "algorithm",
    "format_supply_group",
    "revision",
    "supply_group",
    "tariff_index",
]

NEVER_EXPIRES = 255

DECODER_KEY_BYTES: Mapping[str, int] = {"07": 8, "11": 16}
VENDING_KEY_BYTES: Mapping[str, int] = {"01": 8, "02": 8, "03": 16, "04": 20}
ALGORITHMS_OF_DKGA: Mapping[str, tuple[str, ...]] = {
    "01": ("07",),
    "02": ("07",),
    "03": ("07",),
    "04": ("07", "11"),
}

# The four weak keys of DES with the parity bits cleared: under these, enciphering twice gives the text back.
_WEAK_DES_KEYS = frozenset(
    bytes.fromhex(key)
    for key in ("0000000000000000", "fefefefefefefefe", "e0e0e0e0f0f0f0f0", "1e1e1e1e0e0e0e0e")
)


class KeyType(IntEnum):
    """What a meter is keyed for."""

    DITK = 0  # factory initialisation: carries key change only
    DDTK = 1  # default: not yet assigned; management and key change, no credit
    DUTK = 2  # unique: the ordinary key of one meter
    DCTK = 3  # common: one key for a supply group (magnetic cards)


@dataclass(frozen=True, slots=True)
class VendingKey:
    """The key of a supply group, from which each meter's decoder key is derived."""

    value: bytes = field(repr=False)
    key_type: KeyType
    sgc: str
    krn: int
    ken: int
    base_date: tid.BaseDate
    dkga: str

    def __post_init__(self) -> None:
        if self.dkga not in VENDING_KEY_BYTES:
            raise DerivationUnknown()
        _settle(self, VENDING_KEY_BYTES[self.dkga], f"A vending key for DKGA{self.dkga}")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a key manager should be told; the standard itself ignores DES parity and weak keys."""
        return weaknesses(self.value, self.dkga)


@dataclass(frozen=True, slots=True)
class DecoderKey:
    """The key of one meter, with which its tokens are enciphered."""

    value: bytes = field(repr=False)
    ea: str
    key_type: KeyType
    sgc: str
    krn: int
    ti: str
    ken: int
    base_date: tid.BaseDate

    def __post_init__(self) -> None:
        length = DECODER_KEY_BYTES[algorithm(self.ea)]
        _settle(self, length, f"A decoder key for EA{self.ea}")
        object.__setattr__(self, "ti", tariff_index(self.ti))

    def of_another_meter(self, value: bytes) -> DecoderKey:
        """The key of a meter of which all but its bytes is the same, so that only they are looked at."""
        if len(value) != len(self.value):
            raise KeyLengthWrong(
                what=f"A decoder key for EA{self.ea}", expected=len(self.value), found=len(value)
            )
        found = object.__new__(DecoderKey)
        put = object.__setattr__
        put(found, "value", value)
        put(found, "ea", self.ea)
        put(found, "key_type", self.key_type)
        put(found, "sgc", self.sgc)
        put(found, "krn", self.krn)
        put(found, "ti", self.ti)
        put(found, "ken", self.ken)
        put(found, "base_date", self.base_date)
        return found


def _settle(key: VendingKey | DecoderKey, length: int, what: str) -> None:
    """Checks what both kinds of key have, and turns plain numbers into their named values."""
    if not isinstance(key.value, bytes):
        raise WrongType(what=what, expected="bytes", found=type(key.value).__name__)
    if len(key.value) != length:
        raise KeyLengthWrong(what=what, expected=length, found=len(key.value))
    supply_group(key.sgc)
    revision(key.krn)
    expiry(key.ken)
    object.__setattr__(key, "key_type", key_type(key.key_type))
    object.__setattr__(key, "base_date", tid.base_date(key.base_date))


# ---- the parts of a keying, each with its rule


def next_revision(krn: int) -> int:
    """The revision after this one; nine is followed by one."""
    return revision(krn) % LAST_REVISION + 1


def expiry(ken: object) -> int:
    """A key expiry number (KEN)."""
    try:
        return in_range("KEN", ken, 0, NEVER_EXPIRES)
    except OutOfRange:
        raise KeyExpiryOutOfRange() from None


def key_type(value: object) -> KeyType:
    """The key type of a number."""
    if isinstance(value, bool) or not isinstance(value, int) or not KeyType.DITK <= value <= KeyType.DCTK:
        raise KeyTypeUnknown()
    return KeyType(value)


def require_pairing(dkga: str, ea: str) -> None:
    """DKGA02 and 03 make 64-bit keys, so they go with EA07; DKGA04 goes with both."""
    if algorithm(ea) not in ALGORITHMS_OF_DKGA[dkga]:
        raise DerivationMismatch(dkga=dkga, ea=ea, expected=" or EA".join(ALGORITHMS_OF_DKGA[dkga]))


# ---- what a key may carry


def is_expired(ken: int, token_tid: int) -> bool:
    """Whether a key with this KEN no longer serves a token with this TID."""
    return expiry(ken) != NEVER_EXPIRES and token_tid >> 16 > ken


def may_carry(kind: KeyType, token: Token) -> bool:
    """DITK carries key change only; DDTK everything but credit; DUTK and DCTK everything."""
    if token.token_class == 1:
        return True
    if kind == KeyType.DITK:
        return token.is_key_change
    if kind == KeyType.DDTK:
        return token.token_class != 0
    return True


def require_carries(key: DecoderKey, token: Token) -> None:
    """The meter's rule of key type, then that of expiry."""
    if not may_carry(key.key_type, token):
        raise KeyTypeRefuses(key_type=key.key_type.name, token=token.name)
    token_tid = getattr(token, "tid", None)
    if token_tid is not None and is_expired(key.ken, token_tid):
        raise KeyExpired(ken=key.ken)


def weaknesses(value: bytes, dkga: str) -> tuple[str, ...]:
    """Warnings about a vending key for DES: weak halves, and two halves that are one."""
    if dkga not in ("01", "02", "03"):
        return ()
    halves = [bytes(byte & 0xFE for byte in value[at : at + 8]) for at in range(0, len(value), 8)]
    warnings = []
    if any(half in _WEAK_DES_KEYS for half in halves):
        warnings.append("This is one of the four weak keys of DES; ask for another key.")
    if len(set(halves)) < len(halves):
        warnings.append("Both halves of this key are equal, which makes triple DES single DES.")
    return tuple(warnings)
