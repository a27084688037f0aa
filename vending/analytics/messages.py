"""Which messages of the outbox belong to which site: what somebody who works at some of the sites may see and send again.

A message names what it is about in its payload: a sale, an order, a notice, a shift, a bag. What belongs to no site (a
published tariff, a night's check) is for those who work at all of them. Reads only.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.analytics.trail import reads_all
from vending.notifications.tables import Notice
from vending.outbox import OutboxMessage
from vending.shifts.tables import BankBatch, Shift
from vending.vends.tables import Sale, Vend


def of_sites(session: Session, sites: Collection[str]) -> sa.ColumnElement[bool] | None:
    """The condition on a row of the outbox; None where everything may be seen."""
    if reads_all(session, sites):
        return None
    names = list(sites)
    sales = sa.select(Sale.key).where(Sale.site_key.in_(names))
    return sa.or_(
        _named("sale").in_(sales),
        _named("order_id").in_(
            sa.select(Vend.order_id).join(Sale, Sale.key == Vend.sale_key).where(Sale.site_key.in_(names))
        ),
        _named("notice").in_(
            sa.select(Notice.key).join(Sale, Sale.key == Notice.sale_key).where(Sale.site_key.in_(names))
        ),
        _named("shift").in_(sa.select(Shift.key).where(Shift.site_key.in_(names))),
        _named("bag").in_(sa.select(BankBatch.key).where(BankBatch.site_key.in_(names))),
    )


def _named(what: str) -> sa.ColumnElement[str]:
    told: sa.ColumnElement[str] = sa.type_coerce(OutboxMessage.payload, sa.JSON)[what].as_string()
    return told
