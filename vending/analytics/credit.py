"""How many days of credit a unit has left, judged from its purchases: for display, never for a cut.

A token meter does not answer, so what it holds is not known here. What is known is when and how much was bought: somebody
who buys 300 units every ten days uses 30 a day, and has been using them since. The estimate says "about"; a meter that is
read on the line knows better, and a reading would go before it. Reads only; the arithmetic is `days_left`, pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.estate.tables import Floor, Lease, Meter, Space, Tenant
from vending.vends.plan import COUNTS
from vending.vends.tables import Sale, Vend

HISTORY = timedelta(days=90)
LEAST_PURCHASES = 3  # fewer say nothing about a rhythm


@dataclass(frozen=True, slots=True)
class UnitCredit:
    """One unit in the rack. `days` is None where too little is known."""

    space_key: str
    code: str
    floor: str
    level: int
    tenant: str
    meter_key: str
    state: str  # ok, low, off, vacant, unknown
    days: float | None


@dataclass(frozen=True, slots=True)
class LargeUser:
    tenant_key: str
    tenant: str
    units: int
    weeks: tuple[int, ...]  # units of each of the last weeks, the oldest first


def days_left(
    *, bought: int, purchases: int, first: datetime, last: datetime, newest: int, now: datetime
) -> float | None:
    """Days until a meter is empty. `bought`: units of all purchases of the span, `newest`: those of the last one."""
    span = (last - first).total_seconds() / 86400
    if purchases < LEAST_PURCHASES or span < 1 or bought <= newest:
        return None
    a_day = (bought - newest) / span  # what was bought before the last purchase was used by then
    since = (now - last).total_seconds() / 86400
    return max(newest / a_day - since, 0.0)


LOW_DAYS = 2.0


def of_meter(session: Session, meter_key: str, now: datetime) -> float | None:
    """The same for one meter, for the till: None where too little is known."""
    rows = session.execute(
        sa.select(Vend.paid_at, Vend.units + Vend.free_units)
        .where(
            Vend.meter_key == meter_key,
            Vend.paid_at >= now - HISTORY,
            Vend.state.in_(COUNTS),
            Vend.units > 0,
        )
        .order_by(Vend.paid_at, Vend.id)
    ).all()
    if not rows:
        return None
    return days_left(
        bought=sum(int(units) for _at, units in rows),
        purchases=len(rows),
        first=rows[0][0],
        last=rows[-1][0],
        newest=int(rows[-1][1]),
        now=now,
    )


def rack(session: Session, site: str, now: datetime, *, service: str = "electricity") -> list[UnitCredit]:
    """Every unit of the site with its main meter of the service, by floor and code."""
    since = now - HISTORY
    bought = (
        sa.select(
            Vend.meter_key,
            sa.func.sum(Vend.units + Vend.free_units).label("bought"),
            sa.func.count(Vend.id).label("purchases"),
            sa.func.min(Vend.paid_at).label("first"),
            sa.func.max(Vend.paid_at).label("last"),
            sa.func.max(Vend.id).label("newest"),
        )
        .where(Vend.state.in_(COUNTS), Vend.paid_at >= since, Vend.units > 0, Vend.meter_key.is_not(None))
        .group_by(Vend.meter_key)
        .subquery()
    )
    newest = sa.orm.aliased(Vend)
    rows = session.execute(
        sa.select(
            Space.key, Space.code, Floor.name, Floor.level, Tenant.name, Meter.key, Meter.state,
            bought.c.bought, bought.c.purchases, bought.c.first, bought.c.last, newest.units,
        )
        .outerjoin(Floor, Floor.key == Space.floor_key)
        .outerjoin(Lease, sa.and_(Lease.space_key == Space.key, Lease.ended_at.is_(None), Lease.starts_on <= now.date()))
        .outerjoin(Tenant, Tenant.key == Lease.tenant_key)
        .outerjoin(
            Meter,
            sa.and_(
                Meter.space_key == Space.key,
                Meter.service == service,
                Meter.credit_in == "meter",
                Meter.state != "removed",
            ),
        )
        .outerjoin(bought, bought.c.meter_key == Meter.key)
        .outerjoin(newest, newest.id == bought.c.newest)
        .where(Space.site_key == site)
        .order_by(Floor.level.desc(), Space.code)
    )  # fmt: skip
    found: dict[str, UnitCredit] = {}
    for key, code, floor, level, tenant, meter, state, total, purchases, first, last, units in rows:
        days = None
        if meter is not None and total and state == "in service":
            days = days_left(
                bought=int(total),
                purchases=int(purchases),
                first=first,
                last=last,
                newest=int(units or 0),
                now=now,
            )
        said = (
            "vacant"
            if tenant is None
            else "off"
            if state == "blocked"
            else "unknown"
            if days is None
            else "low"
            if days < LOW_DAYS
            else "ok"
        )
        one = UnitCredit(key, code, floor or "", level or 0, tenant or "", meter or "", said, days)
        before = found.get(key)
        # Of several meters the one that runs out first speaks for the unit.
        if before is None or (days is not None and (before.days is None or days < before.days)):
            found[key] = one
    return list(found.values())


def largest(
    session: Session, site: str, now: datetime, *, weeks: int = 8, most: int = 5, service: str = "electricity"
) -> list[LargeUser]:
    """Who bought most of a service in the last four weeks, with the course of the weeks."""
    starts = [now - timedelta(weeks=weeks - index) for index in range(weeks + 1)]
    sums = [
        sa.func.coalesce(
            sa.func.sum(sa.case((sa.and_(Sale.sold_at >= start, Sale.sold_at < end), Vend.units), else_=0)),
            0,
        )
        for start, end in pairwise(starts)
    ]
    lately = sum(sums[-3:], sums[-4])
    rows = session.execute(
        sa.select(Tenant.key, Tenant.name, *sums)
        .select_from(Sale)
        .join(Vend, Vend.sale_key == Sale.key)
        .join(Tenant, Tenant.key == Vend.tenant_key)
        .where(
            Sale.site_key == site, Sale.sold_at >= starts[0], Sale.sold_at < now,
            Vend.state.in_(COUNTS), Vend.service == service,
        )
        .group_by(Tenant.key, Tenant.name)
        .order_by(sa.desc(lately))
        .limit(most)
    )  # fmt: skip
    return [
        LargeUser(
            row[0], row[1], sum(int(value) for value in row[-4:]), tuple(int(value) for value in row[2:])
        )
        for row in rows
    ]
