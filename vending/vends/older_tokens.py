"""Tokens of the old key that may still lie on paper: told before a key-change set is made, and on its slip (rules.md 13).

A keypad meter never answers, so nobody knows which tokens were entered. What was given for the key that the meter leaves, in the
last three months, is listed with the newest first: the customer enters what he has not entered, and only then the set,
because afterwards the meter takes none of them any more. One that is in already says USED, and no harm is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.vends.plan import GAVE
from vending.vends.refunded_keys import identity
from vending.vends.tables import KeyChange, Sale, Token, Vend

LIES_ON_PAPER = timedelta(days=92)
MOST = 12


@dataclass(frozen=True, slots=True)
class OlderToken:
    receipt: str
    order_id: str
    made_at: datetime
    units: int
    service: str
    digits: str


def of_meter(
    session: Session, meter_key: str, old_key: Mapping[str, Any], until: datetime
) -> tuple[OlderToken, ...]:
    """Credit of any kind that was given for this key of the meter before that moment, the newest first."""
    rows = session.execute(
        sa.select(
            Sale.receipt, Vend.order_id, Vend.keying, Vend.service, Token.logged_at, Token.units, Token.digits
        )
        .join(Vend, Vend.sale_key == Sale.key)
        .join(Token, Token.order_id == Vend.order_id)
        .where(
            Vend.meter_key == meter_key,
            Vend.state.in_(GAVE),
            Token.units.is_not(None),
            Token.logged_at <= until,
            Token.logged_at > until - LIES_ON_PAPER,
        )
        .order_by(Token.logged_at.desc(), Token.position.desc())
        .limit(MOST * 4)
    )
    old = identity(old_key)
    found = [
        OlderToken(row.receipt, row.order_id, row.logged_at, row.units, row.service, row.digits)
        for row in rows
        if identity(row.keying) == old
    ]
    return tuple(found[:MOST])


def before_open_change(session: Session, meter_key: str) -> tuple[OlderToken, ...]:
    """The same where a key change was released and not seen at the meter yet: up to the first of them."""
    change = session.scalars(
        sa.select(KeyChange)
        .where(KeyChange.meter_key == meter_key, KeyChange.state == "released")
        .order_by(KeyChange.released_at)
        .limit(1)
    ).first()
    return of_meter(session, meter_key, change.before, change.released_at) if change is not None else ()
