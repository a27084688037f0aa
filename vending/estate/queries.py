"""Looking things up: frozen views, never rows. Who may see a site is decided by the caller with `policy.sites_where`.

`find_meters` answers while a cashier types; `suggest_meters` is asked when a whole number found nothing.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.module import MeterKeying
from vending.access.policy import EVERYWHERE
from vending.audit import AuditEntry
from vending.clock import Clock
from vending.errors import NotFound
from vending.estate import meters, numbers, search
from vending.estate.errors import MeterNumberWrong, MeterUnknown
from vending.estate.tables import (
    Building,
    Circuit,
    Floor,
    Lease,
    Meter,
    MeterKeyData,
    MeterRatio,
    MeterRegister,
    Operator,
    SearchEntry,
    SearchWord,
    Site,
    SiteHoliday,
    Space,
    Tenant,
    TenantContact,
)
from vending.estate.views import (
    CircuitView,
    ContactView,
    HistoryLine,
    KeyDataView,
    LeaseView,
    MeterView,
    OperatorView,
    Ratio,
    RatioView,
    RegisterView,
    SiteView,
    SpaceView,
    TenantView,
)
from vending.rows import among, ask

Sites = Collection[str] | None  # keys of sites; None or EVERYWHERE among them: all


# Built once, as all statements that a sale asks: putting one together takes longer than the server needs for it.
_SITES = sa.select(Site, Operator).join(Operator, Operator.key == Site.operator_key).order_by(Site.name)
_SITES_NAMED = _SITES.where(among(Site.key))


def list_sites(session: Session, sites: Sites = None) -> list[SiteView]:
    if sites is None or EVERYWHERE in sites:
        rows = session.execute(_SITES)
    else:
        rows = session.execute(_SITES_NAMED, {"names": list(sites)})
    return [_site_view(site, operator) for site, operator in rows]


def one_site(session: Session, key: str) -> SiteView:
    found = list_sites(session, [key]) if key != EVERYWHERE else []
    if not found:
        raise NotFound("There is no such site. Choose one from the list.")
    return found[0]


def holidays(session: Session, site_key: str) -> dict[date, str]:
    return {
        row.day: row.name
        for row in session.execute(
            sa.select(SiteHoliday.day, SiteHoliday.name)
            .where(SiteHoliday.site_key == site_key)
            .order_by(SiteHoliday.day)
        )
    }


def one_meter(session: Session, clock: Clock, name: str, *, sites: Sites = None) -> MeterView:
    """By key, PAN or DRN. A number with a wrong check digit is answered with the known meters it may have meant."""
    text = name.strip()
    views = list_meters(session, clock, [text], sites=sites)
    if views:
        return views[0]
    if not numbers.looks_complete(text):
        raise MeterUnknown("There is no such meter here. Search by number, unit, name or telephone.")
    suggestions = tuple(view.drn for view in suggest_meters(session, clock, text, sites=sites))
    hint = f" Is {' or '.join(numbers.grouped(each) for each in suggestions)} meant?" if suggestions else ""
    try:
        pan = numbers.pan_of(text)
    except MeterNumberWrong as wrong:
        raise MeterNumberWrong(wrong.sentence + hint, suggestions) from None
    key = session.scalar(_at(sa.select(Meter.key).where(Meter.pan == pan), Meter.site_key, sites))
    if key is None:
        raise MeterUnknown(
            f"Meter {numbers.grouped(text)} is not registered here.{hint or ' Compare the number with the meter.'}",
            suggestions,
        )
    return list_meters(session, clock, [key])[0]


# Columns and not whole rows of the mapper, which takes several times as long to build them: every sale reads its meters.
_METERS = (
    sa.select(
        *Meter.__table__.c,
        Space.site_key.label("space_site"),
        Space.code.label("space_code"),
        Space.format.label("space_format"),
        Space.area_cm2,
        Floor.name.label("floor"),
        Building.name.label("building"),
    )
    .outerjoin(Space, Space.key == Meter.space_key)
    .outerjoin(Floor, Floor.key == Space.floor_key)
    .outerjoin(Building, Building.key == Floor.building_key)
    .where(among(Meter.key))
)
_NAMED = sa.select(Meter.key, Meter.pan).where(sa.or_(among(Meter.key), among(Meter.pan, parameter="pans")))
_LOCKED = sa.select(Meter.id).where(among(Meter.key)).order_by(Meter.id).with_for_update(key_share=True)
# The views name their columns.
_LEASE = tuple(one.name for one in fields(LeaseView))
_TENANT = tuple(one.name for one in fields(TenantView))
_LEASES = (
    sa.select(
        *(Lease.__table__.c[name] for name in _LEASE),
        *(Tenant.__table__.c[name].label(f"tenant_{name}") for name in _TENANT),
        Site.time_zone,
    )
    .join(Tenant, Tenant.key == Lease.tenant_key)
    .join(Site, Site.key == Lease.site_key)
    .where(among(Lease.space_key), Lease.ended_at.is_(None))
    .order_by(Lease.starts_on)
)


def list_meters(
    session: Session, clock: Clock, keys: Sequence[str], *, sites: Sites = None
) -> list[MeterView]:
    """The views of these meters, in the order of the keys; a key that is not there is left out."""
    rows = ask(session, _at(_METERS, Meter.site_key, sites), names=list(keys))
    leases = _current_leases(session, clock, {row.space_key for row in rows if row.space_key})
    views = {row.key: _meter_view(row, leases.get(row.space_key)) for row in rows}
    return [views[key] for key in dict.fromkeys(keys) if key in views]


def keys_of(session: Session, names: Sequence[str]) -> dict[str, str]:
    """The keys of the meters that these names (keys, PANs or DRNs) mean; what is no meter's name is left out."""
    pans: dict[str, str] = {}
    for name in names:
        if numbers.looks_complete(name):
            with suppress(MeterNumberWrong):
                pans[name] = numbers.pan_of(name)
    found = ask(session, _NAMED, names=list(names), pans=list(pans.values()))
    by_pan = {row.pan: row.key for row in found}
    keys = {row.key for row in found}
    return {
        name: name if name in keys else by_pan[pans[name]]
        for name in names
        if name in keys or pans.get(name) in by_pan
    }


def lock_meters(session: Session, keys: Sequence[str]) -> None:
    """Until the transaction ends, nobody else who asks for this lock has these meters. In one order everywhere, so that
    two transactions never wait for each other in a ring; on SQLite the one writer is the lock."""
    if keys and session.connection().dialect.name == "postgresql":
        ask(session, _LOCKED, names=list(keys))


def list_numbers(session: Session) -> list[tuple[str, str]]:
    """The key and the number (PAN) of every meter, for putting a name to what the module's log says of it."""
    return [(row.key, row.pan) for row in session.execute(sa.select(Meter.key, Meter.pan).order_by(Meter.id))]


def find_meters(
    session: Session, clock: Clock, text: str, *, sites: Sites = None, most: int = 20
) -> list[MeterView]:
    """What fits all the words typed: part of a number, beginning of a name or a unit. The best fits first."""
    typed = text.strip()
    if numbers.looks_complete(typed) and numbers.keeps_the_rules(typed):
        exact = session.scalar(
            _at(sa.select(Meter.key).where(Meter.pan == numbers.pan_of(typed)), Meter.site_key, sites)
        )
        if exact is not None:
            return list_meters(session, clock, [exact])
    return list_meters(session, clock, find_keys(session, "meter", typed, sites, most))


def find_tenants(session: Session, text: str, *, sites: Sites = None, most: int = 20) -> list[TenantView]:
    keys = find_keys(session, "tenant", text, sites, most)
    rows = {row.key: row for row in session.scalars(sa.select(Tenant).where(Tenant.key.in_(keys)))}
    return [_tenant_view(rows[key]) for key in keys if key in rows]


def suggest_meters(
    session: Session, clock: Clock, text: str, *, sites: Sites = None, most: int = 3
) -> list[MeterView]:
    """Known meters whose number is one slip of the finger away from this one."""
    for candidates in (numbers.slips(text), numbers.missing_or_extra(text)):
        pans = list(candidates)
        if pans:
            found = session.scalars(
                _at(
                    sa.select(Meter.key).where(Meter.pan.in_(pans)).order_by(Meter.id).limit(most),
                    Meter.site_key,
                    sites,
                )
            ).all()
            if found:
                return list_meters(session, clock, found)
    return []


def meters_of_site(
    session: Session, clock: Clock, site_key: str, *, after: int = 0, most: int = 500
) -> list[MeterView]:
    keys = session.scalars(
        sa.select(Meter.key)
        .where(Meter.site_key == site_key, Meter.id > after)
        .order_by(Meter.id)
        .limit(most)
    ).all()
    return list_meters(session, clock, keys)


def meters_of_tenant(session: Session, clock: Clock, tenant_key: str) -> list[MeterView]:
    """The meters of the units that the tenant, or a department of it, has now."""
    whole = sa.select(Tenant.key).where(sa.or_(Tenant.key == tenant_key, Tenant.parent_key == tenant_key))
    keys = session.scalars(
        sa.select(Meter.key)
        .join(Lease, Lease.space_key == Meter.space_key)
        .where(Lease.tenant_key.in_(whole), Lease.ended_at.is_(None))
        .order_by(Meter.id)
    ).all()
    mine = set(session.scalars(whole))
    return [
        view
        for view in list_meters(session, clock, keys)
        if view.tenant is not None and view.tenant.key in mine
    ]


def registers_of(session: Session, meter_key: str) -> list[RegisterView]:
    return registers_of_all(session, [meter_key])[meter_key]


def registers_of_all(session: Session, meter_keys: Sequence[str]) -> dict[str, list[RegisterView]]:
    """The registers of each of these meters."""
    found: dict[str, list[RegisterView]] = {key: [] for key in meter_keys}
    for r in session.scalars(
        sa.select(MeterRegister).where(among(MeterRegister.meter_key, meter_keys)).order_by(MeterRegister.id)
    ):
        found[r.meter_key].append(
            RegisterView(r.key, r.name, r.service, r.source, r.unit, r.subclass, r.tariff)
        )
    return found


def list_spaces(session: Session, site_key: str, *, after: int = 0, most: int = 500) -> list[SpaceView]:
    rows = session.execute(
        sa.select(Space, Floor.name, Building.name)
        .outerjoin(Floor, Floor.key == Space.floor_key)
        .outerjoin(Building, Building.key == Floor.building_key)
        .where(Space.site_key == site_key, Space.id > after)
        .order_by(Space.id)
        .limit(most)
    )
    return [space_view(space, floor, building) for space, floor, building in rows]


def one_tenant(session: Session, key: str) -> TenantView:
    row = session.scalar(sa.select(Tenant).where(Tenant.key == key))
    if row is None:
        raise NotFound("There is no such tenant here. Search again by name.")
    return _tenant_view(row)


def list_tenants(session: Session, site_key: str, *, after: int = 0, most: int = 500) -> list[TenantView]:
    rows = session.scalars(
        sa.select(Tenant)
        .where(Tenant.site_key == site_key, Tenant.id > after)
        .order_by(Tenant.id)
        .limit(most)
    )
    return [_tenant_view(row) for row in rows]


def contacts_of(session: Session, tenant_key: str) -> list[ContactView]:
    rows = session.scalars(
        sa.select(TenantContact).where(TenantContact.tenant_key == tenant_key).order_by(TenantContact.id)
    )
    return [ContactView(row.key, row.name, row.role, row.phone, row.email) for row in rows]


def leases_of_space(session: Session, space_key: str) -> list[LeaseView]:
    """Every lease of the unit, the newest first: who had it, from when until when."""
    rows = session.scalars(
        sa.select(Lease).where(Lease.space_key == space_key).order_by(Lease.starts_on.desc(), Lease.id.desc())
    )
    return [lease_view(row) for row in rows]


def one_lease(session: Session, key: str) -> LeaseView:
    row = session.scalar(sa.select(Lease).where(Lease.key == key))
    if row is None:
        raise NotFound("There is no such lease here. Look at the unit again.")
    return lease_view(row)


def meters_of_space(session: Session, clock: Clock, space_key: str) -> list[MeterView]:
    keys = session.scalars(sa.select(Meter.key).where(Meter.space_key == space_key).order_by(Meter.id)).all()
    return list_meters(session, clock, keys)


def factory_credit(session: Session, meter_key: str) -> int:
    """What the factory left in the meter when it was taken into service."""
    return int(session.scalar(sa.select(Meter.factory_credit_units).where(Meter.key == meter_key)) or 0)


def vacant_spaces(session: Session, clock: Clock, site_key: str) -> list[SpaceView]:
    spaces = list_spaces(session, site_key, most=100_000)
    held = _current_leases(session, clock, {space.key for space in spaces})
    return [space for space in spaces if space.key not in held]


def circuit_tree(session: Session, site_key: str) -> list[CircuitView]:
    """The circuits of the site, each after its parent, with its depth."""
    children: dict[str | None, list[Circuit]] = {}
    for row in session.scalars(sa.select(Circuit).where(Circuit.site_key == site_key).order_by(Circuit.name)):
        children.setdefault(row.parent_key, []).append(row)
    ordered: list[CircuitView] = []

    def walk(parent: str | None, depth: int) -> None:
        for row in children.get(parent, []):
            ordered.append(
                CircuitView(
                    row.key, row.parent_key, row.name, row.service, row.rating_amperes, row.measured_by, depth
                )
            )
            walk(row.key, depth + 1)

    walk(None, 0)
    return ordered


def parent_meter(session: Session, meter_key: str) -> str | None:
    """The meter that measures the circuit above this one: what a sub-meter's parent is."""
    circuit = session.scalar(sa.select(Meter.circuit_key).where(Meter.key == meter_key))
    seen: set[str] = set()
    while circuit is not None and circuit not in seen:
        seen.add(circuit)
        row = session.scalars(sa.select(Circuit).where(Circuit.key == circuit)).one()
        if row.measured_by is not None and row.measured_by != meter_key:
            return row.measured_by
        circuit = row.parent_key
    return None


def child_meters(session: Session, meter_key: str) -> list[str]:
    """The meters directly below this one in the tree: for the balance of a feeder against its tenants."""
    top = session.scalar(sa.select(Circuit).where(Circuit.measured_by == meter_key))
    if top is None:
        return []
    found: list[str] = []
    wanted = [top.key]
    while wanted:
        found += session.scalars(
            sa.select(Meter.key)
            .where(Meter.circuit_key.in_(wanted), Meter.key != meter_key)
            .order_by(Meter.id)
        ).all()
        below = session.execute(
            sa.select(Circuit.key, Circuit.measured_by).where(Circuit.parent_key.in_(wanted))
        ).all()
        found += [measured for _key, measured in below if measured is not None]
        wanted = [key for key, measured in below if measured is None]
    return list(dict.fromkeys(found))


def key_history(session: Session, meter_key: str) -> list[KeyDataView]:
    """Each key configuration the meter had, the newest first."""
    pan = session.scalars(sa.select(Meter.pan).where(Meter.key == meter_key)).one()
    rows = session.scalars(
        sa.select(MeterKeyData).where(MeterKeyData.meter_key == meter_key).order_by(MeterKeyData.id.desc())
    )
    return [
        KeyDataView(
            row.at,
            MeterKeying(pan, *(getattr(row, name) for name in meters.KEY_FIELDS)),
            row.actor,
            row.evidence,
            row.reason,
        )
        for row in rows
    ]


def ratio_history(session: Session, meter_key: str) -> list[RatioView]:
    rows = session.scalars(
        sa.select(MeterRatio).where(MeterRatio.meter_key == meter_key).order_by(MeterRatio.id.desc())
    )
    return [
        RatioView(
            row.at,
            Ratio(row.ct_primary, row.ct_secondary, row.vt_primary, row.vt_secondary, row.applied_by),
            row.approval_key,
            row.reason,
        )
        for row in rows
    ]


def history(session: Session, subject: str, *, most: int = 200) -> list[HistoryLine]:
    """What was done with a thing (`meter:…`, `space:…`, `tenant:…`), the newest first."""
    rows = session.scalars(
        sa.select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.id.desc()).limit(most)
    )
    return [HistoryLine(row.at, row.actor_name, row.act, row.detail, row.reason) for row in rows]


# How many index rows a word may have before it counts as common; the rarest word of a search leads it.
_COMMON = 2000


def find_keys(session: Session, kind: str, text: str, sites: Sites, most: int) -> list[str]:
    """The keys of meters or tenants (`kind`) that fit all the words typed, the best first."""
    words = search.query_words(text)
    if not words:
        return []
    weights = {word: _weight(session, word) for word in words} if len(words) > 1 else {}
    if 0 in weights.values():
        return []
    words.sort(key=lambda word: weights.get(word, 0))
    leader, others = search.index_key(words[0]), words[1:]
    query = (
        sa.select(SearchEntry.subject_key)
        .select_from(SearchWord)
        .join(SearchEntry, SearchEntry.id == SearchWord.entry_id)
        .where(SearchWord.word >= leader, SearchWord.word < leader + search.HIGHEST, SearchEntry.kind == kind)
        .order_by(SearchWord.word, SearchWord.entry_id)
    )
    for word in others:
        if weights[words[0]] < _COMMON:
            # Few entries are left: their lines are read. Words hold letters and digits only, so no % or _ is escaped.
            query = query.where(SearchEntry.text.like(f"%{word}%" if search.is_part(word) else f"% {word}%"))
        else:
            # All words are common: the index alone knows the few entries that have them all.
            query = query.where(SearchWord.entry_id.in_(_entries_of(search.index_key(word))))
    query = _at(query, SearchEntry.site_key, sites)
    limit = most * 4
    while True:
        rows = session.scalars(query.limit(limit)).all()
        keys = list(dict.fromkeys(rows))
        if len(keys) >= most or len(rows) < limit:
            return keys[:most]
        limit *= 4


def _entries_of(key: str) -> sa.Select[int]:
    return sa.select(SearchWord.entry_id).where(
        SearchWord.word >= key, SearchWord.word < key + search.HIGHEST
    )


def _weight(session: Session, word: str) -> int:
    """How many entries the word leads to; what is common is not counted further."""
    few = _entries_of(search.index_key(word)).limit(_COMMON)
    return session.scalar(sa.select(sa.func.count()).select_from(few.subquery())) or 0


def _current_leases(
    session: Session, clock: Clock, spaces: Collection[str]
) -> dict[str | None, tuple[LeaseView, TenantView]]:
    """Who has each unit today, in the site's own calendar. A term that ran out without a move-out still holds."""
    if not spaces:
        return {}
    now = clock.now()
    found: dict[str | None, tuple[LeaseView, TenantView]] = {}
    for row in ask(session, _LEASES, names=list(spaces)):
        values = tuple(row)
        lease = LeaseView(*values[: len(_LEASE)])
        if lease.starts_on <= now.astimezone(ZoneInfo(row.time_zone)).date():
            found[lease.space_key] = (lease, TenantView(*values[len(_LEASE) : -1]))
    return found


def _at(query: Any, column: Any, sites: Sites) -> Any:
    if sites is None or EVERYWHERE in sites:
        return query
    return query.where(column.in_(list(sites)))


def _site_view(site: Site, operator: Operator) -> SiteView:
    return SiteView(
        site.key,
        site.name,
        site.address,
        site.time_zone,
        site.currency,
        tuple(site.languages.split()),
        tuple(site.taxes),
        OperatorView(
            operator.key, operator.name, operator.address, operator.tax_number, operator.phone, operator.email
        ),
    )


def space_view(space: Space, floor: str | None, building: str | None) -> SpaceView:
    return SpaceView(
        space.key, space.site_key, space.code, space.format, space.area_cm2, floor or "", building or ""
    )


def _tenant_view(row: Tenant) -> TenantView:
    return TenantView(
        row.key,
        row.site_key,
        row.number,
        row.name,
        row.kind,
        row.parent_key,
        row.phone,
        row.email,
        row.tax_number,
        row.language,
    )


def lease_view(row: Lease) -> LeaseView:
    return LeaseView(
        row.key,
        row.space_key,
        row.tenant_key,
        row.starts_on,
        row.ends_on,
        row.deposit_minor,
        row.tariffs,
        row.shares,
        row.ended_at,
    )


def _meter_view(meter: Any, held: tuple[LeaseView, TenantView] | None) -> MeterView:
    """From a row of `_METERS`, and who has its space."""
    return MeterView(
        key=meter.key,
        site_key=meter.site_key,
        pan=meter.pan,
        drn=meter.drn,
        label=meter.label,
        service=meter.service,
        credit_in=meter.credit_in,
        profile=meter.profile,
        meter_class=meter.meter_class,
        driver=meter.driver,
        state=meter.state,
        blocked_why=meter.blocked_why,
        power_limit_w=meter.power_limit_w,
        ratio=Ratio(
            meter.ct_primary, meter.ct_secondary, meter.vt_primary, meter.vt_secondary, meter.ratio_applied_by
        ),
        keying=meters.keying_of(meter),
        tid_floor=meter.tid_floor,
        circuit_key=meter.circuit_key,
        own_tariff=meter.tariff,
        space=(
            SpaceView(
                meter.space_key,
                meter.space_site,
                meter.space_code,
                meter.space_format,
                meter.area_cm2,
                meter.floor or "",
                meter.building or "",
            )
            if meter.space_code is not None
            else None
        ),
        tenant=held[1] if held is not None else None,
        lease=held[0] if held is not None else None,
        commissioned_at=meter.commissioned_at,
        token_limit_units=meter.token_limit_units,
    )
