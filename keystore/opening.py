"""From a sealed key file to a module that runs: the one place where the parts are put together.

Not here: who may open it (`seal.py` wants M shares), the socket (`server.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import sts
from keystore import crash, seal
from keystore import format as layout
from keystore.approvals import Approver, from_base64url
from keystore.clock import Clock, SimulatedTime, SystemTime, TimeSource
from keystore.engine import Engine, Group
from keystore.errors import KeyFileUnusable
from keystore.format import KeyFile
from keystore.keyring import FileKeys, KeyRing, KeySource, VendingRecord
from keystore.limits import ClassLimit
from keystore.log import IssuanceLog
from keystore.report import Identity
from keystore.seal import Opened
from keystore.state import State
from sts import ciphers as ea_table
from sts.ciphers import Ciphers

HsmSource = Callable[
    [dict[str, str], str], KeySource
]  # labels of the keys in a token, and its PIN -> their source


@dataclass(frozen=True, slots=True)
class Options:
    """How a module is run."""

    log_folder: Path
    anchor: Path | None = None
    simulated_clock: str | None = None
    witnesses: tuple[Path, ...] = ()
    ciphers: Ciphers | None = None
    hsm: HsmSource | None = None


def digest_of(data: bytes) -> str:
    """Which key file this is, for the log."""
    return hashlib.sha256(data).hexdigest()


def log_name(file: KeyFile) -> str:
    return f"ampoule/{file.keystore_id}"


def open_module(opened: Opened, data: bytes, options: Options, source: TimeSource | None = None) -> Engine:
    """The module on this key file, started and logged. Raises if the log or the file does not fit."""
    file = opened.file
    if options.simulated_clock is not None:
        source = SimulatedTime(options.simulated_clock)
    if source is None:
        source = SystemTime()
    elif not file.all_test:
        raise KeyFileUnusable("A simulated clock needs a key file with test keys only. Start without it.")
    crash.arm(file.all_test)
    outside = tuple(path for path in (options.anchor, *options.witnesses) if path is not None)
    log = open_log(opened, options.log_folder, outside)
    try:
        if file.generation < log.state.generation:
            raise KeyFileUnusable(
                f"This key file is generation {file.generation}, but the log has seen generation "
                f"{log.state.generation}. Use the newer file; an older copy would bring back keys that were retired."
            )
        last = log.state.last_at / 1000 if log.size else None
        clock = Clock(source, last, all_test=file.all_test)
        engine = Engine(
            identity_of(file), ring_of(opened, options.hsm), log, clock, options.ciphers or ea_table.DEFAULT
        )
        engine.heads.greet()
        group = Group()
        engine.start(group, digest_of(data))
        engine.commit(group)
    except BaseException:
        log.abandon()
        raise
    crash.point("keystore.at-start")
    return engine


def identity_of(file: KeyFile) -> Identity:
    policy = file.policy
    return Identity(
        version=sts.__version__,
        all_test=file.all_test,
        quorum=policy["quorum"],
        generation=file.generation,
        offsets={sgc: group["tid_offset_minutes"] for sgc, group in policy["groups"].items()},
    )


def ring_of(opened: Opened, hsm: HsmSource | None = None) -> KeyRing:
    """The keys of the file that still have bytes; those in a hardware token through their source."""
    records, here, there = [], {}, {}
    for record in opened.file.records:
        if not record.kind.startswith("vending"):
            continue
        found = VendingRecord.from_about(record.record_id, record.about)
        records.append(found)
        if found.state == "destroyed":
            continue
        secret = seal.open_record(opened.root, opened.file, record)
        if record.kind == "vending-hsm":
            there[record.record_id] = secret.decode()
        else:
            here[record.record_id] = secret
    if there:
        if hsm is None:
            raise KeyFileUnusable(
                "Keys of this file are in a hardware token. Start with --pkcs11 and its library."
            )
        pin = token_pin(opened)
        if pin is None:
            raise KeyFileUnusable(
                "The key file does not hold the token's PIN. Import the key again with --pkcs11."
            )
        return KeyRing(records, hsm(there, pin))
    return KeyRing(records, FileKeys(here))


def token_pin(opened: Opened) -> str | None:
    """The PIN of the hardware token: a record of the file, so that it takes M custodians as well."""
    for record in opened.file.records:
        if record.kind == "hsm-pin":
            return seal.open_record(opened.root, opened.file, record).decode()
    return None


def open_log(opened: Opened, folder: Path, anchors: tuple[Path, ...] = ()) -> IssuanceLog:
    signing, sealing = log_secrets(opened)
    initial = State()
    for row in opened.file.policy["approvers"]:
        initial.approvers[row["name"]] = approver_of(row)
    for name, row in opened.file.policy["limits"].items():
        initial.limits[name] = ClassLimit(row["units_a_day"], row["tokens_a_day"])
    return IssuanceLog(
        folder,
        name=log_name(opened.file),
        secret=AESGCM(sealing),
        signing_key=Ed25519PrivateKey.from_private_bytes(signing),
        anchors=anchors,
        initial=initial,
    )


def log_secrets(opened: Opened) -> tuple[bytes, bytes]:
    """The seed that signs the log and the key that seals its private halves; both live as records of the file."""
    found = {}
    for record in opened.file.records:
        if record.kind in ("log-sign", "log-seal"):
            found[record.kind] = seal.open_record(opened.root, opened.file, record)
    if len(found) != 2:
        raise KeyFileUnusable(layout.DAMAGED)
    return found["log-sign"], found["log-seal"]


def approver_of(row: dict[str, Any]) -> Approver:
    return Approver(row["name"], row["person"], row["kind"], from_base64url(row["public_key"]), row["origin"])
