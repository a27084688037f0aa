"""Closed shifts and what was over or short, by shift and by person. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.shifts.tables import Shift, ShiftClosing, ShiftDecision, ShiftStanding


@dataclass(frozen=True, slots=True)
class ShiftLine:
    key: str
    number: str
    till: str
    cashier: str
    currency: str
    state: str
    opened_at: datetime
    closed_at: datetime | None
    takings_minor: int
    difference_minor: int  # over is above zero, short below
    reason: str
    forgotten: bool
    decision: str


def list_shifts(
    session: Session, site: str, since: datetime, until: datetime, *, short_only: bool = False
) -> list[ShiftLine]:
    """The newest first."""
    rows = session.execute(
        sa.select(Shift, ShiftStanding.state, ShiftClosing, ShiftDecision.outcome)
        .outerjoin(ShiftStanding, ShiftStanding.shift_key == Shift.key)
        .outerjoin(ShiftClosing, ShiftClosing.shift_key == Shift.key)
        .outerjoin(ShiftDecision, ShiftDecision.shift_key == Shift.key)
        .where(Shift.site_key == site, Shift.opened_at >= since, Shift.opened_at < until)
        .order_by(Shift.id.desc())
    )
    found = []
    for shift, state, closing, outcome in rows:
        difference = sum(int(value) for value in closing.differences.values()) if closing else 0
        if short_only and not difference:
            continue
        found.append(
            ShiftLine(
                shift.key,
                shift.number,
                shift.till,
                shift.cashier_name,
                shift.currency,
                state or "",
                shift.opened_at,
                closing.closed_at if closing else None,
                closing.takings_minor if closing else 0,
                difference,
                closing.reason if closing else "",
                bool(closing.forgotten) if closing else False,
                outcome or "",
            )
        )
    return found
