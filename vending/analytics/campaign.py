"""Which meters of a site are on a key and which still are not: what a key-change campaign counts. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.estate.tables import Floor, Lease, Meter, Space, Tenant


@dataclass(frozen=True, slots=True)
class Waiting:
    key: str
    drn: str
    label: str
    unit: str
    floor: str
    tenant: str
    sgc: str
    krn: int
    base_date: int


def _tokens_of(site: str) -> Any:
    return sa.and_(Meter.site_key == site, Meter.credit_in == "meter", Meter.state != "removed")


def most_used(session: Session, site: str) -> tuple[str, int] | None:
    """The key that most meters of the site are on, as (supply group, revision)."""
    row = session.execute(
        sa.select(Meter.sgc, Meter.krn)
        .where(_tokens_of(site))
        .group_by(Meter.sgc, Meter.krn)
        .order_by(sa.func.count().desc(), Meter.sgc, Meter.krn.desc())
        .limit(1)
    ).first()
    return (row[0], row[1]) if row is not None else None


def count_on(session: Session, site: str, sgc: str, krn: int) -> int:
    return (
        session.scalar(
            sa.select(sa.func.count())
            .select_from(Meter)
            .where(_tokens_of(site), Meter.sgc == sgc, Meter.krn == krn)
        )
        or 0
    )


def not_on(
    session: Session, site: str, sgc: str, krn: int, *, offset: int = 0, most: int = 500
) -> list[Waiting]:
    """The meters under another key, by floor and unit: the order in which somebody walks."""
    rows = session.execute(
        sa.select(
            Meter.key, Meter.drn, Meter.label, Space.code, Floor.name, Tenant.name, Meter.sgc, Meter.krn, Meter.base_date
        )
        .outerjoin(Space, Space.key == Meter.space_key)
        .outerjoin(Floor, Floor.key == Space.floor_key)
        .outerjoin(Lease, sa.and_(Lease.space_key == Space.key, Lease.ended_at.is_(None)))
        .outerjoin(Tenant, Tenant.key == Lease.tenant_key)
        .where(_tokens_of(site), sa.or_(Meter.sgc != sgc, Meter.krn != krn))
        .order_by(Floor.level, Space.code, Meter.id)
        .offset(offset)
        .limit(most)
    )  # fmt: skip
    return [
        Waiting(key, drn, label, code or "", floor or "", tenant or "", group, revision, base)
        for key, drn, label, code, floor, tenant, group, revision, base in rows
    ]
