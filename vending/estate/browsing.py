"""The estate for people who look around: floors with their units, and paged lists of units, tenants and meters.

Frozen lines, never rows, each list in the order of an index. Searching by what a cashier is told is `queries.find_meters`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.clock import Clock
from vending.errors import NotFound
from vending.estate import queries
from vending.estate.service import today_at
from vending.estate.tables import Building, Floor, Lease, Meter, Space, Tenant
from vending.estate.views import LeaseView, SpaceView

NO_FLOOR = "none"


@dataclass(frozen=True, slots=True)
class FloorLine:
    key: str  # NO_FLOOR for units that were given none
    name: str
    building_key: str
    building: str
    units: int
    let: int


@dataclass(frozen=True, slots=True)
class UnitLine:
    key: str
    code: str
    format: str
    area_cm2: int
    floor: str
    building: str
    tenant_key: str | None
    tenant: str | None
    lease_key: str | None
    since: date | None


@dataclass(frozen=True, slots=True)
class TenantLine:
    key: str
    number: str
    name: str
    kind: str
    phone: str
    email: str
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildingLine:
    key: str
    name: str


def buildings(session: Session, site_key: str) -> list[BuildingLine]:
    rows = session.execute(
        sa.select(Building.key, Building.name).where(Building.site_key == site_key).order_by(Building.id)
    )
    return [BuildingLine(*row) for row in rows]


def floors(session: Session, clock: Clock, site_key: str) -> list[FloorLine]:
    """Every floor of the site with how many units it has and how many of them are let, lowest first; units without a
    floor come last, under NO_FLOOR."""
    lease = _held(session, clock, site_key)
    counts = {
        floor: (units, let)
        for floor, units, let in session.execute(
            sa.select(Space.floor_key, sa.func.count(Space.id), sa.func.count(lease.c.space_key))
            .outerjoin(lease, lease.c.space_key == Space.key)
            .where(Space.site_key == site_key)
            .group_by(Space.floor_key)
        )
    }
    rows = session.execute(
        sa.select(Floor.key, Floor.name, Building.key, Building.name)
        .join(Building, Building.key == Floor.building_key)
        .where(Building.site_key == site_key)
        .order_by(Building.id, Floor.level)
    )
    found = [FloorLine(*row, *counts.get(row[0], (0, 0))) for row in rows]
    if None in counts:
        found.append(FloorLine(NO_FLOOR, "", "", "", *counts[None]))
    return found


def units(
    session: Session,
    clock: Clock,
    site_key: str,
    *,
    floor: str = "",
    vacant: bool | None = None,
    text: str = "",
    keys: Sequence[str] | None = None,
    offset: int = 0,
    most: int = 500,
) -> list[UnitLine]:
    """Units in the order of their codes, with who has them. `text` is the beginning of a code."""
    lease = _held(session, clock, site_key)
    query = (
        sa.select(
            Space.key, Space.code, Space.format, Space.area_cm2, Floor.name, Building.name,
            Tenant.key, Tenant.name, lease.c.key, lease.c.starts_on,
        )
        .outerjoin(Floor, Floor.key == Space.floor_key)
        .outerjoin(Building, Building.key == Floor.building_key)
        .outerjoin(lease, lease.c.space_key == Space.key)
        .outerjoin(Tenant, Tenant.key == lease.c.tenant_key)
        .where(Space.site_key == site_key)
        .order_by(Space.code)
        .offset(offset)
        .limit(most)
    )  # fmt: skip
    if floor:
        query = query.where(Space.floor_key.is_(None) if floor == NO_FLOOR else Space.floor_key == floor)
    if vacant is not None:
        query = query.where(lease.c.key.is_(None) if vacant else lease.c.key.is_not(None))
    if text:
        query = query.where(Space.code.startswith(text.upper(), autoescape=True))
    if keys is not None:
        query = query.where(Space.key.in_(keys))
    return [
        UnitLine(
            key, code, kind, area, floor_name or "", building or "", tenant_key, tenant, lease_key, since
        )
        for key, code, kind, area, floor_name, building, tenant_key, tenant, lease_key, since in session.execute(
            query
        )
    ]


def _held(session: Session, clock: Clock, site_key: str) -> Any:
    """Who has which unit today: a lease that has begun and whose tenant did not move out."""
    today = today_at(session, clock, site_key)
    return (
        sa.select(Lease.key, Lease.space_key, Lease.tenant_key, Lease.starts_on)
        .where(Lease.site_key == site_key, Lease.ended_at.is_(None), Lease.starts_on <= today)
        .subquery()
    )


def tenants(
    session: Session, site_key: str, *, text: str = "", offset: int = 0, most: int = 500
) -> list[TenantLine]:
    """Tenants by customer number, with their units."""
    query = sa.select(Tenant).where(Tenant.site_key == site_key)
    if text.strip():
        keys = [one.key for one in queries.find_tenants(session, text, sites=(site_key,), most=200)]
        query = query.where(Tenant.key.in_(keys))
    rows = session.scalars(query.order_by(Tenant.number).offset(offset).limit(most)).all()
    held: dict[str, list[str]] = {}
    for tenant, code in session.execute(
        sa.select(Lease.tenant_key, Space.code)
        .join(Space, Space.key == Lease.space_key)
        .where(Lease.tenant_key.in_([row.key for row in rows]), Lease.ended_at.is_(None))
        .order_by(Space.code)
    ):
        held.setdefault(tenant, []).append(code)
    return [
        TenantLine(
            row.key, row.number, row.name, row.kind, row.phone, row.email, tuple(held.get(row.key, ()))
        )
        for row in rows
    ]


def leases_of_tenant(session: Session, tenant_key: str) -> list[tuple[LeaseView, str]]:
    """Every lease of the tenant with the unit's code, the newest first."""
    rows = session.execute(
        sa.select(Lease, Space.code)
        .join(Space, Space.key == Lease.space_key)
        .where(Lease.tenant_key == tenant_key)
        .order_by(Lease.starts_on.desc(), Lease.id.desc())
    )
    return [(queries.lease_view(lease), code) for lease, code in rows]


def meter_keys(
    session: Session,
    site_key: str,
    *,
    text: str = "",
    state: str = "",
    service: str = "",
    space: str = "",
    without_unit: bool = False,
    offset: int = 0,
    most: int = 500,
) -> list[str]:
    """The keys of meters in the order in which they were registered; with a text, those that a search finds."""
    query = sa.select(Meter.key).where(Meter.site_key == site_key)
    if text.strip():
        found = queries.find_keys(session, "meter", text, (site_key,), 500)
        query = query.where(Meter.key.in_(found))
    if state:
        query = query.where(Meter.state == state)
    if service:
        query = query.where(Meter.service == service)
    if space:
        query = query.where(Meter.space_key == space)
    if without_unit:
        query = query.where(Meter.space_key.is_(None))
    return list(session.scalars(query.order_by(Meter.id).offset(offset).limit(most)))


def counts(session: Session, site_key: str) -> dict[str, int]:
    """How many units, tenants and meters the site has, and how many meters in each state."""
    found = {
        "units": session.scalar(
            sa.select(sa.func.count()).select_from(Space).where(Space.site_key == site_key)
        )
        or 0,
        "tenants": session.scalar(
            sa.select(sa.func.count()).select_from(Tenant).where(Tenant.site_key == site_key)
        )
        or 0,
    }
    rows = session.execute(
        sa.select(Meter.state, sa.func.count()).where(Meter.site_key == site_key).group_by(Meter.state)
    ).all()
    meters = {row[0]: int(row[1]) for row in rows}
    return {**found, "meters": sum(meters.values()), **{f"meters {state}": n for state, n in meters.items()}}


def one_space(session: Session, key: str) -> SpaceView:
    row = session.execute(
        sa.select(Space, Floor.name, Building.name)
        .outerjoin(Floor, Floor.key == Space.floor_key)
        .outerjoin(Building, Building.key == Floor.building_key)
        .where(Space.key == key)
    ).first()
    if row is None:
        raise NotFound("There is no such unit here. Search for it again.")
    return queries.space_view(*row)


def tenant_names(session: Session, keys: set[str]) -> dict[str, str]:
    """The names of these tenants; what is no tenant's key is left out."""
    names: dict[str, str] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), 500):
        for key, name in session.execute(
            sa.select(Tenant.key, Tenant.name).where(Tenant.key.in_(wanted[start : start + 500]))
        ):
            names[key] = name
    return names
