"""Whether the machine's clock can be believed: it must not run behind what is already in the books.

A clock that fell back a day would stamp sales before earlier ones. The security module makes the same check against its
own log, and refuses both directions; this one speaks before a person begins to sell.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from vending.audit import AuditEntry
from vending.clock import Clock
from vending.db import Database
from vending.errors import Unavailable

TOLERANCE = timedelta(minutes=5)


class ClockBehind(Unavailable):
    code = "clock_behind"


def last_booked(db: Database) -> datetime | None:
    with db.reading() as session:
        return session.scalars(sa.select(AuditEntry.at).order_by(AuditEntry.id.desc()).limit(1)).first()


def refuse_if_behind(db: Database, clock: Clock) -> None:
    last = last_booked(db)
    now = clock.now()
    if last is not None and now < last - TOLERANCE:
        raise ClockBehind(
            f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, but something was booked at {last:%Y-%m-%d %H:%M} UTC. "
            "Set the clock (timedatectl set-ntp true), then start again; nothing is lost."
        )
