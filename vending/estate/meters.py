"""Acts on meters: add, commission, bind to a unit, block, key data, transformer ratio, registers. Steps, like `service`.

What is not here: swapping a dead meter and moving out with its credit (`occupancy`, which stands above the sale), and
asking for tokens (`vends`). No key is here either: a meter has key *data*, and the keys are in the security module.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.module import MeterKeying
from vending import audit
from vending.access import policy
from vending.access.policy import SYSTEM, Actor, Permission
from vending.clock import Clock
from vending.db import new_key
from vending.errors import InvalidInput, NotFound
from vending.estate import checks, indexing, numbers
from vending.estate.errors import KeyDataUnfit, MeterBoundTwice, RegisterUnfit, StateForbids
from vending.estate.tables import Meter, MeterKeyData, MeterRatio, MeterRegister, Space

KEY_FIELDS = ("ea", "tct", "dkga", "sgc", "krn", "ti", "key_type", "ken", "base_date")


def add_meter(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    site: str,
    number: str,
    service: str,
    keying: Mapping[str, Any],
    space: str | None = None,
    credit_in: str = "meter",
    profile: str = "single-phase",
    meter_class: str = "small",
    label: str = "",
    tariff: str | None = None,
    circuit: str | None = None,
    driver: str = "",
    power_limit_w: int | None = None,
    ct: tuple[int, int] = (1, 1),
    vt: tuple[int, int] = (1, 1),
    ratio_applied_by: str = "meter",
    tid_floor: int | None = None,
) -> str:
    """Registers a meter. It can be sold to once it is commissioned (`commission`), has a tenant and a tariff."""
    policy.require(actor, Permission.ESTATE_EDIT, site)
    row = checked_meter(
        site=site,
        number=number,
        service=service,
        keying=keying,
        space=space,
        credit_in=credit_in,
        profile=profile,
        meter_class=meter_class,
        label=label,
        tariff=tariff,
        circuit=circuit,
        driver=driver,
        power_limit_w=power_limit_w,
        ct=ct,
        vt=vt,
        ratio_applied_by=ratio_applied_by,
        tid_floor=tid_floor,
    )
    refuse_bound_twice(session, row["pan"])
    if space is not None and session.scalar(sa.select(Space.site_key).where(Space.key == space)) != site:
        raise NotFound("There is no such unit at this site. Search for it again.")
    meter = Meter(**row, created_at=clock.now())
    session.add(meter)
    session.flush()
    _keep_key_data(session, clock, actor, meter, evidence="registration", reason="as registered")
    session.add(
        MeterRatio(
            meter_key=meter.key,
            at=clock.now(),
            ct_primary=ct[0],
            ct_secondary=ct[1],
            vt_primary=vt[0],
            vt_secondary=vt[1],
            applied_by=ratio_applied_by,
            approval_key=None,
            reason="as registered",
        )
    )
    audit.record(
        session,
        clock,
        actor=actor,
        act="meter added",
        subject=f"meter:{meter.key}",
        detail={
            "pan": meter.pan,
            "service": meter.service,
            "credit in": meter.credit_in,
            "site": site,
            "space": space,
            "floor": tid_floor,
        },
    )
    indexing.refresh_meters(session, [meter.key])
    return meter.key


def checked_meter(
    *, site: str, number: str, service: str, keying: Mapping[str, Any], credit_in: str, **rest: Any
) -> dict[str, Any]:
    """The row of a new meter, every value checked; shared by `add_meter` and the import."""
    pan = numbers.pan_of(number)
    service = checks.service(service)
    ct, vt = rest["ct"], rest["vt"]
    checks.ratio(ct)
    checks.ratio(vt, "voltage transformer")
    if rest["ratio_applied_by"] not in ("meter", "vendor"):
        raise InvalidInput("The ratio is applied by the meter or by the vendor.", "ratio_applied_by")
    if rest["power_limit_w"] is not None and not 0 < rest["power_limit_w"] <= 10_000_000:
        raise InvalidInput("A power limit lies between 1 watt and 10 megawatts.", "power_limit_w")
    return {
        "key": new_key(),
        "site_key": site,
        "space_key": rest["space"],
        "circuit_key": rest["circuit"],
        "pan": pan,
        "drn": pan[6:17] if pan.startswith("600727") else pan[4:17],
        "label": checks.line(rest["label"], "The meter's label", "label", most=60, empty=True),
        "service": service,
        "credit_in": checks.credit_place(credit_in, service),
        "profile": checks.line(rest["profile"], "The meter's model", "profile", most=60),
        "meter_class": checks.meter_class(rest["meter_class"]),
        "tariff": rest["tariff"],
        "driver": rest["driver"],
        "state": "registered",
        "power_limit_w": rest["power_limit_w"],
        "ct_primary": ct[0],
        "ct_secondary": ct[1],
        "vt_primary": vt[0],
        "vt_secondary": vt[1],
        "ratio_applied_by": rest["ratio_applied_by"],
        "tid_floor": rest["tid_floor"],
        **checks.keying(pan=pan, **{name: keying[name] for name in KEY_FIELDS}),
    }


def keying_of(meter: Meter) -> MeterKeying:
    return MeterKeying(
        meter.pan,
        meter.ea,
        meter.tct,
        meter.dkga,
        meter.sgc,
        meter.krn,
        meter.ti,
        meter.key_type,
        meter.ken,
        meter.base_date,
    )


def commission(
    session: Session,
    clock: Clock,
    actor: Actor,
    meter_key: str,
    *,
    evidence: str,
    factory_credit_units: int | None = None,
    power_limit_w: int | None = None,
) -> None:
    """Takes the meter into service (rules.md 10): its display test was seen, it is under a key that may be sold to, and
    what credit the factory left is written down. `evidence` says what was seen at the meter."""
    meter = _one(session, meter_key)
    policy.require(actor, Permission.METER_COMMISSION, meter.site_key)
    if meter.state != "registered":
        raise StateForbids(f"Meter {meter.drn} is {meter.state}; only a registered meter is commissioned.")
    if meter.credit_in == "meter" and meter.key_type in (0, 1):
        raise KeyDataUnfit(
            f"Meter {meter.drn} is still under its {checks.KEY_TYPES[meter.key_type]}, to which no credit can be sold. "
            "Make the key change to your supply group first, see its tokens accepted, and record the new key data.",
            "key_type",
        )
    if factory_credit_units is not None and factory_credit_units < 0:
        raise InvalidInput("The credit that the factory left is zero or more.", "factory_credit")
    meter.state, meter.commissioned_at = "in service", clock.now()
    meter.factory_credit_units = factory_credit_units
    if power_limit_w is not None:
        meter.power_limit_w = power_limit_w
    audit.record(
        session,
        clock,
        actor=actor,
        act="meter commissioned",
        subject=f"meter:{meter_key}",
        detail={
            "evidence": checks.line(evidence, "What was seen at the meter", "evidence", most=400),
            "factory credit": factory_credit_units,
            "power limit": meter.power_limit_w,
        },
    )


def bind_meter(
    session: Session, clock: Clock, actor: Actor, meter_key: str, space_key: str | None, *, reason: str
) -> None:
    """Hangs the meter on another unit, or on none. A unit may have several meters; a meter has one unit."""
    meter = _one(session, meter_key)
    policy.require(actor, Permission.ESTATE_EDIT, meter.site_key)
    if space_key is not None:
        space = session.scalar(sa.select(Space).where(Space.key == space_key))
        if space is None or space.site_key != meter.site_key:
            raise NotFound("There is no such unit at this site. Search for it again.")
        if meter.space_key is not None and meter.space_key != space_key:
            held = session.scalar(sa.select(Space.code).where(Space.key == meter.space_key))
            raise MeterBoundTwice(
                f"Meter {meter.drn} hangs on unit {held}. Take it off there first.", "space"
            )
    before = meter.space_key
    meter.space_key = space_key
    audit.record(
        session,
        clock,
        actor=actor,
        act="meter bound",
        subject=f"meter:{meter_key}",
        detail={"before": before, "after": space_key},
        reason=reason,
    )
    indexing.refresh_meters(session, [meter_key])


def block(session: Session, clock: Clock, actor: Actor, meter_key: str, *, reason: str) -> None:
    """No sale to this meter until it is unblocked; the till says the reason."""
    meter = _one(session, meter_key)
    policy.require(actor, Permission.ESTATE_EDIT, meter.site_key)
    if meter.state != "in service":
        raise StateForbids(f"Meter {meter.drn} is {meter.state}; only a meter in service is blocked.")
    meter.state, meter.blocked_why = "blocked", checks.line(reason, "The reason", "reason", most=200)
    audit.record(
        session, clock, actor=actor, act="meter blocked", subject=f"meter:{meter_key}", reason=reason
    )


def unblock(session: Session, clock: Clock, actor: Actor, meter_key: str, *, reason: str) -> None:
    meter = _one(session, meter_key)
    policy.require(actor, Permission.ESTATE_EDIT, meter.site_key)
    if meter.state != "blocked":
        raise StateForbids(f"Meter {meter.drn} is {meter.state}, not blocked.")
    meter.state, meter.blocked_why = "in service", None
    audit.record(
        session, clock, actor=actor, act="meter unblocked", subject=f"meter:{meter_key}", reason=reason
    )


def remove(session: Session, clock: Clock, actor: Actor, meter_key: str, *, reason: str) -> None:
    """The meter is taken off the wall for good; its number stays, so that nothing is ever sold to it again."""
    meter = _one(session, meter_key)
    policy.require(actor, Permission.ESTATE_EDIT, meter.site_key)
    if meter.state == "removed":
        raise StateForbids(f"Meter {meter.drn} was removed already.")
    meter.state, meter.blocked_why = "removed", checks.line(reason, "The reason", "reason", most=200)
    audit.record(
        session, clock, actor=actor, act="meter removed", subject=f"meter:{meter_key}", reason=reason
    )


def set_meter_tariff(
    session: Session, clock: Clock, actor: Actor, meter_key: str, tariff: str | None, *, reason: str
) -> None:
    """The meter's own tariff, for when the lease names none. Never the tariff index, which is part of the key."""
    meter = _one(session, meter_key)
    policy.require(actor, Permission.ESTATE_EDIT, meter.site_key)
    before, meter.tariff = meter.tariff, tariff
    audit.record(
        session,
        clock,
        actor=actor,
        act="tariff of meter changed",
        subject=f"meter:{meter_key}",
        detail={"before": before, "after": tariff},
        reason=reason,
    )


def set_token_limit(
    session: Session, clock: Clock, actor: Actor, meter_key: str, units: int | None, *, reason: str
) -> None:
    """What one token may carry for this meter; a larger purchase becomes several tokens (rules.md 12). None: no limit but
    the token's own."""
    meter = _one(session, meter_key)
    policy.require(actor, Permission.ESTATE_EDIT, meter.site_key)
    if units is not None and units < 10:
        raise InvalidInput("A meter takes at least one whole unit in a token.", "token_limit_units")
    before, meter.token_limit_units = meter.token_limit_units, units
    audit.record(
        session,
        clock,
        actor=actor,
        act="token limit changed",
        subject=f"meter:{meter_key}",
        detail={"before": before, "after": units},
        reason=reason,
    )


def change_key_data(
    session: Session,
    clock: Clock,
    actor: Actor,
    meter_key: str,
    changes: Mapping[str, Any],
    *,
    evidence: str,
    reason: str,
) -> MeterKeying:
    """Records that the meter is now under other key data, as was seen at it. The old data stay in the history."""
    meter = _one(session, meter_key)
    policy.require(actor, Permission.METER_KEY_DATA, meter.site_key)
    unknown = set(changes) - set(KEY_FIELDS)
    if unknown:
        raise KeyDataUnfit(f"{', '.join(sorted(unknown))} is not part of a meter's key data.", "keying")
    wanted = {**{name: getattr(meter, name) for name in KEY_FIELDS}, **changes}
    for name, value in checks.keying(pan=meter.pan, **wanted).items():
        setattr(meter, name, value)
    session.flush()
    _keep_key_data(session, clock, actor, meter, evidence=evidence, reason=reason)
    audit.record(
        session,
        clock,
        actor=actor,
        act="key data changed",
        subject=f"meter:{meter_key}",
        detail={"to": {name: getattr(meter, name) for name in KEY_FIELDS}, "evidence": evidence},
        reason=reason,
    )
    return keying_of(meter)


def set_ratio(
    session: Session,
    clock: Clock,
    actor: Actor,
    meter_key: str,
    *,
    ct: tuple[int, int],
    vt: tuple[int, int] = (1, 1),
    applied_by: str,
    approval: str | None,
    reason: str,
) -> None:
    """Another transformer ratio: a wrong one sells forty times too much, so two people agree (`acts.RATIO`). The caller
    has used the request; `approval` is its key. Only set-up goes without."""
    assert approval is not None or actor.key == SYSTEM.key, "a ratio is changed by two people"
    meter = _one(session, meter_key)
    policy.require(actor, Permission.METER_RATIO, meter.site_key)
    checks.ratio(ct)
    checks.ratio(vt, "voltage transformer")
    meter.ct_primary, meter.ct_secondary = ct
    meter.vt_primary, meter.vt_secondary = vt
    meter.ratio_applied_by = applied_by
    session.add(
        MeterRatio(
            meter_key=meter_key,
            at=clock.now(),
            ct_primary=ct[0],
            ct_secondary=ct[1],
            vt_primary=vt[0],
            vt_secondary=vt[1],
            applied_by=applied_by,
            approval_key=approval,
            reason=reason,
        )
    )
    audit.record(
        session,
        clock,
        actor=actor,
        act="ratio changed",
        subject=f"meter:{meter_key}",
        detail={"ct": list(ct), "vt": list(vt), "applied by": applied_by, "approval": approval},
        reason=reason,
    )


def add_register(
    session: Session,
    clock: Clock,
    actor: Actor,
    meter_key: str,
    *,
    name: str,
    source: str = "mains",
    unit: str = "kWh",
    tariff: str | None = None,
) -> str:
    """One more total under the same number and the same sequence of tokens (rules.md 7)."""
    meter = _one(session, meter_key)
    policy.require(actor, Permission.ESTATE_EDIT, meter.site_key)
    if source not in ("mains", "generator"):
        raise RegisterUnfit("A register counts mains or generator supply.", "source")
    name = checks.line(name, "The register's name", "name", most=40)
    if (
        session.scalar(
            sa.select(MeterRegister.id).where(
                MeterRegister.meter_key == meter_key, MeterRegister.name == name
            )
        )
        is not None
    ):
        raise RegisterUnfit(f"Meter {meter.drn} has a register {name} already.", "name")
    register = MeterRegister(
        key=new_key(),
        meter_key=meter_key,
        name=name,
        service=meter.service,
        source=source,
        unit=unit,
        subclass=checks.TOKEN_SUBCLASS.get(meter.service, 0),
        tariff=tariff,
    )
    session.add(register)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="register added",
        subject=f"meter:{meter_key}",
        detail={"name": name, "source": source},
    )
    return register.key


def refuse_bound_twice(session: Session, pan: str) -> None:
    held = session.execute(
        sa.select(Meter.drn, Meter.state, Space.code)
        .outerjoin(Space, Space.key == Meter.space_key)
        .where(Meter.pan == pan)
    ).first()
    if held is not None:
        where = f"on unit {held.code}" if held.code else "without a unit"
        raise MeterBoundTwice(
            f"Meter {held.drn} is registered already, {where} ({held.state}). Check the number.", "number"
        )


def _keep_key_data(
    session: Session, clock: Clock, actor: Actor, meter: Meter, *, evidence: str, reason: str
) -> None:
    session.add(
        MeterKeyData(
            meter_key=meter.key,
            at=clock.now(),
            **{name: getattr(meter, name) for name in KEY_FIELDS},
            actor=actor.key,
            evidence=checks.line(evidence, "The evidence", "evidence", most=400),
            reason=checks.line(reason, "The reason", "reason", most=400),
        )
    )


def _one(session: Session, key: str) -> Meter:
    # Taken with a lock: two acts on one meter come one after the other.
    meter = session.scalar(sa.select(Meter).where(Meter.key == key).with_for_update())
    if meter is None:
        raise NotFound("There is no such meter here. Search for it again.")
    return meter
