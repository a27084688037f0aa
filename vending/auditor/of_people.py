"""What must hold for people and their acts: two persons (I-17), nobody let in after he was shut out, an unbroken trail (I-20)."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from vending.auditor.check import Books, Check


def _trail(books: Books) -> list[str]:
    """Every head covers its rows and the head before it; no row between or before the heads is missing."""
    faults = []
    head, after = "0" * 64, 0
    for first, last, previous, kept in books.rows(
        "SELECT first_entry, last_entry, previous_head, head FROM audit_batch ORDER BY id"
    ):
        digest = hashlib.sha256(bytes.fromhex(head))
        rows = books.rows(
            "SELECT id, at, actor, actor_name, act, subject, detail, reason FROM audit_entry"
            " WHERE id > :after AND id <= :last ORDER BY id",
            after=after,
            last=last,
        )
        for number, at, actor, name, act, subject, detail, reason in rows:
            row = [number, _moment(at), actor, name, act, subject, _value(detail), reason]
            digest.update(
                hashlib.sha256(json.dumps(row, sort_keys=True, separators=(",", ":")).encode()).digest()
            )
        if previous != head or digest.hexdigest() != kept or not rows or rows[0][0] != first:
            faults.append(f"the trail of acts {first} to {last} was changed after it was closed")
        head, after = kept, last
    return faults


def _moment(value: Any) -> str:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value.astimezone(UTC)
    return str(moment.isoformat())


def _value(detail: Any) -> Any:
    return json.loads(detail) if isinstance(detail, str) else detail


def _acts(books: Books) -> list[str]:
    return [
        f"approval {key}: what was signed is not what was asked"
        for key, act_id, text in books.rows("SELECT key, act_id, text FROM approval_request")
        if hashlib.sha256(b"ampoule act 1\n" + text.encode()).hexdigest() != act_id
        or books.rows(
            "SELECT 1 FROM approval_signature WHERE request_key = :key AND act_id <> :act_id",
            key=key,
            act_id=act_id,
        )
    ]


CHECKS = (
    Check(
        "people.trail",
        "I-20",
        "The trail of acts is unbroken from its first row to the last closed one.",
        ("audit_entry", "audit_batch"),
        "SELECT count(*) FROM audit_entry",
        _trail,
    ),
    Check(
        "people.two_persons",
        "I-17",
        "Every approved act has the yes of someone who is neither its maker nor its beneficiary, or the module's word for it.",
        ("approval_request", "approval_signature"),
        "SELECT count(*) FROM approval_request",
        "SELECT r.key, r.act FROM approval_request r WHERE r.state IN ('approved', 'used') AND NOT (r.state = 'used'"
        " AND r.act IN ('free-issue', 'engineering-token', 'key-change', 'open-budget', 'top-up', 'set-limits', 'enrol',"
        " 'resume-key', 'set-meter-key', 'set-floors', 'fast-forward')) AND NOT EXISTS"
        " (SELECT 1 FROM approval_signature s WHERE s.request_key = r.key AND s.decision = 'yes'"
        " AND s.person_key <> r.maker AND s.person_key <> coalesce(r.beneficiary, ''))",
        "approval {0} ({1}) has no second person",
    ),
    Check(
        "people.signed_in_time",
        "I-17",
        "Every yes was given while the request was open.",
        ("approval_request", "approval_signature"),
        "SELECT count(*) FROM approval_signature",
        "SELECT r.key, r.act FROM approval_signature s JOIN approval_request r ON r.key = s.request_key"
        " WHERE s.at < r.made_at OR s.at > r.expires_at",
        "approval {0} ({1}) was signed outside its time",
    ),
    Check(
        "people.acts_are_what_was_signed",
        "I-17",
        "The text of every request is the text that was signed.",
        ("approval_request", "approval_signature"),
        "SELECT count(*) FROM approval_request",
        _acts,
    ),
    Check(
        "people.shut_out",
        "I-25",
        "Nobody was seen in a session after he was disabled or the session had ended.",
        ("person", "sign_in_session"),
        "SELECT count(*) FROM sign_in_session",
        "SELECT p.login, s.key FROM sign_in_session s JOIN person p ON p.key = s.person_key"
        " WHERE s.seen_at > p.disabled_at OR s.seen_at > s.ended_at",
        "{0} was seen in session {1} after it was over",
    ),
)
