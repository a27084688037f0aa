"""Decoder key generation algorithms: from a supply group's vending key to one meter's decoder key.

DKGA02 and DKGA04 are complete; DKGA03 stands on one published vector; DKGA01 is refused. Only what is
listed here enters a key: KEN, token carrier and roll-over do not; EA and base date enter in DKGA04 only.
DES is the standard's choice of 1993 and cannot be repaired in software; its parity bits are ignored.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from sts import keys
from sts import pan as pans
from sts.errors import DerivationRefused, DerivationUnknown
from sts.keys import DecoderKey, KeyType, VendingKey
from sts.tid import BaseDate


def derive(vending_key: VendingKey, *, pan: str, ti: str, ea: str) -> DecoderKey:
    """The decoder key of the meter with this PAN, tariff index and algorithm."""
    keys.require_pairing(vending_key.dkga, ea)
    value = ALGORITHMS[vending_key.dkga](vending_key, pans.validate(pan), keys.tariff_index(ti), ea)
    return DecoderKey(
        value=value,
        ea=ea,
        key_type=vending_key.key_type,
        sgc=vending_key.sgc,
        krn=vending_key.krn,
        ti=ti,
        ken=vending_key.ken,
        base_date=vending_key.base_date,
    )


def pan_block(meter_pan: str, key_type: KeyType) -> int:
    """16 BCD digits: the last 5 (or 3) digits of the issuer and the DRN; a common key leaves the DRN out."""
    iin, drn = pans.split(meter_pan)
    if key_type == KeyType.DCTK:
        drn = "0" * len(drn)
    return int((iin + drn)[-16:], 16)


def control_block(key_type: KeyType, sgc: str, ti: str, krn: int) -> int:
    """16 digits: key type, supply group, tariff index, revision, then FFFFFF."""
    return int(f"{int(key_type)}{sgc}{ti}{krn}FFFFFF", 16)


def dkga02(key: VendingKey, meter_pan: str, ti: str, ea: str) -> bytes:
    """DES(vending key, X) xor X xor vending key, where X is PAN block xor control block."""
    block = _block(key, meter_pan, ti)
    return _xor(_xor(_des(key.value, block), block), key.value)


def dkga03(key: VendingKey, meter_pan: str, ti: str, ea: str) -> bytes:
    """Two-key triple DES of X, xor X. One vector is known; not recommended for new meters."""
    block = _block(key, meter_pan, ti)
    first, second = key.value[:8], key.value[8:]
    return _xor(_des(first, _un_des(second, _des(first, block))), block)


def dkga04(key: VendingKey, meter_pan: str, ti: str, ea: str) -> bytes:
    """The first 8 or 16 bytes of HMAC-SHA-256 over the identifying data."""
    if key.key_type == KeyType.DCTK:
        raise DerivationRefused(
            reason="A common key (DCTK) is not derived with DKGA04: the PAN to use has not been established."
        )
    length = keys.DECODER_KEY_BYTES[ea]
    data = dkga04_data(key, meter_pan, ti, ea)
    return hmac.digest(key.value, data, "sha256")[:length]


def dkga04_data(key: VendingKey, meter_pan: str, ti: str, ea: str) -> bytes:
    """49 bytes: two halves of four fields in ASCII, each with its length; 00 between; the key length in bits."""
    label = _fields("04", BaseDate(key.base_date).code, ea, ti)
    context = _fields(key.sgc, str(int(key.key_type)), str(key.krn), meter_pan)
    return label + b"\x00" + context + (8 * keys.DECODER_KEY_BYTES[ea]).to_bytes(4, "big")


def _dkga01(key: VendingKey, meter_pan: str, ti: str, ea: str) -> bytes:
    raise DerivationRefused(
        reason="DKGA01 serves listed ranges of old meters only, and its cipher is not published; "
        "change such a meter to DKGA02 or DKGA04 with the module that holds its key."
    )


ALGORITHMS: dict[str, Callable[[VendingKey, str, str, str], bytes]] = {
    "01": _dkga01,
    "02": dkga02,
    "03": dkga03,
    "04": dkga04,
}


def algorithm(dkga: object) -> str:
    """A derivation algorithm (DKGA) by its two digits."""
    if not isinstance(dkga, str) or dkga not in ALGORITHMS:
        raise DerivationUnknown()
    return dkga


def _fields(*texts: str) -> bytes:
    return bytes([len(texts)]) + b"".join(bytes([len(text)]) + text.encode("ascii") for text in texts)


def _block(key: VendingKey, meter_pan: str, ti: str) -> bytes:
    block = pan_block(meter_pan, key.key_type) ^ control_block(key.key_type, key.sgc, ti, key.krn)
    return block.to_bytes(8, "big")


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _des(key: bytes, block: bytes) -> bytes:
    return bytes(_cipher(key).encrypt(block))


def _un_des(key: bytes, block: bytes) -> bytes:
    return bytes(_cipher(key).decrypt(block))


def _cipher(key: bytes):  # type: ignore[no-untyped-def]
    """One block of ECB is the DES function itself, which is what the standard asks for."""
    from Crypto.Cipher import DES  # only old keys need it

    return DES.new(key, DES.MODE_ECB)  # noqa: S304
