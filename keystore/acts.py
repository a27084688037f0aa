"""The acts that approvers sign, as text: what people agree to, written so that it can be read only one way.

An act is canonical JSON (sorted keys, no spaces). What is signed is the act's own text, so nobody has to trust a
screen's rendering of it: the module parses exactly the bytes that were signed. Each act names the one module that it is
for, has an end (at most a day after it was made) and a random number of its own, so that the same wish twice is two
acts, and one act counts once for ever and nowhere else. A module's name is that of its log (`ampoule/…`), as its status,
its checkpoints and its receipts show it.

Pure, without keys: `access` and the till may build acts with these functions, collect signatures and carry both
to the module. Not here: whose signatures count (`approvals.py`), what an act does (`engine.py`).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from keystore import messages
from keystore.module import KeyChangeRequest, ManagementRequest, MeterKeying, Request

PREFIX = b"ampoule act 1\n"  # so that a signature over an act can never be one over something else
LONGEST = timedelta(hours=24)  # between the making of an act and its end (invariant I-17)
MAX_ITEMS = 400  # requests that one act may name; a campaign signs several

PERIODS = ("once", "day", "month")
COUNTS = ("free", "management", "key-change")


def canonical(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def act_id(act: str) -> str:
    """The name of an act: the hash of its text."""
    return hashlib.sha256(PREFIX + act.encode()).hexdigest()


def signed_bytes(act: str) -> bytes:
    """What an Ed25519 key file signs."""
    return PREFIX + act.encode()


def challenge(act: str) -> bytes:
    """What a passkey signs: the challenge of the WebAuthn assertion."""
    return hashlib.sha256(PREFIX + act.encode()).digest()


def item_digest(request: Request) -> str:
    """The hash of one request as an act names it: everything but the approval itself."""
    content = messages.request_out(request)
    del content["approval"]
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def _act(
    name: str,
    *,
    module: str,
    maker: str,
    reason: str,
    made: datetime,
    expires: datetime | None = None,
    beneficiary: str | None = None,
    **content: Any,
) -> str:
    ends = expires or made + LONGEST
    return canonical(
        {
            "act": name,
            "module": module,
            "maker": maker,
            "reason": reason,
            "made": made.isoformat(timespec="seconds"),
            "expires": ends.isoformat(timespec="seconds"),
            "beneficiary": beneficiary,
            "nonce": secrets.token_hex(12),
            **content,
        }
    )


def approve_requests(
    requests: Sequence[Request],
    *,
    module: str,
    maker: str,
    reason: str,
    made: datetime,
    expires: datetime | None = None,
    beneficiary: str | None = None,
) -> str:
    """Free issues, engineering tokens or key changes: exactly these, each once. The summary is for people."""
    return _act(
        "issue",
        module=module,
        maker=maker,
        reason=reason,
        made=made,
        expires=expires,
        beneficiary=beneficiary,
        items=[item_digest(r) for r in requests],
        summary=[describe(r) for r in requests],
    )


def describe(request: Request) -> str:
    """One line that a person can check before signing."""
    if isinstance(request, ManagementRequest):
        return f"{request.action} {request.value} for meter {request.meter.pan}"
    if isinstance(request, KeyChangeRequest):
        to = request.to
        memory = ", clearing its memory of used tokens" if request.rollover else ""
        return (
            f"key change of meter {request.meter.pan} from {request.meter.sgc}/{request.meter.krn} "
            f"to {to.sgc}/{to.krn} tariff index {to.ti} base {to.base_date}{memory}"
        )
    what = "free issue" if request.free else "credit"
    return f"{what} of {request.units} units ({request.service}) for meter {request.meter.pan}"


def open_budget(
    *,
    budget_id: str,
    sgc: str,
    service: str,
    units: int,
    starts: datetime,
    ends: datetime,
    module: str,
    maker: str,
    reason: str,
    made: datetime,
    period: str = "once",
) -> str:
    """Units that may be sold in a supply group. With a period, that many in each UTC day or month."""
    return _act(
        "open-budget",
        module=module,
        maker=maker,
        reason=reason,
        made=made,
        budget_id=budget_id,
        kind="units",
        sgc=sgc,
        service=service,
        allotted=units,
        period=period,
        starts=starts.isoformat(timespec="seconds"),
        ends=ends.isoformat(timespec="seconds"),
    )


def open_count_budget(
    *,
    budget_id: str,
    kind: str,
    sgc: str,
    count: int,
    starts: datetime,
    ends: datetime,
    module: str,
    maker: str,
    reason: str,
    made: datetime,
    period: str = "once",
) -> str:
    """How many free issues, engineering tokens or key changes a supply group may see. Each still needs its own act."""
    return _act(
        "open-budget",
        module=module,
        maker=maker,
        reason=reason,
        made=made,
        budget_id=budget_id,
        kind=kind,
        sgc=sgc,
        service=None,
        allotted=count,
        period=period,
        starts=starts.isoformat(timespec="seconds"),
        ends=ends.isoformat(timespec="seconds"),
    )


def top_up(*, budget_id: str, amount: int, module: str, maker: str, reason: str, made: datetime) -> str:
    return _act(
        "top-up", module=module, maker=maker, reason=reason, made=made, budget_id=budget_id, amount=amount
    )


def close_budget(*, budget_id: str, module: str, maker: str, reason: str, made: datetime) -> str:
    """One signature is enough: it only takes away."""
    return _act("close-budget", module=module, maker=maker, reason=reason, made=made, budget_id=budget_id)


def set_limits(
    *,
    meter_class: str,
    units_a_day: int,
    tokens_a_day: int,
    module: str,
    maker: str,
    reason: str,
    made: datetime,
) -> str:
    """New limits of a meter class. Lower ones need one signature, higher ones the quorum."""
    return _act(
        "set-limits",
        module=module,
        maker=maker,
        reason=reason,
        made=made,
        meter_class=meter_class,
        units_a_day=units_a_day,
        tokens_a_day=tokens_a_day,
    )


def enrol(
    *,
    approver: str,
    person: str,
    kind: str,
    public_key: str,
    module: str,
    maker: str,
    reason: str,
    made: datetime,
    origin: str = "",
) -> str:
    """A new approver. `kind` ed25519 (raw key, base64url) or webauthn (COSE key, base64url, with its origin)."""
    return _act(
        "enrol",
        module=module,
        maker=maker,
        reason=reason,
        made=made,
        approver=approver,
        person=person,
        kind=kind,
        public_key=public_key,
        origin=origin,
    )


def dismiss(*, approver: str, module: str, maker: str, reason: str, made: datetime) -> str:
    """An approver leaves. One signature is enough."""
    return _act("dismiss", module=module, maker=maker, reason=reason, made=made, approver=approver)


def suspend_key(*, record_id: str, module: str, maker: str, reason: str, made: datetime) -> str:
    """Stop issuing under a vending key at once. One signature is enough."""
    return _act("suspend-key", module=module, maker=maker, reason=reason, made=made, record_id=record_id)


def resume_key(*, record_id: str, module: str, maker: str, reason: str, made: datetime) -> str:
    return _act("resume-key", module=module, maker=maker, reason=reason, made=made, record_id=record_id)


def set_meter_key(
    *,
    keying: MeterKeying,
    evidence: str,
    module: str,
    maker: str,
    reason: str,
    made: datetime,
    beneficiary: str | None = None,
) -> str:
    """The meter is known to be under this key (a displayed key revision, a reading on the line): believe that."""
    return _act(
        "set-meter-key",
        module=module,
        maker=maker,
        reason=reason,
        made=made,
        beneficiary=beneficiary,
        meter=messages.keying_out(keying),
        evidence=evidence,
    )


def set_floors(*, floors: dict[str, int], module: str, maker: str, reason: str, made: datetime) -> str:
    """Take-over: per meter PAN the absolute minute of its last token. A floor only rises."""
    return _act("set-floors", module=module, maker=maker, reason=reason, made=made, floors=floors)


def confirm_clock(*, now: datetime, module: str, maker: str, reason: str, made: datetime) -> str:
    """The time of the module's clock is right although it jumped forward. One signature is enough."""
    return _act(
        "confirm-clock",
        module=module,
        maker=maker,
        reason=reason,
        made=made,
        now=now.isoformat(timespec="seconds"),
    )


def fast_forward(*, note: str, module: str, maker: str, reason: str, made: datetime) -> str:
    """The log was restored from an older copy: raise every token identifier above the lost ones, close budgets."""
    return _act("fast-forward", module=module, maker=maker, reason=reason, made=made, note=note)
