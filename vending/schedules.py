"""What happens at a time of the site's day: pure rules for the hour, and a row that remembers what was already asked for.

A plan has one moment on each of its days, in every zone and through every change of the clocks: an hour that is skipped in
spring is taken as the hour after it, an hour that comes twice in autumn counts the first time. When the machine was off at
that moment, the plan is carried out once when it is on again; what was missed before that is not made up for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from vending import outbox
from vending.clock import Clock
from vending.db import Base


class ScheduleRow(Base):
    __tablename__ = "schedule"

    name: Mapped[str] = mapped_column(primary_key=True)
    last_slot: Mapped[datetime]  # the newest moment that was asked for, or passed over at the first start


@dataclass(frozen=True, slots=True)
class Plan:
    """`at` is the local time; `weekday` (Monday is 0) or `day` of the month narrow it to some days."""

    name: str
    at: time
    weekday: int | None = None
    day: int | None = None  # of the month; the last one when the month is shorter

    @property
    def event(self) -> str:
        return f"scheduled: {self.name}"

    def is_on(self, day: date) -> bool:
        if self.weekday is not None and day.weekday() != self.weekday:
            return False
        if self.day is None:
            return True
        last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return day.day == min(self.day, last.day)

    def moment(self, day: date, zone: tzinfo) -> datetime:
        """The one moment of that day, in UTC."""
        return datetime.combine(day, self.at, zone).astimezone(UTC)


def latest(plan: Plan, now: datetime, zone: tzinfo) -> datetime:
    """The newest moment of the plan that is not after now."""
    day = now.astimezone(zone).date() + timedelta(days=1)
    while True:
        if plan.is_on(day) and (found := plan.moment(day, zone)) <= now:
            return found
        day -= timedelta(days=1)


def following(plan: Plan, now: datetime, zone: tzinfo) -> datetime:
    """The first moment of the plan after now."""
    day = now.astimezone(zone).date() - timedelta(days=1)
    while True:
        if plan.is_on(day) and (found := plan.moment(day, zone)) > now:
            return found
        day += timedelta(days=1)


def ask(session: Session, clock: Clock, plans: Iterable[Plan], zone: tzinfo) -> list[str]:
    """Puts into the outbox what has become due; each moment once, however many workers ask. Gives the names."""
    now = clock.now()
    asked = []
    for plan in plans:
        slot = latest(plan, now, zone)
        row = session.get(ScheduleRow, plan.name, with_for_update=True)
        if row is None:
            # The first start of this plan: its first moment is still to come.
            if not _remember(session, plan.name, slot):
                continue
        elif row.last_slot > now:
            # The clock stood ahead when that was asked for. What was asked ahead of time is not asked again and again.
            row.last_slot = slot
        elif row.last_slot < slot:
            row.last_slot = slot
            outbox.emit(session, clock, plan.event, {"slot": slot.isoformat()})
            asked.append(plan.name)
    return asked


def _remember(session: Session, name: str, slot: datetime) -> bool:
    """False when another worker was quicker."""
    if session.connection().dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert

        made = session.execute(insert(ScheduleRow).values(name=name, last_slot=slot).on_conflict_do_nothing())
        return bool(made.rowcount)  # type: ignore[attr-defined]
    session.add(ScheduleRow(name=name, last_slot=slot))
    return True


def last_slots(session: Session) -> dict[str, datetime]:
    return {row.name: row.last_slot for row in session.scalars(sa.select(ScheduleRow))}
