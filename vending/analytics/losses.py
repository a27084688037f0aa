"""Where energy or money may be lost: meters that stopped buying, meters that buy far less than they did (rules.md 26).

Reads only, and says reasons rather than verdicts: each line is a question for an inspection, not an accusation. Every look
is one grouped statement over the index of purchases by meter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.estate.tables import Lease, Meter, Space, Tenant
from vending.vends.plan import COUNTS
from vending.vends.tables import Vend

WINDOW = timedelta(days=28)
HISTORY = 3  # windows before the last one that make "as usual"


@dataclass(frozen=True, slots=True)
class Quiet:
    """A meter that a tenant lives or works behind, and that has not bought for long."""

    meter_key: str
    drn: str
    unit: str
    tenant: str
    service: str
    last: datetime | None
    since: datetime  # the last purchase, or since when the meter could have bought
    before: int  # units bought in the year before

    def days(self, now: datetime) -> int:
        return (now - self.since).days


@dataclass(frozen=True, slots=True)
class Drop:
    """A meter that bought much less in the last 28 days than on average in the 84 days before."""

    meter_key: str
    drn: str
    unit: str
    tenant: str
    service: str
    lately: int
    usual: int  # units per 28 days

    @property
    def percent(self) -> int:
        return round(100 * (self.lately - self.usual) / self.usual)


def _let(query: Any, site: str) -> Any:
    """Only meters that are in service, sold to by token, behind a unit that somebody has."""
    return (
        query.join(Space, Space.key == Meter.space_key)
        .join(Lease, sa.and_(Lease.space_key == Space.key, Lease.ended_at.is_(None)))
        .join(Tenant, Tenant.key == Lease.tenant_key)
        .where(Meter.site_key == site, Meter.state == "in service", Meter.credit_in == "meter")
    )


def quiet(session: Session, site: str, now: datetime, *, days: int) -> list[Quiet]:
    """The longest silent first."""
    limit, year = now - timedelta(days=days), now - timedelta(days=365)
    bought = (
        sa.select(
            Vend.meter_key,
            sa.func.max(Vend.paid_at).label("last"),
            sa.func.sum(Vend.units).label("units"),
        )
        .where(Vend.state.in_(COUNTS), Vend.paid_at >= year)
        .group_by(Vend.meter_key)
        .subquery()
    )
    query = _let(
        sa.select(
            Meter.key, Meter.drn, Space.code, Tenant.name, Meter.service, bought.c.last, bought.c.units,
            Meter.commissioned_at, Lease.starts_on,
        ).outerjoin(bought, bought.c.meter_key == Meter.key),
        site,
    ).where(
        sa.or_(bought.c.last.is_(None), bought.c.last < limit),
        sa.or_(Meter.commissioned_at.is_(None), Meter.commissioned_at < limit),
    )  # fmt: skip
    found = [
        Quiet(row[0], row[1], row[2], row[3], row[4], row[5], row[5] or row[7] or limit, int(row[6] or 0))
        for row in session.execute(query)
    ]
    return sorted(found, key=lambda one: one.since)


def dropped(session: Session, site: str, now: datetime, *, percent: int = 50, least: int = 200) -> list[Drop]:
    """Meters that bought at least `percent` less than usual; `least`: tenths of a unit per window below which a meter is
    too small to judge. The largest loss first."""
    start, begin = now - WINDOW, now - WINDOW * (HISTORY + 1)
    bought = (
        sa.select(
            Vend.meter_key,
            sa.func.sum(sa.case((Vend.paid_at >= start, Vend.units), else_=0)).label("lately"),
            sa.func.sum(sa.case((Vend.paid_at < start, Vend.units), else_=0)).label("before"),
            sa.func.min(Vend.paid_at).label("first"),
        )
        .where(Vend.state.in_(COUNTS), Vend.paid_at >= begin)
        .group_by(Vend.meter_key)
        .subquery()
    )
    query = _let(
        sa.select(
            Meter.key, Meter.drn, Space.code, Tenant.name, Meter.service, bought.c.lately, bought.c.before, bought.c.first
        ).join(bought, bought.c.meter_key == Meter.key),
        site,
    )  # fmt: skip
    found = []
    for key, drn, unit, tenant, service, lately, before, first in session.execute(query):
        windows = (start - max(first, begin)) / WINDOW  # a new customer has a shorter usual
        if windows < 1:
            continue
        usual = round(int(before) / windows)
        if usual >= least and int(lately) * 100 <= usual * (100 - percent):
            found.append(Drop(key, drn, unit, tenant, service, int(lately), usual))
    return sorted(found, key=lambda one: one.lately - one.usual)
