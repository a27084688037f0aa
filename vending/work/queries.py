"""Work orders and visits as frozen views. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.errors import NotFound
from vending.work.tables import WorkOrder, WorkResult, WorkVisit


@dataclass(frozen=True, slots=True)
class OrderView:
    key: str
    site_key: str
    number: int
    kind: str
    title: str
    note: str
    meter_key: str | None
    due_on: date | None
    state: str
    opened_by: str
    opened_by_name: str
    opened_at: datetime
    taken_by_name: str | None
    ended_by_name: str | None
    ended_at: datetime | None
    result: str | None


@dataclass(frozen=True, slots=True)
class VisitView:
    key: str
    made_by_name: str
    made_at: datetime
    expires_at: datetime
    orders: int
    results: int


@dataclass(frozen=True, slots=True)
class ResultView:
    order_key: str
    status: str
    at: datetime
    sentence: str
    readings: dict[str, Any]


def list_orders(
    session: Session,
    site: str,
    *,
    states: Sequence[str] = (),
    kind: str = "",
    meter: str = "",
    offset: int = 0,
    most: int = 200,
) -> list[OrderView]:
    """Open ones by what is due first, then the newest."""
    query = sa.select(WorkOrder).where(WorkOrder.site_key == site)
    if states:
        query = query.where(WorkOrder.state.in_(list(states)))
    if kind:
        query = query.where(WorkOrder.kind == kind)
    if meter:
        query = query.where(WorkOrder.meter_key == meter)
    far = sa.literal(date(9999, 1, 1), sa.Date())
    rows = session.scalars(
        query.order_by(sa.func.coalesce(WorkOrder.due_on, far), WorkOrder.id.desc())
        .offset(offset)
        .limit(most)
    )
    return [_order(row) for row in rows]


def one_order(session: Session, key: str) -> OrderView:
    row = session.scalar(sa.select(WorkOrder).where(WorkOrder.key == key))
    if row is None:
        raise NotFound("There is no such work order here.")
    return _order(row)


def results_of(session: Session, order_keys: Sequence[str]) -> dict[str, ResultView]:
    rows = session.scalars(sa.select(WorkResult).where(WorkResult.order_key.in_(list(order_keys))))
    return {
        row.order_key: ResultView(row.order_key, row.status, row.at, row.sentence, row.readings)
        for row in rows
    }


def last_visits(session: Session, site: str, *, most: int = 5) -> list[VisitView]:
    rows = session.scalars(
        sa.select(WorkVisit).where(WorkVisit.site_key == site).order_by(WorkVisit.id.desc()).limit(most)
    ).all()
    counts = {
        key: int(count)
        for key, count in session.execute(
            sa.select(WorkResult.visit_key, sa.func.count())
            .where(WorkResult.visit_key.in_([row.key for row in rows]))
            .group_by(WorkResult.visit_key)
        )
    }
    return [
        VisitView(
            row.key, row.made_by_name, row.made_at, row.expires_at, len(row.orders), counts.get(row.key, 0)
        )
        for row in rows
    ]


def _order(row: WorkOrder) -> OrderView:
    return OrderView(
        row.key,
        row.site_key,
        row.number,
        row.kind,
        row.title,
        row.note,
        row.meter_key,
        row.due_on,
        row.state,
        row.opened_by,
        row.opened_by_name,
        row.opened_at,
        row.taken_by_name,
        row.ended_by_name,
        row.ended_at,
        row.result,
    )
