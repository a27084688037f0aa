"""Credit tokens of one supply group, one after another, each with its own meter's key: the fast path.

It says the same as `dkga.derive` and `engine.encode` and is compared with them. Whatever is not plainly
in order goes to them, so that every refusal is theirs and is written once. Prepared for a vending key
are the half-done hashes of HMAC for every tariff index; prepared once are the check digits of pairs of
digits, and the checksums of field values (the CRC of fields that share no bit is the XOR of their CRCs).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from sts import amount, checks, ciphers, dkga, engine, keys, wire
from sts.amount import LARGEST_MANTISSA
from sts.ciphers import Cipher, misty1_tables, sta_tables
from sts.ciphers.sta import SAMPLE, Tables
from sts.keys import DecoderKey, KeyType, VendingKey
from sts.tid import LAST
from sts.tokens import Credit

if TYPE_CHECKING:
    from hashlib import _Hash

Issue = Callable[[str, str, int, int, int, int], str]

_TO_THE_TOP = (1 << 64 - wire.CLASS_AT) - 1  # moves the bits of class 0 from where they stand to the top
_NO_PAIR = 1 << 20  # no sum that contains it can be in order
_pairs_after_issuer: Callable[[bytes], tuple[int, ...]] = struct.Struct(">6x6H").unpack


def credit_issuer(vending_key: VendingKey, *, ea: str, tables: Tables = SAMPLE) -> Issue:
    """A function from (PAN, tariff index, subclass, RND, TID, units) to the 20 digits of a credit."""
    keys.require_pairing(vending_key.dkga, ea)
    by_tables = ciphers.by_tables(tables)

    def issue_in_full(pan: str, ti: str, subclass: int, rnd: int, tid: int, units: int) -> str:
        key = dkga.derive(vending_key, pan=pan, ti=ti, ea=ea)
        return engine.encode(Credit(subclass, rnd, tid, units), key, ciphers=by_tables)

    if vending_key.dkga != "04" or vending_key.key_type != KeyType.DUTK:
        return issue_in_full

    encipher = sta_tables.Sta(tables).encipher if ea == "07" else misty1_tables.encipher
    key_bytes = keys.DECODER_KEY_BYTES[ea]
    begun, outer_begun, after_pan = begun_derivations(vending_key, ea)
    first, tid_high, tid_middle, tid_low, units_high, units_low = _block_parts()
    last_tid = min(LAST, vending_key.ken << 16 | 0xFFFF)
    by_issuer, pair, last_pair, in_order = _check_digit_sums()
    class_mask, to_the_top = wire.CLASS_MASK, _TO_THE_TOP

    def issue(pan: str, ti: str, subclass: int, rnd: int, tid: int, units: int) -> str:
        try:
            meter = pan.encode()
            p, q, r, s, t, last = _pairs_after_issuer(meter)
            if (
                by_issuer[meter[:6]] + pair[p] + pair[q] + pair[r] + pair[s] + pair[t] + last_pair[last]
                in in_order
                and 0 <= tid <= last_tid
                and 0 <= units <= LARGEST_MANTISSA
                and 0 <= rnd <= 15
                and 0 <= subclass <= 3
            ):
                inner, outer = begun[ti].copy(), outer_begun.copy()
                inner.update(meter + after_pan)
                outer.update(inner.digest())
                block = encipher(
                    outer.digest()[:key_bytes],
                    first[subclass << 4 | rnd]
                    ^ tid_high[tid >> 16]
                    ^ tid_middle[tid >> 8 & 0xFF]
                    ^ tid_low[tid & 0xFF]
                    ^ units_high[units >> 8]
                    ^ units_low[units & 0xFF],
                )
                # Class 0: its bits vanish where they stand and appear at the top (`wire.insert_class`).
                return str(block + (block & class_mask) * to_the_top).zfill(wire.DIGITS)
        except (TypeError, LookupError, ValueError, AttributeError, struct.error):
            pass
        return issue_in_full(pan, ti, subclass, rnd, tid, units)

    return issue


def encode_credit(key: DecoderKey, cipher: Cipher, subclass: int, rnd: int, tid: int, units: int) -> str:
    """As `engine.encode` of a credit in units, with a key that is there already."""
    if (
        key.key_type != KeyType.DUTK
        or not 0 <= tid <= min(LAST, key.ken << 16 | 0xFFFF)
        or not 0 <= units <= LARGEST_MANTISSA
        or not 0 <= rnd <= 15
        or not 0 <= subclass <= 3
    ):
        return engine.encode(Credit(subclass, rnd, tid, units), key, ciphers={key.ea: cipher})
    first, tid_high, tid_middle, tid_low, units_high, units_low = _block_parts()
    block = cipher.encipher(
        key.value,
        first[subclass << 4 | rnd]
        ^ tid_high[tid >> 16]
        ^ tid_middle[tid >> 8 & 0xFF]
        ^ tid_low[tid & 0xFF]
        ^ units_high[units >> 8]
        ^ units_low[units & 0xFF],
    )
    return str(block + (block & wire.CLASS_MASK) * _TO_THE_TOP).zfill(wire.DIGITS)


def decode_credit(digits: str, key: DecoderKey, cipher: Cipher) -> tuple[int, int, int, int] | None:
    """Subclass, RND, TID and units, if these digits are a credit in units under this key; None if they are anything else.

    It shares no table with `encode_credit` besides the cipher's, so that one checks the other.
    """
    block, token_class = wire.extract_class(wire.from_digits(digits))
    if token_class != 0:
        return None
    block = cipher.decipher(key.value, block)
    subclass, data = block >> 60, block >> 16 & 0xFFF_FFFF_FFFF
    if subclass > 3 or block & 0xFFFF != checks.crc_of_token(0, subclass, data):
        return None
    return subclass, data >> 40, data >> 16 & 0xFF_FFFF, amount.decode(data & 0xFFFF)


def is_pan(text: str) -> bool:
    """Whether `pan.validate` takes these 18 digits as they stand."""
    try:
        meter = text.encode()
        p, q, r, s, t, last = _pairs_after_issuer(meter)
        by_issuer, pair, last_pair, in_order = _check_digit_sums()
        found = by_issuer[meter[:6]] + pair[p] + pair[q] + pair[r] + pair[s] + pair[t] + last_pair[last]
    except (LookupError, ValueError, AttributeError, struct.error):
        return False
    return found in in_order


def begun_derivations(key: VendingKey, ea: str) -> tuple[dict[str, _Hash], _Hash, bytes]:
    """For every tariff index the inner hash of HMAC as far as it; the outer hash; and what follows the PAN."""
    padded = key.value.ljust(hashlib.sha256().block_size, b"\x00")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
    pan = "0" * 18
    begun, after_pan = {}, b""
    for number in range(100):
        ti = f"{number:02d}"
        before_pan, after_pan = dkga.dkga04_data(key, pan, ti, ea).split(pan.encode())
        begun[ti] = inner.copy()
        begun[ti].update(before_pan)
    return begun, outer, after_pan


@cache
def _check_digit_sums() -> tuple[dict[bytes, int], list[int], list[int], frozenset[int]]:
    """Luhn sums of pairs of digits, for the PAN and for the DRN in it, side by side in one number.

    A PAN is nine pairs. In each, the PAN's own sum doubles the first digit and the DRN's sum the second,
    except that the last digit of all is not the DRN's. Three pairs hold the issuer.
    """

    def doubled(digit: int) -> int:
        return sum(divmod(2 * digit, 10))

    def number(of_pan: int, of_drn: int) -> int:
        return of_pan % 10 | of_drn % 10 << 8

    pair, last_pair = [_NO_PAIR] * 0x10000, [_NO_PAIR] * 0x10000
    by_issuer = {b"600727": number(doubled(6) + 0 + 0 + 7 + doubled(2) + 7, 0)}
    for a in range(10):
        for b in range(10):
            text = f"{a}{b}".encode()
            at = int.from_bytes(text, "big")
            pair[at] = number(doubled(a) + b, a + doubled(b))
            last_pair[at] = number(doubled(a) + b, a)
            by_issuer[b"0000" + text] = pair[at]
    in_order = frozenset(of_pan | of_drn << 8 for of_pan in range(0, 64, 10) for of_drn in range(0, 64, 10))
    return by_issuer, pair, last_pair, in_order


@cache
def _block_parts() -> list[list[int]]:
    """The parts of a class 0 block: by subclass with RND, by the bytes of TID, by the bytes of units.

    Each is the field with its part of the checksum; the first also has what the checksum of nothing is.
    """

    def part(subclass: int, data: int) -> int:
        return subclass << 60 | data << 16 | checks.crc_of_token(0, subclass, data)

    nothing = part(0, 0)
    first = [part(value >> 4, (value & 0xF) << 40) for value in range(64)]
    return [
        first,
        *([part(0, byte << shift) ^ nothing for byte in range(256)] for shift in (32, 24, 16, 8, 0)),
    ]
