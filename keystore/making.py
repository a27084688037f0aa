"""New key files and new records in them: values in, values out; nothing is written to disk here (`store.py`)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from keystore import check_value, lifecycle, seal
from keystore import format as layout
from keystore.approvals import Approver, base64url
from keystore.errors import ComponentInvalid
from keystore.format import Kdf, KeyFile, Record
from keystore.keyring import VendingRecord, vending_key_of
from keystore.limits import DEFAULT_LIMITS
from keystore.public_keys import is_test_key
from keystore.seal import Opened
from sts.errors import StsError

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Custodian:
    """Who keeps a share. Without a passphrase the share exists on paper alone."""

    name: str
    passphrase: str | None


@dataclass(frozen=True, slots=True)
class KeyToLoad:
    """A vending key and its description, before it is sealed."""

    value: bytes
    sgc: str
    krn: int
    key_type: int
    ken: int
    base_date: int
    dkga: str
    algorithms: tuple[str, ...]
    label: str
    state: str = "pre-active"
    active_from: str | None = None
    issue_until: str | None = None

    def __repr__(self) -> str:
        return f"KeyToLoad({self.sgc}/{self.krn}, {self.label!r})"


def new_file(
    *,
    nature: str,
    threshold: int,
    custodians: Sequence[Custodian],
    kdf: Kdf,
    approvers: Sequence[Approver] = (),
    quorum: int = 2,
    now: datetime | None = None,
) -> tuple[Opened, list[str]]:
    """A key file without vending keys, open, and the words of its shares in the custodians' order."""
    root = seal.new_root()
    keystore_id = uuid.uuid4().hex
    file = KeyFile(
        keystore_id=keystore_id,
        generation=1,
        created=(now or datetime.now(UTC)).isoformat(timespec="seconds"),
        nature=nature,
        threshold=threshold,
        shares=len(custodians),
        slots=(),
        commitment=seal.commitment(root, keystore_id),
        policy={
            "quorum": quorum,
            "approvers": [_approver_row(a) for a in approvers],
            "groups": {},
            "limits": {
                name: {"units_a_day": limit.units_a_day, "tokens_a_day": limit.tokens_a_day}
                for name, limit in DEFAULT_LIMITS.items()
            },
        },
        records=(),
    )
    words = seal.split(root, threshold, len(custodians))
    file = replace(
        file,
        slots=slots_for(file, custodians, words, kdf),
        policy=file.policy | {"share_set": seal.share_place(words[0])[0]},
    )
    for kind in ("log-sign", "log-seal"):
        file = file.with_record(seal.make_record(root, file, kind, {}, os.urandom(32)))
    return Opened(file, root), words


def slots_for(
    file: KeyFile, custodians: Sequence[Custodian], words: Sequence[str], kdf: Kdf
) -> tuple[layout.Slot, ...]:
    return tuple(
        seal.make_slot(number, custodian.name, share, custodian.passphrase, kdf, file.keystore_id)
        for number, (custodian, share) in enumerate(zip(custodians, words, strict=True), 1)
        if custodian.passphrase is not None
    )


def _approver_row(approver: Approver) -> Json:
    return {
        "name": approver.name,
        "person": approver.person,
        "kind": approver.kind,
        "public_key": base64url(approver.public_key),
        "origin": approver.origin,
    }


def with_group(opened: Opened, sgc: str, label: str, tid_offset_minutes: int) -> Opened:
    """A supply group and its clock. The offset is fixed here for ever: another one would repeat identifiers."""
    groups = opened.file.policy["groups"]
    if sgc in groups and groups[sgc]["tid_offset_minutes"] != tid_offset_minutes:
        raise ComponentInvalid(
            f"Supply group {sgc} has its token clock at {groups[sgc]['tid_offset_minutes']} minutes from UTC. "
            "It was fixed at the ceremony and is never edited.",
            code="tid-offset-fixed",
        )
    if not -14 * 60 <= tid_offset_minutes <= 14 * 60:
        raise ComponentInvalid("The offset of a token clock is at most 14 hours.", code="tid-offset-invalid")
    policy = opened.file.policy | {
        "groups": groups | {sgc: {"label": label, "tid_offset_minutes": tid_offset_minutes}}
    }
    return Opened(replace(opened.file, policy=policy), opened.root)


def with_key(opened: Opened, key: KeyToLoad) -> tuple[Opened, str]:
    """A vending key sealed into the file; its record's name. Test keys and live keys never share a file."""
    return _with_secret(opened, key, "vending", key.value)


def with_hsm_key(opened: Opened, key: KeyToLoad, label_in_token: str) -> tuple[Opened, str]:
    """A vending key that lives in a hardware token: the file keeps its description and its name there."""
    return _with_secret(opened, key, "vending-hsm", label_in_token.encode())


def with_pin(opened: Opened, pin: str) -> Opened:
    """The hardware token's PIN, sealed like a key: nobody has to know it, and it takes M custodians."""
    record = seal.make_record(opened.root, opened.file, "hsm-pin", {}, pin.encode())
    return Opened(opened.file.with_record(record), opened.root)


def _with_secret(opened: Opened, key: KeyToLoad, kind: str, secret: bytes) -> tuple[Opened, str]:
    kcv = check_value.of(key.value)
    test = is_test_key(kcv)
    if opened.file.all_test != test:
        raise ComponentInvalid(
            f"The check value {kcv} belongs to a public test key; a live key file never takes one."
            if test
            else "This is a key file for test keys; a live key goes into a live file.",
            code="test-key" if test else "live-key",
        )
    if key.sgc not in opened.file.policy["groups"]:
        raise ComponentInvalid(
            f"Supply group {key.sgc} is not in the file yet: name it with the offset of its token clock first.",
            code="group-unknown",
        )
    about: Json = {
        "sgc": key.sgc,
        "krn": key.krn,
        "key_type": key.key_type,
        "ken": key.ken,
        "base_date": key.base_date,
        "dkga": key.dkga,
        "algorithms": list(key.algorithms),
        "label": key.label,
        "state": key.state,
        "active_from": key.active_from,
        "issue_until": key.issue_until,
        "kcv": kcv,
        "test": test,
    }
    described = VendingRecord.from_about("new", about)
    try:
        vending_key_of(described, key.value)
    except StsError as error:
        raise ComponentInvalid(str(error), code=error.code.replace("_", "-")) from None
    for other in opened.file.records:
        if other.kind.startswith("vending") and _place(other.about) == _place(about):
            raise ComponentInvalid(
                f"The file holds a key for {key.sgc}/{key.krn} of this type, base date and derivation already "
                f"(check value {other.about['kcv']}).",
                code="key-exists",
            )
    record = seal.make_record(opened.root, opened.file, kind, about, secret)
    return Opened(opened.file.with_record(record), opened.root), record.record_id


def _place(about: Json) -> tuple[Any, ...]:
    return about["sgc"], about["krn"], about["key_type"], about["base_date"], about["dkga"]


def with_state(opened: Opened, record_id: str, state: str) -> Opened:
    """A key in its next state. Destroying one overwrites its bytes and keeps its description."""
    record = opened.file.record(record_id)
    if not record.kind.startswith("vending"):
        raise ComponentInvalid("Only vending keys have a state.", code="record-unknown")
    old = record.about["state"]
    if not lifecycle.may_move(old, state):
        raise ComponentInvalid(
            f"A key that is {old} does not become {state}. From there it may become: "
            f"{', '.join(lifecycle.MOVES[old]) or 'nothing any more'}.",
            code="state-move",
        )
    secret = b"" if state == "destroyed" else seal.open_record(opened.root, opened.file, record)
    return Opened(_resealed(opened, record, record.about | {"state": state}, secret), opened.root)


def _resealed(opened: Opened, record: Record, about: Json, secret: bytes) -> KeyFile:
    """The record with a new description, in its old place in the file."""
    fresh = seal.make_record(
        opened.root,
        replace(opened.file, generation=opened.file.generation + 1),
        record.kind,
        about,
        secret,
        record.record_id,
    )
    return replace(
        opened.file,
        records=tuple(fresh if r.record_id == record.record_id else r for r in opened.file.records),
    )


def rewrapped(
    opened: Opened, *, threshold: int, custodians: Sequence[Custodian], kdf: Kdf
) -> tuple[Opened, list[str]]:
    """The same keys under a new root and new shares: for when a custodian leaves. Check values stay what they were."""
    root = seal.new_root()
    file = replace(
        opened.file,
        threshold=threshold,
        shares=len(custodians),
        slots=(),
        commitment=seal.commitment(root, opened.file.keystore_id),
        records=(),
    )
    words = seal.split(root, threshold, len(custodians))
    file = replace(
        file,
        slots=slots_for(file, custodians, words, kdf),
        policy=file.policy | {"share_set": seal.share_place(words[0])[0]},
    )
    following = replace(file, generation=opened.file.generation + 1)
    for record in opened.file.records:
        secret = seal.open_record(opened.root, opened.file, record)
        file = file.with_record(
            seal.make_record(root, following, record.kind, record.about, secret, record.record_id)
        )
    return Opened(file, root), words
