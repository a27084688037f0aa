"""Acts on places and people of the estate: sites, units, tenants, leases. Each is a step inside the caller's transaction.

Each act asks for the right at the site, checks its values, writes, and adds its row to the trail; so the trail of a
subject is its history. Meters have their own file (`meters.py`), circuits too (`circuits.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit, money
from vending.access import policy
from vending.access.policy import EVERYWHERE, Actor, Permission
from vending.clock import Clock
from vending.db import new_key
from vending.errors import InvalidInput, NotFound
from vending.estate import checks, indexing
from vending.estate.errors import LeaseOverlaps, NameTaken, SpaceIsLet, TermUnfit
from vending.estate.tables import (
    Building,
    Floor,
    Lease,
    Operator,
    Site,
    SiteHoliday,
    Space,
    Tenant,
    TenantContact,
)

TENANT_KINDS = ("company", "department", "person")


def add_operator(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    name: str,
    address: str = "",
    tax_number: str = "",
    phone: str = "",
    email: str = "",
) -> str:
    policy.require(actor, Permission.SITE_EDIT, EVERYWHERE)
    operator = Operator(
        key=new_key(),
        name=checks.line(name, "The operator's name", "name"),
        address=checks.line(address, "The address", "address", most=300, empty=True),
        tax_number=checks.line(tax_number, "The tax number", "tax_number", most=40, empty=True),
        phone=checks.phone(phone),
        email=checks.email(email),
    )
    session.add(operator)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="operator added",
        subject=f"operator:{operator.key}",
        detail={"name": operator.name},
    )
    return operator.key


def add_site(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    operator: str,
    name: str,
    time_zone: str,
    currency: str,
    languages: Sequence[str] = ("en",),
    taxes: Sequence[dict[str, Any]] = (),
    address: str = "",
) -> str:
    policy.require(actor, Permission.SITE_EDIT, EVERYWHERE)
    site = Site(
        key=new_key(),
        operator_key=operator,
        name=checks.line(name, "The site's name", "name"),
        address=checks.line(address, "The address", "address", most=300, empty=True),
        time_zone=checks.time_zone(time_zone),
        currency=money.currency(currency).code,
        languages=checks.languages(languages),
        taxes=checks.taxes(taxes),
        created_at=clock.now(),
    )
    _refuse_taken(session, sa.select(Site.id).where(Site.name == site.name), "site", site.name)
    session.add(site)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="site added",
        subject=f"site:{site.key}",
        detail={"name": site.name, "time zone": site.time_zone, "currency": site.currency},
    )
    return site.key


def change_site(session: Session, clock: Clock, actor: Actor, site_key: str, **changes: Any) -> None:
    """Name, address, time zone, languages or taxes. The currency of a site never changes: its books are in it."""
    policy.require(actor, Permission.SITE_EDIT, site_key)
    site = _one(session, Site, site_key, "site")
    readers: dict[str, Callable[[Any], Any]] = {
        "name": lambda value: checks.line(value, "The site's name", "name"),
        "address": lambda value: checks.line(value, "The address", "address", most=300, empty=True),
        "time_zone": checks.time_zone,
        "languages": checks.languages,
        "taxes": checks.taxes,
    }
    if "currency" in changes:
        raise InvalidInput(
            "The currency of a site cannot change: its books are kept in it. Set up another site.", "currency"
        )
    before = {}
    for name, value in changes.items():
        assert name in readers, f"{name} is not a field of a site"
        before[name] = getattr(site, name)
        setattr(site, name, readers[name](value))
    audit.record(
        session,
        clock,
        actor=actor,
        act="site changed",
        subject=f"site:{site_key}",
        detail={"before": before, "after": {n: getattr(site, n) for n in before}},
    )


def set_holidays(
    session: Session, clock: Clock, actor: Actor, site_key: str, holidays: Mapping[date, str]
) -> None:
    """Adds or renames days on which time-of-use tariffs count a holiday."""
    policy.require(actor, Permission.SITE_EDIT, site_key)
    for day, name in holidays.items():
        session.merge(
            SiteHoliday(
                site_key=site_key, day=day, name=checks.line(name, "The holiday's name", "holidays", most=60)
            )
        )
    audit.record(
        session,
        clock,
        actor=actor,
        act="holidays set",
        subject=f"site:{site_key}",
        detail={day.isoformat(): name for day, name in holidays.items()},
    )


def remove_holiday(session: Session, clock: Clock, actor: Actor, site_key: str, day: date) -> None:
    policy.require(actor, Permission.SITE_EDIT, site_key)
    session.execute(sa.delete(SiteHoliday).where(SiteHoliday.site_key == site_key, SiteHoliday.day == day))
    audit.record(
        session,
        clock,
        actor=actor,
        act="holiday removed",
        subject=f"site:{site_key}",
        detail={"day": day.isoformat()},
    )


def add_building(session: Session, clock: Clock, actor: Actor, *, site: str, name: str) -> str:
    policy.require(actor, Permission.ESTATE_EDIT, site)
    building = Building(
        key=new_key(), site_key=site, name=checks.line(name, "The building's name", "name", most=60)
    )
    _refuse_taken(
        session,
        sa.select(Building.id).where(Building.site_key == site, Building.name == building.name),
        "building",
        building.name,
    )
    session.add(building)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="building added",
        subject=f"building:{building.key}",
        detail={"name": building.name, "site": site},
    )
    return building.key


def add_floor(session: Session, clock: Clock, actor: Actor, *, building: str, name: str, level: int) -> str:
    row = _one(session, Building, building, "building")
    policy.require(actor, Permission.ESTATE_EDIT, row.site_key)
    floor = Floor(
        key=new_key(),
        building_key=building,
        name=checks.line(name, "The floor's name", "name", most=60),
        level=level,
    )
    _refuse_taken(
        session,
        sa.select(Floor.id).where(Floor.building_key == building, Floor.name == floor.name),
        "floor",
        floor.name,
    )
    session.add(floor)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="floor added",
        subject=f"floor:{floor.key}",
        detail={"name": floor.name, "building": building},
    )
    return floor.key


def add_space(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    site: str,
    code: str,
    area: str,
    format: str = "shop",
    floor: str | None = None,
) -> str:
    """A unit that can be let. `area` in square metres as people write it."""
    policy.require(actor, Permission.ESTATE_EDIT, site)
    space = Space(
        key=new_key(),
        site_key=site,
        floor_key=floor,
        code=checks.line(code, "The unit's name", "code", most=40),
        format=checks.format_of_space(format),
        area_cm2=checks.area_cm2(area),
    )
    _refuse_taken(
        session,
        sa.select(Space.id).where(Space.site_key == site, Space.code == space.code),
        "unit",
        space.code,
    )
    session.add(space)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="unit added",
        subject=f"space:{space.key}",
        detail={"code": space.code, "area cm2": space.area_cm2, "site": site},
    )
    return space.key


def change_space(session: Session, clock: Clock, actor: Actor, space_key: str, **changes: str) -> None:
    space = _one(session, Space, space_key, "unit")
    policy.require(actor, Permission.ESTATE_EDIT, space.site_key)
    before = {"code": space.code, "format": space.format, "area cm2": space.area_cm2}
    if "code" in changes:
        space.code = checks.line(changes["code"], "The unit's name", "code", most=40)
        _refuse_taken(
            session,
            sa.select(Space.id).where(
                Space.site_key == space.site_key, Space.code == space.code, Space.key != space_key
            ),
            "unit",
            space.code,
        )
    if "format" in changes:
        space.format = checks.format_of_space(changes["format"])
    if "area" in changes:
        space.area_cm2 = checks.area_cm2(changes["area"])
    audit.record(
        session,
        clock,
        actor=actor,
        act="unit changed",
        subject=f"space:{space_key}",
        detail={"before": before, "after": dict(changes)},
    )
    indexing.refresh_space(session, space_key)


def add_tenant(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    site: str,
    name: str,
    kind: str = "company",
    number: str = "",
    parent: str | None = None,
    phone: str = "",
    email: str = "",
    tax_number: str = "",
    language: str = "",
) -> str:
    """A company, a department of one, or a person. Without a number the next free one is given."""
    policy.require(actor, Permission.ESTATE_EDIT, site)
    if kind not in TENANT_KINDS:
        raise InvalidInput(f"{kind!r} is not a kind of tenant. Use: {', '.join(TENANT_KINDS)}.", "kind")
    if (kind == "department") != (parent is not None):
        raise InvalidInput(
            "A department belongs to a company, and nothing else does. Choose the company.", "parent"
        )
    if parent is not None and _one(session, Tenant, parent, "company").kind != "company":
        raise InvalidInput(
            "A department belongs to a company, not to a person or another department.", "parent"
        )
    tenant = Tenant(
        key=new_key(),
        site_key=site,
        kind=kind,
        parent_key=parent,
        number=checks.line(number, "The customer number", "number", most=20, empty=True)
        or next_number(session, site),
        name=checks.line(name, "The tenant's name", "name"),
        phone=checks.phone(phone),
        email=checks.email(email),
        tax_number=checks.line(tax_number, "The tax number", "tax_number", most=40, empty=True),
        language=language,
        created_at=clock.now(),
    )
    _refuse_taken(
        session,
        sa.select(Tenant.id).where(Tenant.site_key == site, Tenant.number == tenant.number),
        "customer number",
        tenant.number,
    )
    session.add(tenant)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="tenant added",
        subject=f"tenant:{tenant.key}",
        detail={"number": tenant.number, "kind": kind, "site": site},
    )
    indexing.refresh_tenants(session, [tenant.key])
    return tenant.key


def change_tenant(session: Session, clock: Clock, actor: Actor, tenant_key: str, **changes: str) -> None:
    tenant = _one(session, Tenant, tenant_key, "tenant")
    policy.require(actor, Permission.ESTATE_EDIT, tenant.site_key)
    readers: dict[str, Callable[[Any], Any]] = {
        "name": lambda value: checks.line(value, "The tenant's name", "name"),
        "phone": checks.phone,
        "email": checks.email,
        "tax_number": lambda value: checks.line(value, "The tax number", "tax_number", most=40, empty=True),
        "language": lambda value: value,
    }
    for name, value in changes.items():
        assert name in readers, f"{name} is not a field of a tenant"
        setattr(tenant, name, readers[name](value))
    # The trail names the fields and not their contents: it is kept longer than contact data may be.
    audit.record(
        session,
        clock,
        actor=actor,
        act="tenant changed",
        subject=f"tenant:{tenant_key}",
        detail={"fields": sorted(changes)},
    )
    indexing.refresh_tenants(session, [tenant_key])


def add_contact(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    tenant: str,
    name: str,
    role: str = "",
    phone: str = "",
    email: str = "",
) -> str:
    row = _one(session, Tenant, tenant, "tenant")
    policy.require(actor, Permission.ESTATE_EDIT, row.site_key)
    contact = TenantContact(
        key=new_key(),
        tenant_key=tenant,
        name=checks.line(name, "The contact's name", "name"),
        role=checks.line(role, "The contact's role", "role", most=60, empty=True),
        phone=checks.phone(phone),
        email=checks.email(email),
    )
    session.add(contact)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="contact added",
        subject=f"tenant:{tenant}",
        detail={"contact": contact.key},
    )
    indexing.refresh_tenants(session, [tenant])
    return contact.key


def remove_contact(session: Session, clock: Clock, actor: Actor, contact_key: str) -> None:
    contact = _one(session, TenantContact, contact_key, "contact")
    tenant = _one(session, Tenant, contact.tenant_key, "tenant")
    policy.require(actor, Permission.ESTATE_EDIT, tenant.site_key)
    session.delete(contact)
    audit.record(
        session,
        clock,
        actor=actor,
        act="contact removed",
        subject=f"tenant:{tenant.key}",
        detail={"contact": contact_key},
    )
    indexing.refresh_tenants(session, [tenant.key])


def move_in(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    space: str,
    tenant: str,
    starts_on: date,
    ends_on: date | None = None,
    deposit_minor: int = 0,
    tariffs: Mapping[str, str] | None = None,
    shares: Mapping[str, int] | None = None,
) -> str:
    """Makes the lease by which the tenant has the unit. Both belong to one site; no two leases of a unit overlap."""
    space_row = _one(session, Space, space, "unit")
    tenant_row = _one(session, Tenant, tenant, "tenant")
    policy.require(actor, Permission.ESTATE_EDIT, space_row.site_key)
    if tenant_row.site_key != space_row.site_key:
        raise NotFound("There is no such tenant at this site. Search again by name.")
    check_term(starts_on, ends_on, today_at(session, clock, space_row.site_key))
    if deposit_minor < 0:
        raise InvalidInput("A deposit is zero or more.", "deposit")
    _refuse_overlap(session, space_row, starts_on, ends_on)
    lease = Lease(
        key=new_key(),
        site_key=space_row.site_key,
        space_key=space,
        tenant_key=tenant,
        starts_on=starts_on,
        ends_on=ends_on,
        deposit_minor=deposit_minor,
        tariffs={checks.service(name): code for name, code in (tariffs or {}).items()},
        shares=checks.shares(dict(shares or {})),
        created_at=clock.now(),
    )
    session.add(lease)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="moved in",
        subject=f"space:{space}",
        detail={
            "lease": lease.key,
            "tenant": tenant,
            "from": starts_on.isoformat(),
            "until": ends_on.isoformat() if ends_on else None,
        },
    )
    indexing.refresh_space(session, space)
    return lease.key


def end_lease(session: Session, clock: Clock, actor: Actor, lease_key: str, *, reason: str) -> None:
    """The facts of a move-out: from now on the unit is vacant, and a vacant unit is blocked for sale. Clearing credit
    and tokens that were not entered is the work of `occupancy`, which calls this step."""
    lease = _one(session, Lease, lease_key, "lease")
    policy.require(actor, Permission.ESTATE_EDIT, lease.site_key)
    if lease.ended_at is not None:
        raise TermUnfit("This lease has ended already.", "lease")
    lease.ended_at = clock.now()
    audit.record(
        session,
        clock,
        actor=actor,
        act="moved out",
        subject=f"space:{lease.space_key}",
        detail={"lease": lease_key, "tenant": lease.tenant_key},
        reason=reason,
    )
    indexing.refresh_space(session, lease.space_key)


def set_lease_tariff(
    session: Session, clock: Clock, actor: Actor, lease_key: str, *, service: str, tariff: str, reason: str
) -> None:
    """Another tariff for one service of the lease. It never touches the tariff index in the key (rules.md 5).

    Refused for one's own lease: who pays does not choose what he pays.
    """
    lease = _one(session, Lease, lease_key, "lease")
    policy.require(actor, Permission.ESTATE_EDIT, lease.site_key)
    tenant = _one(session, Tenant, lease.tenant_key, "tenant")
    if actor.tenant is not None and actor.tenant in (tenant.key, tenant.parent_key):
        raise SpaceIsLet("This lease is your own; another manager changes its tariff.", "tariff")
    service = checks.service(service)
    before = lease.tariffs.get(service)
    lease.tariffs = {**lease.tariffs, service: tariff}
    audit.record(
        session,
        clock,
        actor=actor,
        act="tariff of lease changed",
        subject=f"space:{lease.space_key}",
        detail={"lease": lease_key, "service": service, "before": before, "after": tariff},
        reason=reason,
    )


def check_term(starts_on: date, ends_on: date | None, today: date) -> None:
    if ends_on is not None and ends_on <= starts_on:
        raise TermUnfit(
            f"The lease would end on {ends_on}, not after it begins on {starts_on}. Correct one of the two.",
            "ends_on",
        )
    if ends_on is not None and ends_on <= today:
        raise TermUnfit(
            f"The lease ended on {ends_on}, which is in the past. Give the term that is running.", "ends_on"
        )
    if not date(1950, 1, 1) <= starts_on <= date(today.year + 20, today.month, 1):
        raise TermUnfit(f"A lease from {starts_on} is not likely. Check the year.", "starts_on")


def today_at(session: Session, clock: Clock, site_key: str) -> date:
    zone = session.scalar(sa.select(Site.time_zone).where(Site.key == site_key))
    if zone is None:
        raise NotFound("There is no such site. Choose one from the list.")
    return clock.now().astimezone(ZoneInfo(zone)).date()


def next_number(session: Session, site: str) -> str:
    """The next customer number of the site: C, and five digits or more."""
    last = session.scalar(
        sa.select(Tenant.number)
        .where(
            Tenant.site_key == site,
            Tenant.number.like("C_____%"),
            # Numbers that people gave, such as CORNER-7, are no part of the row.
            sa.func.ltrim(sa.func.substr(Tenant.number, 2), "0123456789") == "",
        )
        .order_by(sa.func.length(Tenant.number).desc(), Tenant.number.desc())
        .limit(1)
    )
    digits = last[1:] if last else ""
    return f"C{int(digits or 0) + 1:05d}"


def _refuse_overlap(session: Session, space: Space, starts_on: date, ends_on: date | None) -> None:
    # Whoever makes a lease holds the unit's row first, so that two at the same time are one after the other.
    session.execute(sa.select(Space.id).where(Space.key == space.key).with_for_update())
    for other in session.scalars(
        sa.select(Lease).where(Lease.space_key == space.key, Lease.ended_at.is_(None))
    ):
        if (ends_on is None or other.starts_on < ends_on) and (
            other.ends_on is None or starts_on < other.ends_on
        ):
            until = f"until {other.ends_on}" if other.ends_on else "without an end"
            raise LeaseOverlaps(
                f"Unit {space.code} is let from {other.starts_on} {until}. End that lease first, or begin later.",
                "starts_on",
            )


def _one(session: Session, table: Any, key: str, what: str) -> Any:
    row = session.scalar(sa.select(table).where(table.key == key))
    if row is None:
        raise NotFound(f"There is no such {what} here. Search for it again.")
    return row


def _refuse_taken(session: Session, query: Any, what: str, name: str) -> None:
    session.flush()
    if session.scalar(query.limit(1)) is not None:
        raise NameTaken(f"There is a {what} {name} already. Choose another name, or change that one.", "name")
