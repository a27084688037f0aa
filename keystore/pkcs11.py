"""Vending keys in a PKCS#11 token: the token keeps them, this file asks it for one derivation at a time.

What that protects: the vending keys of DKGA04 never leave the token; a copied disk holds none of them. What it does not
protect: a decoder key of one meter surfaces in the module for each token, because no general token knows STA or
MISTY1; and the token counts nothing, so budgets and identifiers are the module's word. DKGA02 is weaker still: its last
step adds the vending key itself to the result, so that key is read out of the token (behind the PIN) for every
derivation. Only a certified STS module does all of it inside; it attaches behind the same port (`module.py`).

Two measured traps (SoftHSM2 2.6.1): HMAC-SHA-256 wants keys of 32 bytes, so a 160-bit key is padded with zeros, which gives the
same result by the definition of HMAC; single DES is missing, so it is three-key DES with K, K, K.

A token that is pulled gives "locked" for as long as it is gone, and never a crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import PKCS11Error

from keystore.errors import ComponentInvalid, KeystoreError
from keystore.keyring import TokenPulled, VendingRecord, vending_key_of, with_ken
from keystore.module import MeterKeying
from sts import dkga, keys, pan
from sts.keys import DecoderKey
from sts.keys import KeyType as StsKeyType
from sts.tid import BaseDate

_GONE = "The hardware token is not there or does not answer. Put it back; the module goes on by itself."
_HMAC_BYTES = 32


@dataclass(frozen=True, slots=True)
class Slot:
    """Which token."""

    library: Path
    label: str


class Token:
    """A session with a token, opened again when it was lost. The PIN is kept for that and never shown."""

    def __init__(self, slot: Slot, pin: str) -> None:
        self._slot = slot
        self._pin = pin
        self._session: Any = None
        self._was_lost = False
        self._found: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"Token({self._slot.label!r})"

    def session(self) -> Any:
        if self._session is None:
            try:
                library = pkcs11.lib(str(self._slot.library))
                if self._was_lost:  # a library that saw its token go does not see it come back by itself
                    library.reinitialize()
                token = library.get_token(token_label=self._slot.label)
                try:
                    self._session = token.open(rw=True, user_pin=self._pin)
                except pkcs11.UserAlreadyLoggedIn:  # login is per token and process
                    self._session = token.open(rw=True)
                self._was_lost = False
            except (PKCS11Error, RuntimeError) as error:
                self.lost()
                raise TokenPulled(_GONE) from error
        return self._session

    def lost(self) -> None:
        """Forget everything that was read from the token, so that the next use looks again."""
        self._found.clear()
        self._was_lost = True
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            except (PKCS11Error, RuntimeError):
                self._session = None

    def key(self, label: str, kind: KeyType) -> Any:
        if label not in self._found:
            self._found[label] = self.session().get_key(
                object_class=ObjectClass.SECRET_KEY, key_type=kind, label=label
            )
        return self._found[label]


class TokenKeys:
    """The key source of a module whose vending keys are in a token: record id -> label of the object."""

    def __init__(self, token: Token, labels: Mapping[str, str]) -> None:
        self._token = token
        self._labels = dict(labels)

    def __repr__(self) -> str:
        return f"TokenKeys({len(self._labels)} keys)"

    def decoder_key(self, record: VendingRecord, keying: MeterKeying) -> DecoderKey:
        label = self._labels[record.record_id]
        keys.require_pairing(record.dkga, keying.ea)
        # Only the description of the key is used to lay out the data; the value is a placeholder.
        described = vending_key_of(record, bytes(keys.VENDING_KEY_BYTES[record.dkga]))
        try:
            if record.dkga == "04":
                value = self._dkga04(label, described, keying)
            else:
                value = self._dkga02(label, described, keying)
        except (PKCS11Error, RuntimeError) as error:
            self._token.lost()
            raise TokenPulled(_GONE) from error
        return with_ken(
            DecoderKey(
                value=value,
                ea=keying.ea,
                key_type=StsKeyType(record.key_type),
                sgc=record.sgc,
                krn=record.krn,
                ti=keying.ti,
                ken=record.ken,
                base_date=BaseDate(record.base_date),
            ),
            keying.ken,
        )

    def _dkga04(self, label: str, described: keys.VendingKey, keying: MeterKeying) -> bytes:
        data = dkga.dkga04_data(described, pan.validate(keying.pan), keying.ti, keying.ea)
        key = self._token.key(label, KeyType.GENERIC_SECRET)
        found = bytes(key.sign(data, mechanism=Mechanism.SHA256_HMAC))
        return found[: keys.DECODER_KEY_BYTES[keying.ea]]

    def _dkga02(self, label: str, described: keys.VendingKey, keying: MeterKeying) -> bytes:
        block = dkga.pan_block(pan.validate(keying.pan), described.key_type) ^ dkga.control_block(
            described.key_type, described.sgc, keying.ti, described.krn
        )
        x = block.to_bytes(8, "big")
        enciphered = bytes(self._token.key(label, KeyType.DES3).encrypt(x, mechanism=Mechanism.DES3_ECB))
        mask = bytes(self._token.key(_mask(label), KeyType.GENERIC_SECRET)[Attribute.VALUE])
        return bytes(a ^ b ^ c for a, b, c in zip(enciphered[:8], x, mask, strict=True))


def _mask(label: str) -> str:
    return f"{label} mask"


def store_key(token: Token, label: str, value: bytes, derivation: str) -> None:
    """Put a vending key into the token; from then on only the token has it (but see DKGA02 above)."""
    session = token.session()
    try:
        if derivation == "04":
            _create(session, label, KeyType.GENERIC_SECRET, value.ljust(_HMAC_BYTES, b"\x00"), sign=True)
        elif derivation == "02":
            _create(session, label, KeyType.DES3, value * 3, encrypt=True)
            _create(session, _mask(label), KeyType.GENERIC_SECRET, value, readable=True)
        else:
            raise ComponentInvalid("A token keeps keys for DKGA02 and DKGA04.", code="dkga")
    except PKCS11Error as error:
        raise KeystoreError(
            f"The token refused the key ({type(error).__name__}). Some tokens in FIPS mode do no single DES at all.",
            code="token-refused",
        ) from None


def _create(
    session: Any,
    label: str,
    kind: KeyType,
    value: bytes,
    *,
    sign: bool = False,
    encrypt: bool = False,
    readable: bool = False,
) -> None:
    session.create_object(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: kind,
            Attribute.LABEL: label,
            Attribute.TOKEN: True,
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: not readable,
            Attribute.EXTRACTABLE: readable,
            Attribute.MODIFIABLE: False,
            Attribute.SIGN: sign,
            Attribute.VERIFY: False,
            Attribute.ENCRYPT: encrypt,
            Attribute.DECRYPT: False,
            Attribute.VALUE: value,
        }
    )
