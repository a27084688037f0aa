"""The supply tree: intake, boards, feeders, final circuits; which meter measures a circuit, and which meters hang on it."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit
from vending.access import policy
from vending.access.policy import Actor, Permission
from vending.clock import Clock
from vending.db import new_key
from vending.errors import NotFound
from vending.estate import checks
from vending.estate.errors import CircuitTurnsBack, MeterBoundTwice, NameTaken
from vending.estate.tables import Circuit, Meter


def add_circuit(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    site: str,
    name: str,
    service: str = "electricity",
    parent: str | None = None,
    rating_amperes: int | None = None,
) -> str:
    policy.require(actor, Permission.ESTATE_EDIT, site)
    if parent is not None and _one(session, parent).site_key != site:
        raise NotFound("There is no such circuit at this site.")
    circuit = Circuit(
        key=new_key(),
        site_key=site,
        parent_key=parent,
        name=checks.line(name, "The circuit's name", "name", most=60),
        service=checks.service(service),
        rating_amperes=rating_amperes,
    )
    if (
        session.scalar(sa.select(Circuit.id).where(Circuit.site_key == site, Circuit.name == circuit.name))
        is not None
    ):
        raise NameTaken(f"There is a circuit {circuit.name} already. Choose another name.", "name")
    session.add(circuit)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="circuit added",
        subject=f"circuit:{circuit.key}",
        detail={"name": circuit.name, "parent": parent},
    )
    return circuit.key


def move_circuit(session: Session, clock: Clock, actor: Actor, circuit_key: str, parent: str | None) -> None:
    """Hangs the circuit, and all below it, under another. A circuit is never below itself."""
    circuit = _one(session, circuit_key)
    policy.require(actor, Permission.ESTATE_EDIT, circuit.site_key)
    above = parent
    while above is not None:
        if above == circuit_key:
            raise CircuitTurnsBack(
                f"{circuit.name} would feed itself. Choose a circuit that is not below it.", "parent"
            )
        node = _one(session, above)
        if node.site_key != circuit.site_key:
            raise NotFound("There is no such circuit at this site.")
        above = node.parent_key
    before, circuit.parent_key = circuit.parent_key, parent
    audit.record(
        session,
        clock,
        actor=actor,
        act="circuit moved",
        subject=f"circuit:{circuit_key}",
        detail={"before": before, "after": parent},
    )


def measure(session: Session, clock: Clock, actor: Actor, circuit_key: str, meter_key: str | None) -> None:
    """Names the meter that measures the whole circuit, and with it every meter below as a sub-meter."""
    circuit = _one(session, circuit_key)
    policy.require(actor, Permission.ESTATE_EDIT, circuit.site_key)
    if meter_key is not None:
        meter = session.scalar(sa.select(Meter).where(Meter.key == meter_key))
        if meter is None or meter.site_key != circuit.site_key:
            raise NotFound("There is no such meter at this site. Search for it again.")
        other = session.scalar(
            sa.select(Circuit.name).where(Circuit.measured_by == meter_key, Circuit.key != circuit_key)
        )
        if other is not None:
            raise MeterBoundTwice(
                f"Meter {meter.drn} measures {other} already. Take it off there first.", "meter"
            )
    circuit.measured_by = meter_key
    audit.record(
        session,
        clock,
        actor=actor,
        act="circuit measured",
        subject=f"circuit:{circuit_key}",
        detail={"meter": meter_key},
    )


def hang_meter(session: Session, clock: Clock, actor: Actor, meter_key: str, circuit_key: str | None) -> None:
    """Says on which circuit the meter hangs."""
    meter = session.scalar(sa.select(Meter).where(Meter.key == meter_key))
    if meter is None:
        raise NotFound("There is no such meter here. Search for it again.")
    policy.require(actor, Permission.ESTATE_EDIT, meter.site_key)
    if circuit_key is not None and _one(session, circuit_key).site_key != meter.site_key:
        raise NotFound("There is no such circuit at this site.")
    before, meter.circuit_key = meter.circuit_key, circuit_key
    audit.record(
        session,
        clock,
        actor=actor,
        act="meter hung on circuit",
        subject=f"meter:{meter_key}",
        detail={"before": before, "after": circuit_key},
    )


def _one(session: Session, key: str) -> Circuit:
    circuit = session.scalar(sa.select(Circuit).where(Circuit.key == key))
    if circuit is None:
        raise NotFound("There is no such circuit here.")
    return circuit
