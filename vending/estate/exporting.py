"""Saving tables as CSV or XLSX, streamed, with a guard so that no cell is taken for a formula when it is opened elsewhere.

The lists that can be imported are written with the same columns, so that what was saved can be brought in again.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit
from vending.access import policy
from vending.access.policy import Actor, Permission
from vending.clock import Clock
from vending.db import Database
from vending.errors import InvalidInput
from vending.estate import checks, saving
from vending.estate.columns import LISTS
from vending.estate.tables import (
    Building,
    Circuit,
    Floor,
    Lease,
    Meter,
    MeterKeyData,
    MeterRatio,
    MeterRegister,
    SiteHoliday,
    Space,
    Tenant,
    TenantContact,
)

CHUNK = 2000


def tables() -> tuple[str, ...]:
    """The names of all tables that can be saved."""
    return tuple(_TABLES)


def export(db: Database, clock: Clock, actor: Actor, path: Path, *, table: str, site: str) -> int:
    """Writes the table of this site to `path` (its ending says the format); gives the number of rows."""
    policy.require(actor, Permission.ESTATE_EXPORT, site)
    if table not in _TABLES:
        raise InvalidInput(f"There is no table {table!r}. Save one of: {', '.join(_TABLES)}.", "table")
    with db.reading() as session:
        heading, rows = _TABLES[table](session, site)
        if path.suffix == ".csv":
            count = -1  # the heading is a line too
            with path.open("w", encoding="utf-8-sig", newline="") as file:
                for line in saving.csv_lines(heading, rows):
                    file.write(line)
                    count += 1
        elif path.suffix == ".xlsx":
            count = saving.write_xlsx(str(path), heading, rows)
        else:
            raise InvalidInput("The name of the file must end in .csv or .xlsx.", "path")
    with db.writing() as session:
        audit.record(
            session,
            clock,
            actor=actor,
            act="table saved",
            subject=f"site:{site}",
            detail={"table": table, "rows": count},
        )
    return count


def csv_lines(session: Session, actor: Actor, *, table: str, site: str) -> Iterator[str]:
    """The same as text for a download, line by line."""
    policy.require(actor, Permission.ESTATE_EXPORT, site)
    heading, rows = _TABLES[table](session, site)
    yield from saving.csv_lines(heading, rows)


Table = Callable[[Session, str], tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]]


def _stream(session: Session, query: Any) -> Iterator[tuple[Any, ...]]:
    for row in session.execute(query.execution_options(yield_per=CHUNK)):
        yield tuple(row)


def _units(session: Session, site: str) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    query = (
        sa.select(Space.code, Space.area_cm2, Space.format, Building.name, Floor.name)
        .outerjoin(Floor, Floor.key == Space.floor_key)
        .outerjoin(Building, Building.key == Floor.building_key)
        .where(Space.site_key == site)
        .order_by(Space.id)
    )
    rows = (
        (code, square_metres(area), fmt, building, floor)
        for code, area, fmt, building, floor in _stream(session, query)
    )
    return tuple(column.name for column in LISTS["units"]), rows


def _tenants(session: Session, site: str) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    query = (
        sa.select(
            Tenant.number, Tenant.name, Tenant.kind, Tenant.phone, Tenant.email, Tenant.tax_number,
            Space.code, Lease.starts_on, Lease.ends_on, Lease.deposit_minor,
        )
        .outerjoin(Lease, sa.and_(Lease.tenant_key == Tenant.key, Lease.ended_at.is_(None)))
        .outerjoin(Space, Space.key == Lease.space_key)
        .where(Tenant.site_key == site)
        .order_by(Tenant.id)
    )  # fmt: skip
    rows = (
        (*row[:9], "" if row[9] is None else f"{row[9] // 100}.{row[9] % 100:02d}")
        for row in _stream(session, query)
    )
    return tuple(column.name for column in LISTS["tenants"]), rows


def _meters(session: Session, site: str) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    query = (
        sa.select(
            Meter.pan, Meter.service, Space.code, Meter.label, Meter.profile, Meter.meter_class, Meter.credit_in, Meter.tariff,
            Meter.sgc, Meter.krn, Meter.ti, Meter.ea, Meter.dkga, Meter.tct, Meter.key_type, Meter.ken, Meter.base_date,
            Meter.ct_primary, Meter.ct_secondary, Meter.ratio_applied_by, Meter.power_limit_w, Meter.state,
        )
        .outerjoin(Space, Space.key == Meter.space_key)
        .where(Meter.site_key == site)
        .order_by(Meter.id)
    )  # fmt: skip
    rows = ((*row[:14], checks.KEY_TYPES[row[14]], *row[15:], None, None) for row in _stream(session, query))
    return tuple(column.name for column in LISTS["meters"]), rows


def _plain(table: Any, names: tuple[str, ...], where: Callable[[Any], Any]) -> Table:
    def read(session: Session, site: str) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
        query = sa.select(*(getattr(table, name) for name in names)).where(where(site))
        key = sa.inspect(table).primary_key
        return names, _stream(session, query.order_by(*key))

    return read


def _of_meters(table: Any) -> Callable[[str], Any]:
    return lambda site: table.meter_key.in_(sa.select(Meter.key).where(Meter.site_key == site))


_KEYING = ("ea", "tct", "dkga", "sgc", "krn", "ti", "key_type", "ken", "base_date")
_TABLES: dict[str, Table] = {
    "units": _units,
    "tenants": _tenants,
    "meters": _meters,
    "buildings": _plain(Building, ("key", "name"), lambda site: Building.site_key == site),
    "floors": _plain(
        Floor,
        ("key", "building_key", "name", "level"),
        lambda site: Floor.building_key.in_(sa.select(Building.key).where(Building.site_key == site)),
    ),
    "holidays": _plain(SiteHoliday, ("day", "name"), lambda site: SiteHoliday.site_key == site),
    "contacts": _plain(
        TenantContact,
        ("key", "tenant_key", "name", "role", "phone", "email"),
        lambda site: TenantContact.tenant_key.in_(sa.select(Tenant.key).where(Tenant.site_key == site)),
    ),
    "leases": _plain(
        Lease,
        (
            "key",
            "space_key",
            "tenant_key",
            "starts_on",
            "ends_on",
            "deposit_minor",
            "tariffs",
            "shares",
            "created_at",
            "ended_at",
        ),
        lambda site: Lease.site_key == site,
    ),
    "circuits": _plain(
        Circuit,
        ("key", "parent_key", "name", "service", "rating_amperes", "measured_by"),
        lambda site: Circuit.site_key == site,
    ),
    "registers": _plain(
        MeterRegister,
        ("key", "meter_key", "name", "service", "source", "unit", "subclass", "tariff"),
        _of_meters(MeterRegister),
    ),
    "key-data": _plain(
        MeterKeyData, ("meter_key", "at", *_KEYING, "actor", "evidence", "reason"), _of_meters(MeterKeyData)
    ),
    "ratios": _plain(
        MeterRatio,
        (
            "meter_key",
            "at",
            "ct_primary",
            "ct_secondary",
            "vt_primary",
            "vt_secondary",
            "applied_by",
            "approval_key",
            "reason",
        ),
        _of_meters(MeterRatio),
    ),
}


def square_metres(area_cm2: int) -> str:
    whole, part = divmod(area_cm2, 10_000)
    return f"{whole}.{part:04d}".rstrip("0").rstrip(".")
