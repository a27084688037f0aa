"""Many tokens at once, in arrays: the same standard, vectorised. Needs numpy, which nothing else here does.

For campaigns, for checking a whole issuance log, and for the batteries that try millions of digits. What is
derived and encoded here is compared with the engine. An error names the place of the first bad value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sts import amount, checks, dkga, keys, pan, wire
from sts.ciphers import misty1_arrays
from sts.ciphers.sta import SAMPLE, Tables
from sts.ciphers.sta_arrays import StaArrays
from sts.errors import AmountNotEncodable, KeyLengthWrong, LengthsDiffer, OutOfRange, WrongType
from sts.fast import begun_derivations
from sts.keys import VendingKey

CHUNK = 1 << 14  # tokens worked on at a time, so that the arrays of a round stay in the cache

Numbers = NDArray[np.uint64]
KeyBytes = NDArray[np.uint8]
Digits = NDArray[np.bytes_]


@dataclass(frozen=True, slots=True)
class Reading:
    """What many strings of 20 digits say; where `in_range` or `crc_holds` is false, the rest means nothing."""

    in_range: NDArray[np.bool_]
    crc_holds: NDArray[np.bool_]
    token_class: Numbers
    subclass: Numbers
    data: Numbers


# ---- keys


def derive(vending_key: VendingKey, pans: Sequence[str], tis: Sequence[str], *, ea: str) -> KeyBytes:
    """The decoder key of each meter, one row each."""
    keys.require_pairing(vending_key.dkga, ea)
    if len(pans) != len(tis):
        raise LengthsDiffer(left=len(pans), right=len(tis))
    length = keys.DECODER_KEY_BYTES[ea]
    if vending_key.dkga != "04" or vending_key.key_type == keys.KeyType.DCTK or not _all_hold(pans):
        one_by_one = [
            dkga.derive(vending_key, pan=pan, ti=ti, ea=ea).value for pan, ti in zip(pans, tis, strict=True)
        ]
        return np.frombuffer(b"".join(one_by_one), dtype=np.uint8).reshape(-1, length)
    begun, outer, after_pan = begun_derivations(vending_key, ea)
    digests = []
    for meter, ti in zip(pans, tis, strict=True):
        inner_hash, outer_hash = begun[keys.tariff_index(ti)].copy(), outer.copy()
        inner_hash.update(meter.encode() + after_pan)
        outer_hash.update(inner_hash.digest())
        digests.append(outer_hash.digest())
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 32)[:, :length]


def _all_hold(pans: Sequence[str]) -> bool:
    """Whether all are 18 digits with both check digits right."""
    if any(not isinstance(meter, str) or len(meter) != 18 for meter in pans):
        return False
    joined = "".join(pans)
    if not joined.isascii():
        return False
    digits = np.frombuffer(joined.encode(), dtype=np.uint8).reshape(-1, 18) - np.uint8(ord("0"))
    if (digits > 9).any():
        return False
    doubled = np.array([sum(divmod(2 * digit, 10)) for digit in range(10)], dtype=np.uint8)[digits]
    holds = (digits[:, 1::2].sum(axis=1) + doubled[:, ::2].sum(axis=1)) % 10 == 0
    known = np.zeros(len(digits), dtype=bool)
    for iin in pan.DRN_LENGTH:
        first = len(iin)
        of_issuer = (digits[:, :first] == [int(digit) for digit in iin]).all(axis=1)
        drn_sum = digits[:, first:17:2].sum(axis=1) + doubled[:, first + 1 : 17 : 2].sum(axis=1)
        known |= of_issuer & (drn_sum % 10 == 0)
    return bool((holds & known).all())


# ---- tokens out


def credits(
    decoder_keys: KeyBytes, *, ea: str, subclass: Any, rnd: Any, tid: Any, units: Any, tables: Tables = SAMPLE
) -> Digits:
    """Credits in units, one for each key; every value is an array or one number for all."""
    count = len(decoder_keys)
    data = _numbers("RND", rnd, count, 15) << np.uint64(40)
    data |= _numbers("TID", tid, count, (1 << 24) - 1) << np.uint64(16)
    data |= _amount_fields(_numbers("The amount", units, count, amount.LARGEST_UNITS))
    return encode(0, _numbers("The subclass", subclass, count, 3), data, decoder_keys, ea=ea, tables=tables)


def encode(
    token_class: int,
    subclass: Any,
    data: Any,
    decoder_keys: KeyBytes,
    *,
    ea: str,
    tables: Tables = SAMPLE,
) -> Digits:
    """Tokens of one class from their subclasses and 44 bits of data: checksum, cipher, class bits, digits."""
    decoder_keys = _keys(decoder_keys, ea)
    count = len(decoder_keys)
    subclasses, datas = (
        _numbers("The subclass", subclass, count, 15),
        _numbers("The data", data, count, (1 << 44) - 1),
    )
    if token_class not in (0, 1, 2):
        raise OutOfRange(what="The class", low=0, high=2)
    algorithm = cipher(ea, tables)
    digits = np.empty((count, wire.DIGITS // 4), dtype=np.uint32)
    for at in range(0, count, CHUNK):
        chunk = slice(at, at + CHUNK)
        block = subclasses[chunk] << np.uint64(60) | datas[chunk] << np.uint64(16)
        block |= _crc(token_class, subclasses[chunk], datas[chunk])
        if token_class != 1:
            block = algorithm.encipher(decoder_keys[chunk], block)
        displaced = block >> np.uint64(wire.CLASS_AT) & np.uint64(3)
        block &= np.uint64(~wire.CLASS_MASK & (1 << 64) - 1)
        block |= np.uint64(token_class << wire.CLASS_AT)
        digits[chunk] = _to_digits(displaced, block)
    return digits.view(f"S{wire.DIGITS}").reshape(count)


def as_text(digits: Digits) -> list[str]:
    """The tokens as strings."""
    text: list[str] = digits.astype(f"U{wire.DIGITS}").tolist()
    return text


# ---- tokens in


def read(digits: Digits, decoder_keys: KeyBytes, *, ea: str, tables: Tables = SAMPLE) -> Reading:
    """What strings of 20 ASCII digits say under these keys. Digits must be an array of type S20."""
    decoder_keys = _keys(decoder_keys, ea)
    count = len(decoder_keys)
    algorithm = cipher(ea, tables)
    in_range, top, low = _from_digits(digits, count)
    reading = Reading(
        in_range, np.zeros(count, dtype=bool), *(np.zeros(count, dtype=np.uint64) for _ in range(3))
    )
    for at in range(0, count, CHUNK):
        chunk = slice(at, at + CHUNK)
        token_class = low[chunk] >> np.uint64(wire.CLASS_AT) & np.uint64(3)
        block = low[chunk] & np.uint64(~wire.CLASS_MASK & (1 << 64) - 1) | top[chunk] << np.uint64(
            wire.CLASS_AT
        )
        clear = np.where(token_class % 2 == 1, block, algorithm.decipher(decoder_keys[chunk], block))
        subclass, data = clear >> np.uint64(60), clear >> np.uint64(16) & np.uint64((1 << 44) - 1)
        expected = np.zeros(len(clear), dtype=np.uint64)
        for number in range(3):
            of_class = token_class == number
            expected[of_class] = _crc(number, subclass[of_class], data[of_class])
        reading.crc_holds[chunk] = (clear & np.uint64(0xFFFF)) == expected
        reading.crc_holds[chunk] &= in_range[chunk] & (token_class != 3)
        reading.token_class[chunk], reading.subclass[chunk], reading.data[chunk] = token_class, subclass, data
    return reading


# ---- the steps


class ArrayCipher(Protocol):
    """One algorithm over arrays: a row of key bytes and a block for each token."""

    def encipher(self, keys: KeyBytes, blocks: Numbers, /) -> Numbers: ...
    def decipher(self, keys: KeyBytes, blocks: Numbers, /) -> Numbers: ...


def cipher(ea: str, tables: Tables = SAMPLE) -> ArrayCipher:
    """The algorithm by its number (EA)."""
    return _sta(tables) if keys.algorithm(ea) == "07" else misty1_arrays


@cache
def _sta(tables: Tables) -> StaArrays:
    return StaArrays(tables)


def _amount_fields(units: Numbers) -> Numbers:
    """The amount code; an amount that it cannot say exactly is refused."""
    offsets = np.array(amount.OFFSETS[: amount.UNIT_EXPONENTS], dtype=np.int64)
    signed = units.astype(np.int64)
    exponent = np.searchsorted(offsets, signed, side="right") - 1
    power = np.array([10**e for e in range(amount.UNIT_EXPONENTS)], dtype=np.int64)[exponent]
    mantissa, rest = np.divmod(signed - offsets[exponent], power)
    inexact = np.flatnonzero((rest != 0) | (mantissa > amount.LARGEST_MANTISSA))
    if len(inexact):
        first = int(units[inexact[0]])
        raise AmountNotEncodable(
            amount=first, below=amount.quantise(first, "down"), above=amount.quantise(first, "up")
        )
    fields: Numbers = (exponent << amount.MANTISSA_WIDTH | mantissa).astype(np.uint64)
    return fields


_CRC_PART = 13  # bits of data that one table of checksums covers; four tables cover 52


def _crc(token_class: int, subclass: Numbers, data: Numbers) -> Numbers:
    """The checksum from its parts; credit in money has one of its own."""
    plain = _crc_from(_crc_tables(token_class, 0), subclass, data)
    if token_class != 0:
        return plain
    of_money = (subclass >= 4) & (subclass <= 7)
    if not of_money.any():
        return plain
    return np.where(of_money, _crc_from(_crc_tables(0, 4), subclass, data), plain)


def _crc_from(tables: NDArray[np.uint16], subclass: Numbers, data: Numbers) -> Numbers:
    message = subclass << np.uint64(44) | data
    mask = np.uint64((1 << _CRC_PART) - 1)
    crc = tables[0][message & mask]
    for part in range(1, 4):
        crc = crc ^ tables[part][message >> np.uint64(part * _CRC_PART) & mask]
    checksum: Numbers = crc.astype(np.uint64)
    return checksum


@cache
def _crc_tables(token_class: int, kind: int) -> NDArray[np.uint16]:
    """The checksum of each part alone, XOR that of nothing, which the first table keeps."""
    crc_of = checks.crc_of_currency_token if kind else checks.crc_of_token

    def crc(message: int) -> int:
        return crc_of(token_class, message >> 44, message & (1 << 44) - 1)

    nothing = crc(0)
    tables = np.zeros((4, 1 << _CRC_PART), dtype=np.uint16)
    for part in range(4):
        for bit in range(_CRC_PART):
            place = part * _CRC_PART + bit
            alone = crc(1 << place) ^ nothing if place < 48 else 0
            tables[part, 1 << bit : 2 << bit] = tables[part, : 1 << bit] ^ alone
    tables[0] ^= nothing
    return tables


_TEN_DIGITS = 10**10
_TOP_IN_TEN_DIGITS = divmod(1 << 64, _TEN_DIGITS)


@cache
def _four_digits() -> NDArray[np.uint32]:
    """[number below 10,000] -> its four characters as they lie in memory."""
    return np.frombuffer("".join(f"{number:04d}" for number in range(10_000)).encode(), dtype=np.uint32)


def _to_digits(top: Numbers, low: Numbers) -> NDArray[np.uint32]:
    """Five groups of four characters of the numbers top·2^64 + low, by two halves of ten digits."""
    high_part, low_part = _TOP_IN_TEN_DIGITS
    left, right = np.divmod(low, np.uint64(_TEN_DIGITS))
    right += top * np.uint64(low_part)
    carry = right // np.uint64(_TEN_DIGITS)
    right -= carry * np.uint64(_TEN_DIGITS)
    left += top * np.uint64(high_part) + carry
    characters = _four_digits()
    groups = np.empty((len(low), 5), dtype=np.uint32)
    left_rest, left_two = np.divmod(left, np.uint64(100))
    right_two, right_rest = np.divmod(right, np.uint64(100_000_000))
    high, middle = np.divmod(left_rest, np.uint64(10_000))
    groups[:, 0], groups[:, 1] = characters[high], characters[middle]
    groups[:, 2] = characters[left_two * np.uint64(100) + right_two]
    high, middle = np.divmod(right_rest, np.uint64(10_000))
    groups[:, 3], groups[:, 4] = characters[high], characters[middle]
    return groups


def _from_digits(digits: Digits, count: int) -> tuple[NDArray[np.bool_], Numbers, Numbers]:
    """Whether the numbers are below 2^66, their bits 64 and 65, and their low 64 bits."""
    if not isinstance(digits, np.ndarray) or digits.dtype != np.dtype(f"S{wire.DIGITS}"):
        raise WrongType(
            what="The tokens", expected="an array of 20 digits each (S20)", found=type(digits).__name__
        )
    if len(digits) != count:
        raise LengthsDiffer(left=len(digits), right=count)
    values = np.ascontiguousarray(digits).view(np.uint8).reshape(count, wire.DIGITS) - np.uint8(ord("0"))
    all_digits = (values <= 9).all(axis=1)
    powers = 10 ** np.arange(9, -1, -1, dtype=np.uint64)
    left, right = values[:, :10].astype(np.uint64) @ powers, values[:, 10:].astype(np.uint64) @ powers
    top = np.zeros(count, dtype=np.uint64)
    for number in (1, 2, 3, 4):
        high_part, low_part = divmod(number << 64, _TEN_DIGITS)
        top += (left > high_part) | ((left == high_part) & (right >= low_part))
    low = left * np.uint64(_TEN_DIGITS) + right  # modulo 2^64
    return all_digits & (top < 4), top & np.uint64(3), low


# ---- what is taken in


def _numbers(what: str, values: Any, count: int, highest: int) -> Numbers:
    try:
        given = np.asarray(values)
    except (ValueError, TypeError):
        given = np.asarray(None)
    if given.dtype.kind not in "iu" or given.ndim > 1:
        raise WrongType(what=what, expected="whole numbers", found=type(values).__name__)
    if given.ndim and len(given) != count:
        raise LengthsDiffer(left=len(given), right=count)
    wrong = np.flatnonzero((given < 0) | (given > highest))
    if len(wrong):
        raise OutOfRange(what=f"{what} at place {wrong[0]}", low=0, high=highest)
    return np.broadcast_to(given.astype(np.uint64), (count,)).copy()


def _keys(decoder_keys: KeyBytes, ea: str) -> KeyBytes:
    length = keys.DECODER_KEY_BYTES[keys.algorithm(ea)]
    if not isinstance(decoder_keys, np.ndarray) or decoder_keys.dtype != np.uint8 or decoder_keys.ndim != 2:
        raise WrongType(
            what="The decoder keys", expected="rows of bytes (uint8)", found=type(decoder_keys).__name__
        )
    if decoder_keys.shape[1] != length:
        raise KeyLengthWrong(what=f"A decoder key for EA{ea}", expected=length, found=decoder_keys.shape[1])
    return decoder_keys
