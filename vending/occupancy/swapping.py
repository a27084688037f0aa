"""A meter is replaced: one act, with the last reading, and two people (rules.md 15).

The credit that the old meter still held, and the tokens that were never entered into it, are estimated from its reading and
its sales; the sum is shown and agreed to. With the yes of the second person the old number is off the wall for good, the new
meter hangs in its place, and the replaced credit is asked for as a token of its own (an act of the security module). When
the old meter is seen again, what it really held is written down and the difference booked.
"""

from __future__ import annotations

import uuid
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
from vending.estate import meters as estate_meters
from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.ledger import service as ledger
from vending.ledger.entries import Entry, Leg
from vending.occupancy import standing
from vending.occupancy.errors import OccupancyForbids, ReadingUnfit
from vending.occupancy.estimate import Estimate, Reading
from vending.occupancy.tables import MeterSwap
from vending.vends import acting
from vending.vends.acting import Wanted

ACT = "meter-swap"


@dataclass(frozen=True, slots=True)
class SwapView:
    key: str
    old_meter: str
    new_meter: str
    state: str
    units: int
    order_id: str | None
    content: dict[str, Any]
    reason: str
    approval_key: str
    found_units: int | None
    site_key: str
    asked_by: str
    asked_at: datetime
    done_at: datetime | None


def look(session: Session, clock: Clock, old: str, reading: Reading) -> Estimate:
    """What the old meter was given, has counted, holds, and was never told."""
    return standing.of_meter(session, _one(session, clock, old), reading)


def ask(
    session: Session,
    clock: Clock,
    actor: Actor,
    old: str,
    new: str,
    reading: Reading,
    *,
    reason: str,
    evidence: str,
    units: int | None = None,
) -> SwapView:
    """Writes the act down and asks for the second person. `units`: less than the estimate, where people know better."""
    before, after = _one(session, clock, old), _one(session, clock, new)
    policy.require(actor, Permission.METER_COMMISSION, before.site_key)
    if after.site_key != before.site_key or after.service != before.service:
        raise OccupancyForbids("The new meter must be of the same site and measure the same.")
    if before.state == "removed" or before.space is None:
        raise OccupancyForbids(f"Meter {before.drn} hangs on no unit any more.")
    if after.space is not None or after.state == "removed":
        raise OccupancyForbids(f"Meter {after.drn} hangs on a unit already, or was removed. Take a free one.")
    _clear_earlier(session, clock, old)
    if standing.open_orders(session, clock, before):
        raise OccupancyForbids(f"An order for meter {before.drn} is still open. Wait for its token first.")
    found = standing.of_meter(session, before, reading)
    if found.doubtful:
        raise OccupancyForbids(
            f"Meter {before.drn} counted or holds more than it was given. Look into that before its credit is replaced."
        )
    moved = found.left if units is None else units
    if not 0 <= moved <= found.left:
        raise ReadingUnfit(
            f"At most the estimate of {found.left / 10:,.1f} can be replaced. What the meter cannot have is not given again.",
            "units",
        )
    content = {"old": before.key, "new": after.key, "units": moved, "estimate": standing.told(found)}
    key = new_key()
    approval = approvals.ask(
        session,
        clock,
        actor,
        ACT,
        content,
        site=before.site_key,
        subject=f"meter:{before.key}",
        reason=reason,
        evidence=evidence,
        beneficiary=f"tenant:{before.tenant.key}" if before.tenant else None,
    )
    row = MeterSwap(
        key=key,
        site_key=before.site_key,
        old_meter=before.key,
        new_meter=after.key,
        state="asked",
        units=moved,
        content=content,
        reason=reason,
        approval_key=approval,
        asked_by=actor.key,
        asked_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return _view(row)


def carry_out(
    db: Database, clock: Clock, vault: SiteSecret, actor: Actor, approval: str, *, for_module: str
) -> SwapView:
    """When the second person has agreed: old off, new on, and the replaced credit asked for. Once."""
    with db.writing() as session:
        row = session.scalar(sa.select(MeterSwap).where(MeterSwap.approval_key == approval).with_for_update())
        if row is None:
            raise NotFound("There is no such swap here.")
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
            subject=f"meter:{row.old_meter}",
        )
        before = _one(session, clock, row.old_meter)
        if before.space is None:
            raise OccupancyForbids(f"Meter {before.drn} hangs on no unit any more.")
        # Two people agreed to the whole act; its steps are the product's.
        space = before.space.key
        estate_meters.bind_meter(session, clock, SYSTEM, row.old_meter, None, reason=row.reason)
        estate_meters.remove(session, clock, SYSTEM, row.old_meter, reason=f"replaced: {row.reason}"[:200])
        estate_meters.bind_meter(session, clock, SYSTEM, row.new_meter, space, reason=row.reason)
        if row.units:
            row.order_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"meter-swap {row.key}"))
            wanted = Wanted(
                "replacement",
                row.new_meter,
                row.reason,
                work_order=f"meter swap {row.key}",
                units=row.units,
                taken_from=row.old_meter,
                taken_units=max(min(row.units, standing.by_the_books(session, before)), 0),
            )
            acting.ask(session, clock, SYSTEM, row.order_id, wanted, site=row.site_key, for_module=for_module)
        row.state, row.done_at = "done", clock.now()
        audit.record(
            session,
            clock,
            actor=actor,
            act="meter swapped",
            subject=f"meter:{row.old_meter}",
            detail={"new": row.new_meter, "units": row.units, "approval": approval, "swap": row.key},
            reason=row.reason,
        )
        return _view(row)


def found(session: Session, clock: Clock, actor: Actor, old: str, units: int, *, evidence: str) -> SwapView:
    """The old meter was seen again, with so many units in it. The difference to the estimate is booked, never edited."""
    row = session.scalar(
        sa.select(MeterSwap).where(MeterSwap.old_meter == old, MeterSwap.state == "done").with_for_update()
    )
    if row is None:
        raise NotFound("This meter was not swapped here.")
    policy.require(actor, Permission.METER_COMMISSION, row.site_key)
    if row.found_units is not None:
        raise OccupancyForbids(f"It was seen already, with {row.found_units / 10:,.1f} units.")
    if units < 0:
        raise ReadingUnfit("A meter holds zero units or more.", "units")
    meter = _one(session, clock, old)
    row.found_units, row.found_at = units, clock.now()
    difference = units - row.units
    if difference:
        legs = (
            Leg(f"energy/returned/{meter.service}", meter.service, difference),
            Leg(f"energy/meter/{old}", meter.service, -difference),
        )
        ledger.post(session, clock, [Entry("meter-found", f"meter-swap/{row.key}", legs)])
    audit.record(
        session,
        clock,
        actor=actor,
        act="old meter found",
        subject=f"meter:{old}",
        detail={"units": units, "estimated": row.units, "swap": row.key},
        reason=evidence,
    )
    return _view(row)


def _clear_earlier(session: Session, clock: Clock, old: str) -> None:
    """An earlier try that was rejected, withdrawn or expired makes room for this one; nothing of it was carried out."""
    row = session.scalar(
        sa.select(MeterSwap).where(MeterSwap.old_meter == old, MeterSwap.state == "asked").with_for_update()
    )
    if row is not None:
        standing.refuse_twice(session, clock, row.approval_key, ())
        row.state = "withdrawn"
        session.flush()


def list_swaps(session: Session, site: str, *, offset: int = 0, most: int = 50) -> list[SwapView]:
    """The newest first."""
    query = sa.select(MeterSwap).where(MeterSwap.site_key == site).order_by(MeterSwap.id.desc())
    return [_view(row) for row in session.scalars(query.offset(offset).limit(most))]


def one_swap(session: Session, key: str) -> SwapView:
    row = session.scalar(sa.select(MeterSwap).where(MeterSwap.key == key))
    if row is None:
        raise NotFound("There is no such swap here.")
    return _view(row)


def swap_of(session: Session, old: str) -> SwapView | None:
    """The swap by which this meter left its unit."""
    row = session.scalar(sa.select(MeterSwap).where(MeterSwap.old_meter == old, MeterSwap.state == "done"))
    return None if row is None else _view(row)


def withdraw(session: Session, clock: Clock, actor: Actor, key: str) -> None:
    row = session.scalar(sa.select(MeterSwap).where(MeterSwap.key == key).with_for_update())
    if row is None or row.state != "asked":
        raise NotFound("There is no such swap waiting here.")
    if approvals.standing_of(session, clock, row.approval_key)[0] in ("open", "approved"):
        approvals.withdraw(session, clock, actor, row.approval_key)
    row.state = "withdrawn"


def _one(session: Session, clock: Clock, key: str) -> MeterView:
    views = estate.list_meters(session, clock, [key])
    if not views:
        raise NotFound("There is no such meter here. Search for it again.")
    return views[0]


def _view(row: MeterSwap) -> SwapView:
    return SwapView(
        row.key,
        row.old_meter,
        row.new_meter,
        row.state,
        row.units,
        row.order_id,
        row.content,
        row.reason,
        row.approval_key,
        row.found_units,
        row.site_key,
        row.asked_by,
        row.asked_at,
        row.done_at,
    )
