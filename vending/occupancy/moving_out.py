"""A tenant moves out: one act, with what was read at the meters, and two people (rules.md 27).

Before it, `look` lists what was sold and not known entered. The act says for each meter what becomes of the credit that is
left: cleared by a token, carried over to another meter of the tenant, or left for whoever comes. The deposit pays what is
owed, and the rest is the tenant's. With the yes of the second person the lease ends and the meters are blocked, so that the
former tenant cannot buy for the unit and the next one begins with a meter that somebody has looked at.

The tokens that clear or carry credit are acts of the security module, which wants signatures of its own; they are asked for
in the same transaction and carried out by themselves.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit
from vending.access import approvals, policy
from vending.access.policy import SYSTEM, Actor, Permission
from vending.access.site_secret import SiteSecret
from vending.clock import Clock
from vending.db import Database, new_key
from vending.errors import NotFound
from vending.estate import browsing
from vending.estate import meters as estate_meters
from vending.estate import queries as estate
from vending.estate import service as estate_service
from vending.estate.views import LeaseView, MeterView
from vending.ledger import queries as ledger_queries
from vending.ledger import service as ledger
from vending.ledger.entries import Entry, Leg, collected
from vending.occupancy import standing
from vending.occupancy.errors import OccupancyForbids, ReadingUnfit
from vending.occupancy.estimate import Estimate, Reading, Settlement, settle
from vending.occupancy.tables import MoveOut
from vending.vends import acting
from vending.vends.acting import Wanted

ACT = "move-out"
CLEAR, CARRY, LEAVE = "clear", "carry", "leave"


@dataclass(frozen=True, slots=True)
class Leaving:
    """What becomes of one meter. `onto`: the meter that the credit is carried to."""

    reading: Reading
    credit: str = LEAVE
    onto: str = ""


@dataclass(frozen=True, slots=True)
class MoveOutView:
    key: str
    lease_key: str
    tenant_key: str
    space_key: str
    state: str
    content: dict[str, Any]
    reason: str
    approval_key: str
    site_key: str
    asked_by: str
    asked_at: datetime
    done_at: datetime | None


def look(
    session: Session, clock: Clock, lease_key: str, readings: Mapping[str, Reading]
) -> dict[str, Estimate]:
    """For each token meter of the unit: given, used, held, and what was sold and not known entered."""
    _lease, found = _meters(session, clock, lease_key)
    missing = [meter.label or meter.drn for meter in found if meter.key not in readings]
    if missing:
        raise ReadingUnfit(f"Read {', '.join(missing)} too: its credit and what it has counted.", "reading")
    return {meter.key: standing.of_meter(session, meter, readings[meter.key]) for meter in found}


def ask(
    session: Session,
    clock: Clock,
    actor: Actor,
    lease_key: str,
    leaving: Mapping[str, Leaving],
    *,
    reason: str,
    evidence: str,
    for_module: str,
) -> MoveOutView:
    """Writes the act down and asks for the second person; asks for the tokens that it needs."""
    lease, found = _meters(session, clock, lease_key)
    space = browsing.one_space(session, lease.space_key)
    policy.require(actor, Permission.ESTATE_EDIT, space.site_key)
    _clear_earlier(session, clock, lease_key)
    estimates = look(session, clock, lease_key, {key: one.reading for key, one in leaving.items()})
    for meter in found:
        waiting = standing.open_orders(session, clock, meter)
        if waiting:
            raise OccupancyForbids(
                f"An order for meter {meter.drn} is still open. Wait for its token, or cancel it, before the tenant leaves."
            )
        if estimates[meter.key].doubtful and leaving[meter.key].credit != LEAVE:
            raise OccupancyForbids(
                f"Meter {meter.drn} counted or holds more than it was given. Look into that before its credit is settled."
            )
    currency = estate.one_site(session, space.site_key).currency
    key = new_key()
    orders = {
        meter.key: order
        for meter in found
        if (
            order := _tokens(
                session,
                clock,
                actor,
                meter,
                leaving[meter.key],
                estimates[meter.key],
                key,
                reason,
                for_module,
            )
        )
    }
    content = {
        "lease": lease_key,
        "tenant": lease.tenant_key,
        "meters": {
            meter.key: standing.told(estimates[meter.key])
            | {
                "credit": leaving[meter.key].credit,
                "onto": leaving[meter.key].onto,
                "order": orders.get(meter.key),
            }
            for meter in found
        },
        "deposit_minor": ledger_queries.balance(session, f"deposit/{lease.tenant_key}", currency),
        "debts": dict(ledger_queries.list_under(session, f"debt/{lease.tenant_key}/", currency)),
    }
    approval = approvals.ask(
        session,
        clock,
        actor,
        ACT,
        content,
        site=space.site_key,
        subject=f"lease:{lease_key}",
        reason=reason,
        evidence=evidence,
        beneficiary=f"tenant:{lease.tenant_key}",
    )
    row = MoveOut(
        key=key,
        site_key=space.site_key,
        lease_key=lease_key,
        tenant_key=lease.tenant_key,
        space_key=lease.space_key,
        state="asked",
        content=content,
        reason=reason,
        approval_key=approval,
        asked_by=actor.key,
        asked_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return _view(row)


def carry_out(db: Database, clock: Clock, vault: SiteSecret, actor: Actor, approval: str) -> MoveOutView:
    """When the second person has agreed: the lease ends, the meters are blocked, the deposit is set off. Once."""
    with db.writing() as session:
        row = session.scalar(sa.select(MoveOut).where(MoveOut.approval_key == approval).with_for_update())
        if row is None:
            raise NotFound("There is no such move out here.")
        if row.state == "done":
            return _view(row)
        approvals.use(
            session,
            clock,
            vault,
            actor,
            approval,
            ACT,
            row.content,
            site=row.site_key,
            subject=f"lease:{row.lease_key}",
        )
        _settle(session, clock, row)
        for meter in estate.list_meters(session, clock, list(row.content["meters"])):
            if meter.state == "in service":
                # Two people agreed to the whole act; its steps are the product's.
                estate_meters.block(
                    session,
                    clock,
                    SYSTEM,
                    meter.key,
                    reason=f"its tenant moved out on {clock.now():%Y-%m-%d}; look at its credit before the next one buys",
                )
        estate_service.end_lease(session, clock, SYSTEM, row.lease_key, reason=row.reason)
        row.state, row.done_at = "done", clock.now()
        audit.record(
            session,
            clock,
            actor=actor,
            act="moved out",
            subject=f"space:{row.space_key}",
            detail={"lease": row.lease_key, "move out": row.key, "approval": approval},
            reason=row.reason,
        )
        return _view(row)


def _clear_earlier(session: Session, clock: Clock, lease_key: str) -> None:
    """An earlier try that was rejected, withdrawn or expired makes room for this one; nothing of it was carried out."""
    row = session.scalar(
        sa.select(MoveOut).where(MoveOut.lease_key == lease_key, MoveOut.state == "asked").with_for_update()
    )
    if row is not None:
        orders = [one["order"] for one in row.content["meters"].values() if one["order"]]
        standing.refuse_twice(session, clock, row.approval_key, orders)
        row.state = "withdrawn"
        session.flush()


def list_move_outs(session: Session, site: str, *, offset: int = 0, most: int = 50) -> list[MoveOutView]:
    """The newest first."""
    query = sa.select(MoveOut).where(MoveOut.site_key == site).order_by(MoveOut.id.desc())
    return [_view(row) for row in session.scalars(query.offset(offset).limit(most))]


def one_move_out(session: Session, key: str) -> MoveOutView:
    row = session.scalar(sa.select(MoveOut).where(MoveOut.key == key))
    if row is None:
        raise NotFound("There is no such move out here.")
    return _view(row)


def withdraw(session: Session, clock: Clock, actor: Actor, key: str) -> None:
    """The maker takes it back. The tokens that were asked for with it are withdrawn apart, or expire."""
    row = session.scalar(sa.select(MoveOut).where(MoveOut.key == key).with_for_update())
    if row is None or row.state != "asked":
        raise NotFound("There is no such move out waiting here.")
    if approvals.standing_of(session, clock, row.approval_key)[0] in ("open", "approved"):
        approvals.withdraw(session, clock, actor, row.approval_key)
    row.state = "withdrawn"


def _meters(session: Session, clock: Clock, lease_key: str) -> tuple[LeaseView, list[MeterView]]:
    lease = estate.one_lease(session, lease_key)
    if lease.ended_at is not None:
        raise OccupancyForbids("This tenant has moved out already.")
    found = [
        meter
        for meter in estate.meters_of_space(session, clock, lease.space_key)
        if meter.credit_in == "meter" and meter.state in ("in service", "blocked")
    ]
    return lease, found


def _tokens(
    session: Session,
    clock: Clock,
    actor: Actor,
    meter: MeterView,
    leaving: Leaving,
    found: Estimate,
    key: str,
    reason: str,
    for_module: str,
) -> str | None:
    """The order of the token that this meter's credit needs, if any."""
    if leaving.credit == LEAVE or not found.left:
        return None
    order_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"move-out {key} {meter.key}"))
    if leaving.credit == CLEAR:
        wanted = Wanted(
            "engineering",
            meter.key,
            reason,
            work_order=f"move out {key}",
            action="clear-credit",
            taken_from=meter.key,
            taken_units=max(min(found.held, standing.by_the_books(session, meter)), 0),
        )
    elif leaving.credit == CARRY:
        if not leaving.onto:
            raise OccupancyForbids("Say onto which meter the credit is carried.")
        wanted = Wanted(
            "replacement",
            leaving.onto,
            reason,
            work_order=f"move out {key}",
            units=found.left,
            taken_from=meter.key,
            taken_units=max(min(found.left, standing.by_the_books(session, meter)), 0),
        )
    else:
        raise OccupancyForbids(f"Choose what becomes of the credit: {CLEAR}, {CARRY} or {LEAVE}.")
    acting.ask(session, clock, actor, order_id, wanted, site=meter.site_key, for_module=for_module)
    return order_id


def settlement(session: Session, tenant_key: str, currency: str) -> Settlement:
    """What the deposit would pay at this moment, and what would be left."""
    return settle(
        ledger_queries.balance(session, f"deposit/{tenant_key}", currency),
        dict(ledger_queries.list_under(session, f"debt/{tenant_key}/", currency)),
    )


def _settle(session: Session, clock: Clock, row: MoveOut) -> None:
    """The deposit pays the debts in their order; what is left of it is the tenant's."""
    currency = estate.one_site(session, row.site_key).currency
    found = settlement(session, row.tenant_key, currency)
    if not found.deposit:
        return
    legs = [Leg(f"deposit/{row.tenant_key}", currency, found.deposit)]
    legs += [Leg(account, currency, -part) for account, part in found.paid]
    if found.left:
        legs.append(Leg(f"kept/{row.tenant_key}", currency, -found.left))
    ledger.post(session, clock, [Entry("move-out", f"move-out/{row.key}", collected(legs))])


def _view(row: MoveOut) -> MoveOutView:
    return MoveOutView(
        row.key,
        row.lease_key,
        row.tenant_key,
        row.space_key,
        row.state,
        row.content,
        row.reason,
        row.approval_key,
        row.site_key,
        row.asked_by,
        row.asked_at,
        row.done_at,
    )
