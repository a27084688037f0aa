"""Numbers without gaps: raised in the transaction of the act that takes one."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.shifts.tables import ShiftSeries


def next_number(session: Session, series: str) -> str:
    raised = session.execute(
        sa.update(ShiftSeries)
        .where(ShiftSeries.series == series)
        .values(last=ShiftSeries.last + 1)
        .returning(ShiftSeries.last)
    ).scalar_one_or_none()
    if raised is None:
        session.execute(sa.insert(ShiftSeries).values(series=series, last=1))
        raised = 1
    return f"{series}{raised:05d}"
