"""Loads a demonstration estate through the services that a real site uses, and writes the simulated building's file.

What it makes is the same on every machine except for the random keys of the rows. Loading twice changes nothing.
"""

import itertools
import json
import tomllib
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from sts import drn
from vending.access.policy import SYSTEM
from vending.clock import Clock
from vending.db import Database
from vending.demonstration import people
from vending.estate import circuits, meters, queries, service
from vending.estate.views import MeterView

MAKER = "07"  # the manufacturer code of the demonstration's meters


@dataclass(frozen=True, slots=True)
class Loaded:
    site_key: str
    new: bool


def load(db: Database, clock: Clock, name: str = "small") -> Loaded:
    """The estate, its people and its meters in service. `tariffs` must be published by the caller: the leases name them."""
    data = read(name)
    with db.reading() as session:
        there = [site for site in queries.list_sites(session) if site.name == data["site"]["name"]]
    if there:
        return Loaded(there[0].key, new=False)
    with db.writing() as session:
        site_key, tenants = _load_estate(session, clock, data)
    people.load(db, clock, site_key, tenants)
    return Loaded(site_key, new=True)


def read(name: str) -> dict[str, Any]:
    """The data file of a demonstration, by its name."""
    text = resources.files("vending.demonstration").joinpath(f"{name}.toml").read_text("utf-8")
    data = tomllib.loads(text)
    if "rows" in data:
        _spell_out(data)
    return data


def name_of(site: str) -> str:
    """Which demonstration a site of this name is."""
    return next((name for name in ("small", "mall") if read(name)["site"]["name"] == site), "small")


FIRST_SERIAL = 2_000_000
CIRCUIT_OF = {
    "electricity": "Board {}",
    "water": "Water {}",
    "gas": "Gas main",
    "cooling": "Chilled water {}",
}


def _spell_out(data: dict[str, Any]) -> None:
    """Turns the table of units into units as the small estate writes them: what a kind of unit has stands once."""
    serials = (f"{FIRST_SERIAL + 13 * number:08d}" for number in itertools.count(1))
    data["unit"] = []
    for row in data["rows"]["units"]:
        code, kind, area, *held = row
        template = data["formats"][kind]
        floor = code.partition("-")[0]
        unit: dict[str, Any] = {
            "code": code,
            "format": kind,
            "area": area,
            "tariffs": template.get("tariffs", {}),
            "meters": [
                {
                    **meter,
                    "serial": next(serials),
                    "circuit": CIRCUIT_OF[meter.get("service", "electricity")].format(floor),
                }
                for meter in template["meters"]
            ],
        }
        if held:
            name, starts_on = held
            seed = people.seed_of(name)
            unit["tenant"] = {
                "name": name,
                "phone": f"+278{seed % 90_000_000 + 10_000_000}",
                "tax_number": f"4{seed % 1_000_000_000:09d}",
                "starts_on": starts_on,
                "deposit": int(float(area) * 100) * 100,
            }
            unit["shares"] = {"common area": int(float(area) * 50)}
        data["unit"].append(unit)
    for circuit in data["circuit"]:
        circuit["meter"] = {
            "serial": next(serials),
            "service": circuit.get("service", "electricity"),
            "credit_in": "account",
            "profile": "three-phase-ct" if "ct" in circuit["meter"] else "water",
            "meter_class": "large",
            **circuit["meter"],
        }
    services = {circuit["name"]: circuit.get("service", "electricity") for circuit in data["circuit"]}
    data["plant"] = [
        {
            "serial": next(serials),
            "label": label,
            "service": services[circuit],
            "credit_in": "account",
            "circuit": circuit,
            "profile": "water" if services[circuit] == "water" else "single-phase",
        }
        for label, circuit in data["house"]["meters"]
    ]


def number_of(serial: str) -> str:
    return drn.of(MAKER + serial)


def _load_estate(session: Session, clock: Clock, data: dict[str, Any]) -> tuple[str, dict[str, str]]:
    site = dict(data["site"])
    holidays = site.pop("holidays", {})
    operator = service.add_operator(session, clock, SYSTEM, **data["operator"])
    site_key = service.add_site(session, clock, SYSTEM, operator=operator, **site)
    service.set_holidays(
        session, clock, SYSTEM, site_key, {date.fromisoformat(day): name for day, name in holidays.items()}
    )
    building = service.add_building(session, clock, SYSTEM, site=site_key, name=data["building"]["name"])
    floors = {
        mark: service.add_floor(session, clock, SYSTEM, building=building, name=name, level=level)
        for name, level, mark in data["building"]["floors"]
    }
    tree = _add_circuits(session, clock, site_key, data)
    tenants: dict[str, str] = {}
    numbers: dict[str, str] = {}
    for unit in data["unit"]:
        space = service.add_space(
            session,
            clock,
            SYSTEM,
            site=site_key,
            code=unit["code"],
            area=unit["area"],
            format=unit["format"],
            floor=floors[unit["code"].partition("-")[0]],
        )
        if "tenant" in unit:
            _move_in(session, clock, site_key, space, unit, data, tenants, numbers)
        for meter in unit.get("meters", []):
            _add_meter(session, clock, site_key, space, unit["code"], meter, data, tree)
    for meter in data.get("plant", []):
        _add_meter(session, clock, site_key, None, meter["label"], meter, data, tree)
    return site_key, numbers


def _add_circuits(session: Session, clock: Clock, site_key: str, data: dict[str, Any]) -> dict[str, str]:
    """The supply tree with the meters that measure its circuits: circuit name -> key."""
    tree: dict[str, str] = {}
    for circuit in data.get("circuit", []):
        tree[circuit["name"]] = circuits.add_circuit(
            session,
            clock,
            SYSTEM,
            site=site_key,
            name=circuit["name"],
            service=circuit.get("service", "electricity"),
            parent=tree.get(circuit.get("parent", "")),
            rating_amperes=circuit.get("rating_amperes"),
        )
        meter = _add_meter(session, clock, site_key, None, circuit["name"], circuit["meter"], data, tree)
        circuits.measure(session, clock, SYSTEM, tree[circuit["name"]], meter)
    return tree


def _move_in(
    session: Session,
    clock: Clock,
    site_key: str,
    space: str,
    unit: dict[str, Any],
    data: dict[str, Any],
    tenants: dict[str, str],
    numbers: dict[str, str],
) -> None:
    wanted = dict(unit["tenant"])
    name = wanted.pop("name")
    lease = {
        "starts_on": wanted.pop("starts_on"),
        "ends_on": wanted.pop("ends_on", None),
        "deposit_minor": wanted.pop("deposit", 0),
    }
    contact = wanted.pop("contact", "")
    if name not in tenants:
        tenants[name] = service.add_tenant(session, clock, SYSTEM, site=site_key, name=name, **wanted)
        numbers[queries.one_tenant(session, tenants[name]).number] = tenants[name]
        if contact:
            service.add_contact(
                session, clock, SYSTEM, tenant=tenants[name], name=contact, phone=wanted.get("phone", "")
            )
    service.move_in(
        session,
        clock,
        SYSTEM,
        space=space,
        tenant=tenants[name],
        tariffs={**data["tariffs"], **unit.get("tariffs", {})},
        shares=unit.get("shares", {}),
        **lease,
    )


def _add_meter(
    session: Session,
    clock: Clock,
    site_key: str,
    space: str | None,
    place: str,
    meter: dict[str, Any],
    data: dict[str, Any],
    tree: dict[str, str],
) -> str:
    service_name = meter.get("service", "electricity")
    credit_in = meter.get("credit_in", "meter")
    key = meters.add_meter(
        session,
        clock,
        SYSTEM,
        site=site_key,
        number=number_of(meter["serial"]),
        service=service_name,
        keying=data["keying"][meter.get("keying", "new")],
        space=space,
        credit_in=credit_in,
        profile=meter.get("profile", "water" if service_name == "water" else "single-phase"),
        meter_class=meter.get("meter_class", "small"),
        label=meter.get("label", place if service_name == "electricity" else f"{place} {service_name}"),
        tariff=meter.get("tariff"),
        circuit=tree.get(meter.get("circuit", "")),
        power_limit_w=meter.get("power_limit_w"),
        ct=tuple(meter.get("ct", (1, 1))),
    )
    for name, source in meter.get("registers", []):
        meters.add_register(session, clock, SYSTEM, key, name=name, source=source)
    if meter.get("state", "in service") == "in service":
        meters.commission(
            session,
            clock,
            SYSTEM,
            key,
            evidence="demonstration: display test seen on the simulated meter",
            factory_credit_units=meter.get("credit", 0) if credit_in == "meter" else None,
        )
    return key


def building_config(session: Session, clock: Clock, site_key: str, name: str = "small") -> dict[str, Any]:
    """What `meter building serve --config` reads: every meter of the site that has credit of its own."""
    data = read(name)
    site = queries.one_site(session, site_key)
    described = {
        number_of(meter["serial"]): meter for unit in data["unit"] for meter in unit.get("meters", [])
    }
    offset = clock.now().astimezone(site.zone).utcoffset()
    assert offset is not None
    return {
        "site": site.name,
        "utc_offset_minutes": int(offset.total_seconds() // 60),
        "holidays": [day.isoformat() for day in queries.holidays(session, site_key)],
        "meters": [
            _twin(view, described.get(view.drn, {}))
            for view in queries.meters_of_site(session, clock, site_key)
            if view.credit_in == "meter" and view.state != "removed"
        ],
    }


def write_building(db: Database, clock: Clock, site_key: str, path: Path, name: str = "small") -> None:
    with db.reading() as session:
        config = building_config(session, clock, site_key, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def _twin(view: MeterView, described: dict[str, Any]) -> dict[str, Any]:
    keying = view.keying
    twin: dict[str, Any] = {
        "pan": view.pan,
        "label": view.label,
        "tenant": view.tenant.name if view.tenant else "",
        "service": view.service,
        "ea": keying.ea,
        "tct": keying.tct,
        "dkga": keying.dkga,
        "sgc": keying.sgc,
        "krn": keying.krn,
        "ti": keying.ti,
        "key_type": keying.key_type,
        "ken": keying.ken,
        "base_date": keying.base_date,
        "profile": view.profile,
        "load": {"seed": people.seed_of(view.pan), **described.get("load", {"kind": "shop", "peak_w": 1000})},
        "initial_credit_units": described.get("credit", 0),
    }
    if view.power_limit_w is not None:
        twin["power_limit_w"] = view.power_limit_w
    if view.ratio.ct_primary != view.ratio.ct_secondary:
        twin["ct"] = {
            "primary": view.ratio.ct_primary,
            "secondary": view.ratio.ct_secondary,
            "applied_by": view.ratio.applied_by,
        }
    return twin
