"""The trail of acts: who did what to which thing, when and why. Rows are only ever added, in the transaction of the act.

The worker closes batches and chains them (`close_batch`): each head covers every column of its rows and the head before
it, so that an edit, a deletion or a swap anywhere shows. Not the ledger, and not the issuance log: those have their own.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from vending import rows
from vending.clock import Clock
from vending.db import HOLD_FUNCTION, Base, append_only, hold_writers


class AuditEntry(Base):
    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]  # the key of the person or client; "system" for the worker
    actor_name: Mapped[str]
    act: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str] = mapped_column(index=True)  # kind:key, for example meter:6f0c…
    detail: Mapped[dict[str, Any]]
    reason: Mapped[str | None]


class AuditBatch(Base):
    __tablename__ = "audit_batch"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    first_entry: Mapped[int] = mapped_column(unique=True)
    last_entry: Mapped[int] = mapped_column(unique=True)
    closed_at: Mapped[datetime]
    previous_head: Mapped[str]
    head: Mapped[str] = mapped_column(unique=True)


append_only(AuditEntry.__table__)


@event.listens_for(AuditEntry.__table__, "after_create")
def _hold(_table: sa.Table, connection: Connection, **_kw: Any) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(HOLD_FUNCTION.replace("%", "%%"))


append_only(AuditBatch.__table__)

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Doer:
    """Who acts, as the trail names him. `access.Actor` has the same two fields and more."""

    key: str
    name: str


SYSTEM = Doer("system", "Ampoule")


def record(
    session: Session,
    clock: Clock,
    *,
    actor: Any,
    act: str,
    subject: str,
    detail: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Adds one row. `actor` is anything with `key` and `name`."""
    session.add(
        AuditEntry(
            at=clock.now(),
            actor=actor.key,
            actor_name=actor.name,
            act=act,
            subject=subject,
            detail=detail or {},
            reason=reason,
        )
    )


@dataclass(frozen=True, slots=True)
class Act:
    """One row of the trail, to be written with others."""

    actor: Any
    act: str
    subject: str
    detail: dict[str, Any]
    reason: str | None = None


def record_all(session: Session, clock: Clock, acts: Sequence[Act]) -> None:
    """The same as `record` for each of them, in one statement."""
    now = clock.now()
    rows.add(
        session,
        AuditEntry,
        [
            {
                "at": now,
                "actor": one.actor.key,
                "actor_name": one.actor.name,
                "act": one.act,
                "subject": one.subject,
                "detail": one.detail,
                "reason": one.reason,
            }
            for one in acts
        ],
    )


def chained(previous: str, entries: Sequence[AuditEntry]) -> str:
    """The head over these rows, every column of them, after the head before."""
    digest = hashlib.sha256(bytes.fromhex(previous))
    for entry in entries:
        row = [
            entry.id,
            entry.at.isoformat(),
            entry.actor,
            entry.actor_name,
            entry.act,
            entry.subject,
            entry.detail,
            entry.reason,
        ]
        digest.update(
            hashlib.sha256(json.dumps(row, sort_keys=True, separators=(",", ":")).encode()).digest()
        )
    return digest.hexdigest()


def close_batch(session: Session, clock: Clock, *, most: int = 1000) -> AuditBatch | None:
    """Chains the rows that no batch covers yet. Called by the worker alone, so that the sale never waits for a head."""
    # So that no row is ever left behind a head.
    hold_writers(session, "audit_entry")
    last = session.scalars(sa.select(AuditBatch).order_by(AuditBatch.id.desc()).limit(1)).first()
    entries = session.scalars(
        sa.select(AuditEntry)
        .where(AuditEntry.id > (last.last_entry if last else 0))
        .order_by(AuditEntry.id)
        .limit(most)
    ).all()
    if not entries:
        return None
    previous = last.head if last else GENESIS
    batch = AuditBatch(
        first_entry=entries[0].id,
        last_entry=entries[-1].id,
        closed_at=clock.now(),
        previous_head=previous,
        head=chained(previous, entries),
    )
    session.add(batch)
    session.flush()
    return batch
