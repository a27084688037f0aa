"""The vending keys that a module holds while it is open, and the decoder keys it makes from them.

`KeySource` is the seam between the sealed file and a PKCS#11 token: both give a decoder key for one meter, which
lives as long as one token takes. Representations show no bytes. Not here: which key may do what (`lifecycle.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from keystore import lifecycle
from keystore.errors import KeystoreError
from keystore.module import KeyLine, MeterKeying
from sts import dkga
from sts.fast import begun_derivations
from sts.keys import DECODER_KEY_BYTES, DecoderKey, KeyType, VendingKey
from sts.tid import BaseDate


class TokenPulled(KeystoreError):
    """The hardware token that holds the keys is gone: the module is locked until it is back."""

    code = "locked"


@dataclass(frozen=True, slots=True)
class VendingRecord:
    """One vending key, described. The bytes are in the source."""

    record_id: str
    sgc: str
    krn: int
    key_type: int
    ken: int
    base_date: int
    dkga: str
    algorithms: tuple[str, ...]  # the EAs that it may be used with
    state: str
    kcv: str
    test: bool
    label: str
    active_from: datetime | None
    issue_until: datetime | None

    @classmethod
    def from_about(cls, record_id: str, about: Mapping[str, Any]) -> VendingRecord:
        return cls(
            record_id=record_id,
            sgc=about["sgc"],
            krn=about["krn"],
            key_type=about["key_type"],
            ken=about["ken"],
            base_date=about["base_date"],
            dkga=about["dkga"],
            algorithms=tuple(about["algorithms"]),
            state=about["state"],
            kcv=about["kcv"],
            test=about["test"],
            label=about["label"],
            active_from=_moment(about["active_from"]),
            issue_until=_moment(about["issue_until"]),
        )

    @property
    def time(self) -> lifecycle.KeyTime:
        return lifecycle.KeyTime(self.base_date, self.ken, self.active_from, self.issue_until)

    @property
    def weak(self) -> str | None:
        if self.dkga in ("01", "02"):
            return "DKGA02 rests on 56-bit DES, which has been broken by trial since 1998. Plan the change to DKGA04."
        if self.dkga == "03":
            return "DKGA03 is not recommended. Plan the change to DKGA04."
        return None

    def line(self, suspended: bool) -> KeyLine:
        return KeyLine(
            record_id=self.record_id,
            sgc=self.sgc,
            krn=self.krn,
            key_type=self.key_type,
            ken=self.ken,
            base_date=self.base_date,
            dkga=self.dkga,
            state="suspended" if suspended and self.state == "active" else self.state,
            kcv=self.kcv,
            test=self.test,
            last_minute=lifecycle.last_minute(self.time),
            weak=self.weak,
        )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


class KeySource(Protocol):
    """Where vending keys are and decoder keys come from."""

    def decoder_key(self, record: VendingRecord, keying: MeterKeying) -> DecoderKey: ...


class FileKeys:
    """Vending keys opened from the sealed file."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        self._secrets = dict(secrets)
        self._made: dict[str, VendingKey] = {}
        self._begun: dict[tuple[str, str], Any] = {}
        # One key of zeros for each way of keying: those of the meters differ from it in their bytes.
        self._like: dict[tuple[str, str, str, int], DecoderKey] = {}

    def __repr__(self) -> str:
        return f"FileKeys({len(self._secrets)} keys)"

    def decoder_key(self, record: VendingRecord, keying: MeterKeying) -> DecoderKey:
        vending_key = self._made.get(record.record_id)
        if vending_key is None:
            vending_key = self._made[record.record_id] = vending_key_of(
                record, self._secrets[record.record_id]
            )
        if vending_key.dkga != "04" or vending_key.key_type == KeyType.DCTK:
            return with_ken(dkga.derive(vending_key, pan=keying.pan, ti=keying.ti, ea=keying.ea), keying.ken)
        value = self._dkga04(vending_key, record.record_id, keying)
        place = (record.record_id, keying.ea, keying.ti, keying.ken)
        like = self._like.get(place)
        if like is None:
            like = self._like[place] = _like(vending_key, keying)
        return like.of_another_meter(value)

    def _dkga04(self, vending_key: VendingKey, record_id: str, keying: MeterKeying) -> bytes:
        """As `dkga.dkga04`, with the part of the hash that all meters of a supply group share done once.

        The PAN was validated with the request (`planning.check_shape`).
        """
        begun = self._begun.get((record_id, keying.ea))
        if begun is None:
            begun = self._begun[record_id, keying.ea] = begun_derivations(vending_key, keying.ea)
        by_index, outer, after_pan = begun
        inner_hash, outer_hash = by_index[keying.ti].copy(), outer.copy()
        inner_hash.update(keying.pan.encode() + after_pan)
        outer_hash.update(inner_hash.digest())
        value: bytes = outer_hash.digest()[: DECODER_KEY_BYTES[keying.ea]]
        return value


def _like(vending_key: VendingKey, keying: MeterKeying) -> DecoderKey:
    return DecoderKey(
        value=bytes(DECODER_KEY_BYTES[keying.ea]),
        ea=keying.ea,
        key_type=vending_key.key_type,
        sgc=vending_key.sgc,
        krn=vending_key.krn,
        ti=keying.ti,
        ken=keying.ken,
        base_date=vending_key.base_date,
    )


def vending_key_of(record: VendingRecord, value: bytes) -> VendingKey:
    return VendingKey(
        value=value,
        key_type=KeyType(record.key_type),
        sgc=record.sgc,
        krn=record.krn,
        ken=record.ken,
        base_date=BaseDate(record.base_date),
        dkga=record.dkga,
    )


def with_ken(key: DecoderKey, ken: int) -> DecoderKey:
    """The expiry number that this meter was given counts, not that of the vending key (rules of the trade 8)."""
    return key if key.ken == ken else replace(key, ken=ken)


class KeyRing:
    """The records by what a meter's keying says, and the source of their keys."""

    def __init__(self, records: list[VendingRecord], source: KeySource) -> None:
        self.source = source
        self.by_id = {record.record_id: record for record in records}
        self._by_keying = {(r.sgc, r.krn, r.key_type, r.base_date, r.dkga): r for r in records}

    def find(self, keying: MeterKeying) -> VendingRecord | None:
        return self._by_keying.get((keying.sgc, keying.krn, keying.key_type, keying.base_date, keying.dkga))

    def decoder_key(self, record_id: str, keying: MeterKeying) -> DecoderKey:
        return self.source.decoder_key(self.by_id[record_id], keying)
