"""Lists of a site in pages, for programs: after the last row that was seen, so that a row added meanwhile moves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.clock import Clock
from vending.estate import queries
from vending.estate.tables import Meter, Tenant
from vending.estate.views import MeterView, TenantView

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`next` is the place to go on from; None on the last page."""

    items: list[Row]
    next: int | None


def page_of_meters(
    session: Session, clock: Clock, site_key: str, *, after: int, most: int
) -> Page[MeterView]:
    rows = session.execute(
        sa.select(Meter.id, Meter.key)
        .where(Meter.site_key == site_key, Meter.id > after)
        .order_by(Meter.id)
        .limit(most + 1)
    ).all()
    views = queries.list_meters(session, clock, [row.key for row in rows[:most]])
    return Page(views, rows[most - 1].id if len(rows) > most else None)


def page_of_tenants(session: Session, site_key: str, *, after: int, most: int) -> Page[TenantView]:
    rows = session.scalars(
        sa.select(Tenant.id)
        .where(Tenant.site_key == site_key, Tenant.id > after)
        .order_by(Tenant.id)
        .limit(most + 1)
    ).all()
    views = queries.list_tenants(session, site_key, after=after, most=most)
    return Page(views, rows[most - 1] if len(rows) > most else None)
