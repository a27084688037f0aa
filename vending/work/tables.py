"""The rows of work at meters: an order from its opening to its end, a visit with its sealed seed, results, only added."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base, append_only

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class WorkOrder(Base):
    __tablename__ = "work_order"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str]
    number: Mapped[int]  # counted at the site: W-17
    kind: Mapped[str]
    title: Mapped[str]
    note: Mapped[str]
    meter_key: Mapped[str | None] = mapped_column(index=True)
    due_on: Mapped[date | None]
    state: Mapped[str]
    opened_by: Mapped[str]
    opened_by_name: Mapped[str]
    opened_at: Mapped[datetime]
    taken_by: Mapped[str | None]
    taken_by_name: Mapped[str | None]
    ended_by_name: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    result: Mapped[str | None]

    __table_args__ = (
        sa.UniqueConstraint("site_key", "number"),
        sa.CheckConstraint("state IN ('open', 'started', 'done', 'failed', 'cancelled')", name="state_known"),
        sa.Index("ix_work_order_site_state", "site_key", "state", "id"),
    )


class WorkVisit(Base):
    """A file that went out. The seed of its results' key is sealed under the site's secret."""

    __tablename__ = "work_visit"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str]
    made_by: Mapped[str]
    made_by_name: Mapped[str]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    orders: Mapped[dict[str, Any]]  # order key -> {pan, act}
    seed_sealed: Mapped[str]


class WorkResult(Base):
    """What became of one order of a visit: once, however often the file is brought."""

    __tablename__ = "work_result"

    order_key: Mapped[str] = mapped_column(sa.ForeignKey("work_order.key"), primary_key=True)
    visit_key: Mapped[str] = mapped_column(sa.ForeignKey("work_visit.key"))
    meter_key: Mapped[str] = mapped_column(index=True)
    status: Mapped[str]
    at: Mapped[datetime]
    sentence: Mapped[str]
    readings: Mapped[dict[str, Any]]  # credit, relay and registers, as the meter showed them
    brought_by: Mapped[str]
    brought_at: Mapped[datetime]


append_only(WorkVisit.__table__)
append_only(WorkResult.__table__)
