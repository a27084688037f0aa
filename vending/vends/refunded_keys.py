"""A meter never returns to a key under which a token was refunded: the token would live again (rules.md 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.vends.errors import KeyWasRefunded
from vending.vends.tables import Reversal, Vend

# What makes a key another key; the expiry does not.
IDENTITY = ("ea", "tct", "dkga", "sgc", "krn", "ti", "key_type", "base_date")


def identity(keying: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(keying[name] for name in IDENTITY)


def refuse_refunded_key(session: Session, meter_key: str, keying: Mapping[str, Any]) -> None:
    refunded = session.scalars(
        sa.select(Vend.keying)
        .join(Reversal, Reversal.of_order == Vend.order_id)
        .where(Vend.meter_key == meter_key, Reversal.way == "proved", Reversal.state == "done")
    )
    if identity(keying) in {identity(one) for one in refunded}:
        raise KeyWasRefunded(
            "A token under that key was refunded, because the meter could not take it any more; under that key it could. "
            "Choose a key that this meter never had."
        )
