"""The sandbox's memory: orders of one key, kept for thirty days. Steps inside somebody's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.clock import Clock
from vending.sandbox.tables import SandboxOrder

KEPT_FOR = timedelta(days=30)
TRIED = "tried"


@dataclass(frozen=True, slots=True)
class Kept:
    place: int
    order_id: str
    pan: str
    asked: str
    state: str
    paid_minor: int
    told: dict[str, Any]
    looks: int
    copies: int
    handed_over_at: datetime | None
    reversal_asked_at: datetime | None
    made_at: datetime


def find(session: Session, key: str, order_id: str) -> Kept | None:
    row = _row(session, key, order_id)
    return _kept(row) if row is not None else None


def list_orders(
    session: Session, key: str, *, pan: str | None = None, before: int | None = None, most: int
) -> list[Kept]:
    """What was sold, the newest first."""
    query = sa.select(SandboxOrder).where(SandboxOrder.api_key == key, SandboxOrder.state != TRIED)
    if pan is not None:
        query = query.where(SandboxOrder.pan == pan)
    if before is not None:
        query = query.where(SandboxOrder.id < before)
    return [_kept(row) for row in session.scalars(query.order_by(SandboxOrder.id.desc()).limit(most))]


def spent_since(session: Session, key: str, moment: datetime) -> int:
    """What this key's orders took since then; refused ones gave it back."""
    return int(
        session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(SandboxOrder.paid_minor), 0)).where(
                SandboxOrder.api_key == key,
                SandboxOrder.made_at >= moment,
                SandboxOrder.state.in_(("issued", "paid")),
            )
        )
        or 0
    )


def keep(
    session: Session,
    clock: Clock,
    key: str,
    order_id: str,
    *,
    pan: str,
    asked: str,
    state: str,
    paid_minor: int = 0,
    told: dict[str, Any] | None = None,
) -> None:
    """A new order, or one that was only tried before and is sold now."""
    now = clock.now()
    session.execute(sa.delete(SandboxOrder).where(SandboxOrder.made_at < now - KEPT_FOR))
    row = _row(session, key, order_id)
    if row is None:
        row = SandboxOrder(
            api_key=key, order_id=order_id, pan=pan, asked=asked, looks=0, copies=0, made_at=now
        )
        session.add(row)
    row.state, row.paid_minor, row.told = state, paid_minor, told or {}
    session.flush()


def look(session: Session, key: str, order_id: str, *, decided_after: int) -> Kept | None:
    """Somebody asked what became of it: an undecided order is decided when it has been asked about so often."""
    row = _row(session, key, order_id)
    if row is None:
        return None
    row.looks += 1
    if row.state == "paid" and row.looks >= decided_after:
        row.state = "issued"
    session.flush()
    return _kept(row)


def mark(
    session: Session,
    key: str,
    order_id: str,
    *,
    copied: bool = False,
    handed_over: datetime | None = None,
    reversal: datetime | None = None,
) -> None:
    row = _row(session, key, order_id)
    assert row is not None, "only an order that was found is marked"
    row.copies += copied
    row.handed_over_at = row.handed_over_at or handed_over
    row.reversal_asked_at = row.reversal_asked_at or reversal


def _row(session: Session, key: str, order_id: str) -> SandboxOrder | None:
    return session.scalar(
        sa.select(SandboxOrder).where(SandboxOrder.api_key == key, SandboxOrder.order_id == order_id)
    )


def _kept(row: SandboxOrder) -> Kept:
    return Kept(
        row.id,
        row.order_id,
        row.pan,
        row.asked,
        row.state,
        row.paid_minor,
        row.told,
        row.looks,
        row.copies,
        row.handed_over_at,
        row.reversal_asked_at,
        row.made_at,
    )
