"""How many meters are on which key, and where the trail of acts was last closed. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.audit import AuditBatch
from vending.estate.tables import Meter


@dataclass(frozen=True, slots=True)
class Head:
    closed_at: datetime
    first_entry: int
    last_entry: int
    head: str


def meters_on_keys(session: Session) -> dict[tuple[str, int, int], int]:
    """(supply group, revision, kind of key) -> meters that are not off the wall, over all sites: the module is one."""
    rows = session.execute(
        sa.select(Meter.sgc, Meter.krn, Meter.key_type, sa.func.count())
        .where(Meter.state != "removed", Meter.credit_in == "meter")
        .group_by(Meter.sgc, Meter.krn, Meter.key_type)
    )
    return {(sgc, krn, kind): int(count) for sgc, krn, kind, count in rows}


def meters_by_class(session: Session, site_key: str) -> dict[str, int]:
    """class -> meters of the site that are not off the wall."""
    rows = session.execute(
        sa.select(Meter.meter_class, sa.func.count())
        .where(Meter.state != "removed", Meter.site_key == site_key)
        .group_by(Meter.meter_class)
    )
    return {name: int(count) for name, count in rows}


def last_head(session: Session) -> Head | None:
    found = list_heads(session, most=1)
    return found[0] if found else None


def list_heads(session: Session, *, offset: int = 0, most: int = 50) -> list[Head]:
    """Closed batches of the trail, the newest first."""
    rows = session.scalars(sa.select(AuditBatch).order_by(AuditBatch.id.desc()).offset(offset).limit(most))
    return [Head(row.closed_at, row.first_entry, row.last_entry, row.head) for row in rows]
