"""What a manager allows at a site, a till or to a person: takings, float, tolerance, and the special limit.

The takings limit blocks: it is the ceiling of the drawer's ledger account (decisions.md D5), so no process holds it. The
special limit caps what one shift may give back alone. Until a manager sets something, nothing is limited, nothing
is tolerated and nothing is given back alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit
from vending.access import policy
from vending.access.policy import Actor, Permission
from vending.clock import Clock
from vending.shifts.errors import LimitsCrossed
from vending.shifts.tables import CashLimit


@dataclass(frozen=True, slots=True)
class Limits:
    """`takings_minor` None: no limit. `one_person`: a site with nobody else; every slip then says so."""

    takings_minor: int | None = None
    float_minor: int = 0
    tolerance_minor: int = 0
    special_minor: int = 0
    one_person: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LimitRow:
    subject: str
    takings_minor: int | None = None
    float_minor: int | None = None
    tolerance_minor: int | None = None
    special_minor: int | None = None
    one_person: bool | None = None


_FIELDS = ("takings_minor", "float_minor", "tolerance_minor", "special_minor", "one_person")


def limits_of(session: Session, site_key: str, till: str, person_key: str) -> Limits:
    """The person's row wins over the till's, which wins over the site's, each value by itself."""
    rows = {row.subject: row for row in list_limits(session, site_key)}
    found: dict[str, Any] = {}
    for subject in ("", f"till:{till}", f"person:{person_key}"):
        row = rows.get(subject)
        for name in _FIELDS:
            value = getattr(row, name) if row is not None else None
            if value is not None:
                found[name] = value
    return Limits(**found)


def list_limits(session: Session, site_key: str) -> list[LimitRow]:
    rows = session.scalars(
        sa.select(CashLimit).where(CashLimit.site_key == site_key).order_by(CashLimit.subject)
    )
    return [
        LimitRow(
            row.subject,
            row.takings_minor,
            row.float_minor,
            row.tolerance_minor,
            row.special_minor,
            None if row.one_person is None else bool(row.one_person),
        )
        for row in rows
    ]


def set_limits(
    session: Session, clock: Clock, actor: Actor, site_key: str, limits: LimitRow, *, reason: str
) -> None:
    """For shifts that open from now on; an open shift keeps what it began with."""
    policy.require(actor, Permission.SITE_EDIT, site_key)
    values = {name: getattr(limits, name) for name in _FIELDS}
    for name in _FIELDS[:4]:
        if values[name] is not None and values[name] < 0:
            raise LimitsCrossed("A limit is zero or more. To have none, leave the field empty.", name)
    row = session.get(CashLimit, (site_key, limits.subject)) or CashLimit(
        site_key=site_key, subject=limits.subject
    )
    for name, value in values.items():
        setattr(row, name, int(value) if value is not None else None)
    session.add(row)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="shift.limits_set",
        subject=f"site:{site_key}",
        detail={"for": limits.subject or "site", **values},
        reason=reason,
    )
