"""Writing the checked rows of a list, a thousand at a time, inside the import's transaction."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.access.policy import Actor
from vending.audit import AuditEntry
from vending.clock import Clock
from vending.db import new_key
from vending.estate import indexing, search, service
from vending.estate.indexing import Findable
from vending.estate.judging import floor_of
from vending.estate.meters import KEY_FIELDS
from vending.estate.tables import Building, Floor, Lease, Meter, MeterKeyData, MeterRatio, Site, Space, Tenant


def _write_units(
    session: Session, clock: Clock, actor: Actor, site: str, batch: list[dict[str, Any]], _offset: int
) -> list[Findable]:
    floors = {
        (building, floor): key
        for building, floor, key in session.execute(
            sa.select(Building.name, Floor.name, Floor.key)
            .join(Building, Building.key == Floor.building_key)
            .where(Building.site_key == site)
        )
    }
    buildings = dict(
        session.execute(sa.select(Building.name, Building.key).where(Building.site_key == site)).all()
    )
    rows = []
    for values in batch:
        floor_key = None
        if values["building"]:
            building = buildings.get(values["building"])
            if building is None:
                building = buildings[values["building"]] = service.add_building(
                    session, clock, actor, site=site, name=values["building"]
                )
            name = values["floor"] or "Ground floor"
            floor_key = floors.get((values["building"], name))
            if floor_key is None:
                floor_key = floors[(values["building"], name)] = service.add_floor(
                    session,
                    clock,
                    actor,
                    building=building,
                    name=name,
                    level=len([each for each in floors if each[0] == values["building"]]),
                )
        rows.append(
            {
                "key": new_key(),
                "site_key": site,
                "floor_key": floor_key,
                "code": values["unit"],
                "format": values["format"],
                "area_cm2": values["area_m2"],
            }
        )
    session.execute(_into(Space), rows)
    _record(
        session,
        clock,
        actor,
        "unit imported",
        [(f"space:{row['key']}", {"code": row["code"]}) for row in rows],
    )
    return []


def _write_tenants(
    session: Session, clock: Clock, actor: Actor, site: str, batch: list[dict[str, Any]], _offset: int
) -> list[Findable]:
    wanted = {values["unit"] for values in batch if values["unit"]}
    units = dict(
        session.execute(
            sa.select(Space.code, Space.key).where(Space.site_key == site, Space.code.in_(wanted))
        ).all()
    )
    given = {values["number"] for values in batch}
    next_number = int(service.next_number(session, site)[1:])
    tenants, leases = [], []
    for values in batch:
        number = values["number"]
        while not number or (not values["number"] and number in given):
            number = f"C{next_number:05d}"
            next_number += 1
        key = new_key()
        tenants.append(
            {
                "key": key,
                "site_key": site,
                "kind": values["kind"],
                "number": number,
                "name": values["name"],
                "phone": values["phone"],
                "email": values["email"],
                "tax_number": values["tax_number"],
                "language": "",
                "created_at": clock.now(),
            }
        )
        if values["unit"]:
            leases.append(
                {
                    "key": new_key(),
                    "site_key": site,
                    "space_key": units[values["unit"]],
                    "tenant_key": key,
                    "starts_on": values["lease_start"],
                    "ends_on": values["lease_end"],
                    "deposit_minor": values["deposit"],
                    "tariffs": {},
                    "shares": {},
                    "created_at": clock.now(),
                }
            )
    session.execute(_into(Tenant), tenants)
    if leases:
        session.execute(_into(Lease), leases)
    _record(
        session,
        clock,
        actor,
        "tenant imported",
        [(f"tenant:{row['key']}", {"number": row["number"]}) for row in tenants],
    )
    spaces = [lease["space_key"] for lease in leases]
    meters = session.scalars(sa.select(Meter.key).where(Meter.space_key.in_(spaces))).all()
    if meters:
        indexing.refresh_meters(session, meters)
    return [
        Findable(
            "tenant",
            str(t["key"]),
            site,
            search.as_dialled(str(t["phone"])),
            (t["name"], t["number"], t["tax_number"], t["email"]),
        )
        for t in tenants
    ]


def _write_meters(
    session: Session, clock: Clock, actor: Actor, site: str, batch: list[dict[str, Any]], offset: int
) -> list[Findable]:
    zone = ZoneInfo(session.scalars(sa.select(Site.time_zone).where(Site.key == site)).one())
    wanted = {values["unit"] for values in batch if values["unit"]}
    places = {
        code: (key, floor or "", building or "")
        for code, key, floor, building in session.execute(
            sa.select(Space.code, Space.key, Floor.name, Building.name)
            .outerjoin(Floor, Floor.key == Space.floor_key)
            .outerjoin(Building, Building.key == Floor.building_key)
            .where(Space.site_key == site, Space.code.in_(wanted))
        )
    }
    now = clock.now()
    rows = []
    for values in batch:
        pan = values["number"]
        keying = {name: values[name] for name in KEY_FIELDS}
        in_service = values["state"] == "in service"
        rows.append(
            {
                "key": new_key(),
                "site_key": site,
                "space_key": places[values["unit"]][0] if values["unit"] else None,
                "pan": pan,
                "drn": pan[6:17] if pan.startswith("600727") else pan[4:17],
                "label": values["label"],
                "service": values["service"],
                "credit_in": values["credit_in"],
                "profile": values["model"],
                "meter_class": values["class"],
                "tariff": values["tariff"] or None,
                "driver": "",
                "state": values["state"],
                "power_limit_w": values["power_limit_w"],
                "ct_primary": values["ct_primary"],
                "ct_secondary": values["ct_secondary"],
                "vt_primary": 1,
                "vt_secondary": 1,
                "ratio_applied_by": values["ratio_applied_by"],
                "tid_floor": floor_of(values, zone, offset),
                **keying,
                "created_at": now,
                "commissioned_at": now if in_service else None,
            }
        )
    session.execute(_into(Meter), rows)
    session.execute(
        _into(MeterKeyData),
        [
            {
                "meter_key": row["key"],
                "at": now,
                **{name: row[name] for name in KEY_FIELDS},
                "actor": actor.key,
                "evidence": "import",
                "reason": "as imported",
            }
            for row in rows
        ],
    )
    session.execute(
        _into(MeterRatio),
        [
            {
                "meter_key": row["key"],
                "at": now,
                "ct_primary": row["ct_primary"],
                "ct_secondary": row["ct_secondary"],
                "vt_primary": 1,
                "vt_secondary": 1,
                "applied_by": row["ratio_applied_by"],
                "reason": "as imported",
            }
            for row in rows
        ],
    )
    _record(
        session,
        clock,
        actor,
        "meter imported",
        [
            (f"meter:{row['key']}", {"pan": row["pan"], "state": row["state"], "floor": row["tid_floor"]})
            for row in rows
        ],
    )
    people = indexing.people_of(session, [row["space_key"] for row in rows if row["space_key"]])
    return [
        Findable(
            "meter",
            str(row["key"]),
            site,
            (str(row["drn"]) + str(row["pan"])[-1], *people.get(row["space_key"], ((), ()))[0]),
            (
                str(row["label"]),
                values["unit"],
                *places.get(values["unit"], ("", "", ""))[1:],
                *people.get(row["space_key"], ((), ()))[1],
            ),
        )
        for row, values in zip(rows, batch, strict=True)
    ]


WRITERS: dict[str, Callable[[Session, Clock, Actor, str, list[dict[str, Any]], int], list[Findable]]] = {
    "units": _write_units,
    "tenants": _write_tenants,
    "meters": _write_meters,
}


def _record(
    session: Session, clock: Clock, actor: Actor, act: str, subjects: list[tuple[str, dict[str, Any]]]
) -> None:
    """One row of the trail for each thing, so that its history begins with the import."""
    now = clock.now()
    session.execute(
        _into(AuditEntry),
        [
            {
                "at": now,
                "actor": actor.key,
                "actor_name": actor.name,
                "act": act,
                "subject": subject,
                "detail": detail,
                "reason": None,
            }
            for subject, detail in subjects
        ],
    )


def _into(table: Any) -> Any:
    """The plain statement, without the bookkeeping for objects that nobody asks back."""
    return sa.insert(table.__table__)
