"""The bytes of the key file `stsks/1`: text lines, written one way only. No cryptography here (`seal.py` has it).

    stsks/1
    {header}                 canonical JSON: identity, generation, nature, policy, share slots, commitment
    {record}                 canonical JSON, one line for each key: description and sealed bytes
    …
    mac <64 hex digits>      HMAC-SHA-256 over everything above

Reading is strict: whatever is not exactly what writing would produce is refused, with one and the same sentence for
every cause, so that the file answers no questions about itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from keystore.errors import KeyFileUnusable

Json = dict[str, Any]

MAGIC = "stsks/1"
MAX_BYTES = 8 * 1024 * 1024
DAMAGED = "The key file cannot be opened: it is damaged or was altered. Restore it from a back-up."
KDF_MOST_KIB = 2 * 1024 * 1024  # a file that asks for more memory than this is an attack, not a file
KDF_MOST_PASSES = 16
KDF_MOST_LANES = 16

_HEADER = {
    "keystore_id": str,
    "generation": int,
    "created": str,
    "nature": str,  # test or live: all keys or none
    "suite": str,
    "threshold": int,
    "shares": int,
    "slots": list,
    "commitment": str,
    "records": int,
    "policy": dict,
}
_RECORD = {"record_id": str, "generation": int, "kind": str, "about": dict, "sealed": str}
_SLOT = {"slot": int, "holder": str, "kdf": dict, "salt": str, "sealed": str}
_KDF = {"m_kib": int, "t": int, "p": int}


@dataclass(frozen=True, slots=True)
class Kdf:
    """The cost of Argon2id for a share slot."""

    m_kib: int
    t: int
    p: int


FULL = Kdf(256 * 1024, 3, 4)
SMALL_DEVICE = Kdf(64 * 1024, 3, 4)
TEST_FLOOR = Kdf(32, 1, 1)  # refused for live files


@dataclass(frozen=True, slots=True)
class Slot:
    """One custodian's share, sealed under his passphrase. Without a slot the share is on paper alone."""

    slot: int
    holder: str
    kdf: Kdf
    salt: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """One sealed secret: `kind` vending (a key), vending-hsm (its name in a token), log-sign, log-seal."""

    record_id: str
    generation: int
    kind: str
    about: Json
    sealed: bytes


@dataclass(frozen=True, slots=True)
class KeyFile:
    keystore_id: str
    generation: int
    created: str
    nature: str
    threshold: int
    shares: int
    slots: tuple[Slot, ...]
    commitment: bytes
    policy: Json
    records: tuple[Record, ...]
    suite: str = "argon2id+aes-256-gcm+hkdf-sha256+slip39"

    @property
    def all_test(self) -> bool:
        return self.nature == "test"

    def record(self, record_id: str) -> Record:
        for record in self.records:
            if record.record_id == record_id:
                return record
        raise KeyFileUnusable(f"The key file has no record {record_id}. `keystore list` shows them.")

    def with_record(self, record: Record) -> KeyFile:
        """The same file with one record put in or replaced."""
        kept = tuple(r for r in self.records if r.record_id != record.record_id)
        return replace(self, records=(*kept, record))


def canonical(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()


def body(file: KeyFile) -> bytes:
    """Everything that the last line covers."""
    header = {
        "keystore_id": file.keystore_id,
        "generation": file.generation,
        "created": file.created,
        "nature": file.nature,
        "suite": file.suite,
        "threshold": file.threshold,
        "shares": file.shares,
        "slots": [
            {
                "slot": s.slot,
                "holder": s.holder,
                "kdf": {"m_kib": s.kdf.m_kib, "t": s.kdf.t, "p": s.kdf.p},
                "salt": s.salt.hex(),
                "sealed": s.sealed.hex(),
            }
            for s in file.slots
        ],
        "commitment": file.commitment.hex(),
        "records": len(file.records),
        "policy": file.policy,
    }
    lines = [MAGIC.encode(), canonical(header)]
    for r in file.records:
        lines.append(
            canonical(
                {
                    "record_id": r.record_id,
                    "generation": r.generation,
                    "kind": r.kind,
                    "about": r.about,
                    "sealed": r.sealed.hex(),
                }
            )
        )
    return b"\n".join(lines) + b"\n"


def write(file: KeyFile, mac: bytes) -> bytes:
    return body(file) + b"mac " + mac.hex().encode() + b"\n"


def read(data: bytes) -> tuple[KeyFile, bytes]:
    """The parsed file and its MAC, not yet checked: `seal.unlock` does that."""
    try:
        file, mac = _read(data)
        if write(file, mac) != data:
            raise ValueError("not canonical")
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise KeyFileUnusable(DAMAGED) from None
    return file, mac


def _read(data: bytes) -> tuple[KeyFile, bytes]:
    if len(data) > MAX_BYTES:
        raise ValueError("size")
    lines = data.decode("ascii").split("\n")
    if lines[0] != MAGIC or lines[-1] != "" or len(lines) < 4 or not lines[-2].startswith("mac "):
        raise ValueError("frame")
    mac = bytes.fromhex(lines[-2][4:])
    header = _shaped(json.loads(lines[1]), _HEADER)
    if header["records"] != len(lines) - 4 or header["nature"] not in ("test", "live") or len(mac) != 32:
        raise ValueError("frame")
    slots = []
    for raw in header["slots"]:
        slot = _shaped(raw, _SLOT)
        kdf = Kdf(**_shaped(slot["kdf"], _KDF))
        if not (
            8 <= kdf.m_kib <= KDF_MOST_KIB and 1 <= kdf.t <= KDF_MOST_PASSES and 1 <= kdf.p <= KDF_MOST_LANES
        ):
            raise ValueError("kdf")
        slots.append(
            Slot(
                slot["slot"], slot["holder"], kdf, bytes.fromhex(slot["salt"]), bytes.fromhex(slot["sealed"])
            )
        )
    records = []
    for line in lines[2:-2]:
        found = _shaped(json.loads(line), _RECORD)
        records.append(
            Record(
                found["record_id"],
                found["generation"],
                found["kind"],
                found["about"],
                bytes.fromhex(found["sealed"]),
            )
        )
    return (
        KeyFile(
            keystore_id=header["keystore_id"],
            generation=header["generation"],
            created=header["created"],
            nature=header["nature"],
            suite=header["suite"],
            threshold=header["threshold"],
            shares=header["shares"],
            slots=tuple(slots),
            commitment=bytes.fromhex(header["commitment"]),
            policy=header["policy"],
            records=tuple(records),
        ),
        mac,
    )


def _shaped(value: Any, shape: Mapping[str, type]) -> Json:
    if not isinstance(value, dict) or value.keys() != shape.keys():
        raise ValueError("shape")
    for name, kind in shape.items():
        if type(value[name]) is not kind:
            raise ValueError("shape")
    return value
