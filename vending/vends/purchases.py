"""What one tenant bought in a time, order by order: for his statement. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.vends.plan import GAVE, SOLD
from vending.vends.tables import Sale, Vend

SHOWN = (*SOLD, "free-issue", "replacement")


@dataclass(frozen=True, slots=True)
class Purchase:
    sold_at: datetime
    receipt: str
    kind: str
    meter_key: str
    service: str
    units: int  # with those that were free
    paid_minor: int  # less what went back
    taken_back: bool
    currency: str
    lines: tuple[dict[str, Any], ...]


def list_purchases(session: Session, tenant_key: str, since: datetime, until: datetime) -> list[Purchase]:
    """The oldest first. A purchase that was taken back is named and counts for nothing."""
    rows = session.execute(
        sa.select(
            Sale.sold_at, Sale.receipt, Sale.content, Sale.currency,
            Vend.order_id, Vend.kind, Vend.meter_key, Vend.service, Vend.units, Vend.free_units, Vend.paid_minor,
            Vend.returned_minor, Vend.state,
        )
        .join(Sale, Sale.key == Vend.sale_key)
        .where(
            Vend.tenant_key == tenant_key,
            Vend.paid_at >= since,
            Vend.paid_at < until,
            Vend.kind.in_(SHOWN),
            Vend.state.in_((*GAVE, "reversed")),
        )
        .order_by(Vend.paid_at, Vend.id)
    ).all()  # fmt: skip
    found = []
    for row in rows:
        back = row.state == "reversed"
        order = next(one for one in row.content["orders"] if one["order"] == row.order_id)
        found.append(
            Purchase(
                row.sold_at,
                row.receipt,
                row.kind,
                row.meter_key or "",
                row.service,
                0 if back else row.units + row.free_units,
                0 if back else row.paid_minor - row.returned_minor,
                back,
                row.currency,
                # A purchase that was shortened or taken back is not what its lines say any more.
                () if back or row.returned_minor else tuple(order.get("lines", ())),
            )
        )
    return found
