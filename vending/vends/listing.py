"""Looks at orders by program: by id, the newest of a seller or a meter, in pages. Frozen values; reads only.

`seller` (his code) narrows each look to what his money paid; a till of the site may bear the same name, and its sales are not his.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.vends import queries
from vending.vends.plan import PROGRAM
from vending.vends.queries import SaleView, VendView
from vending.vends.tables import Sale, Vend


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order with the sale that it was paid in. `place` is where a page of a list goes on."""

    place: int
    sale: SaleView
    vend: VendView


def find_orders(
    session: Session, order_ids: Sequence[str], *, site: str, seller: str | None
) -> dict[str, OrderView]:
    """Those of the orders that were sold at this site (and by this seller); whoever else may have the others."""
    if not order_ids:
        return {}
    found = _orders(session, [Vend.order_id.in_(order_ids)], site, seller, most=len(order_ids))
    return {order.vend.order_id: order for order in found}


def last_order(
    session: Session, *, site: str, seller: str | None, meter_key: str | None = None
) -> OrderView | None:
    found = list_orders(session, site=site, seller=seller, meter_key=meter_key, most=1)
    return found[0] if found else None


def list_orders(
    session: Session,
    *,
    site: str,
    seller: str | None,
    meter_key: str | None = None,
    before: int | None = None,
    most: int,
) -> list[OrderView]:
    """The newest first. Nothing that is sold meanwhile moves a page that was read."""
    wanted = [] if meter_key is None else [Vend.meter_key == meter_key]
    if before is not None:
        wanted.append(Vend.id < before)
    return _orders(session, wanted, site, seller, most=most)


def _orders(
    session: Session, wanted: list[sa.ColumnElement[bool]], site: str, seller: str | None, *, most: int
) -> list[OrderView]:
    query = (
        sa.select(Vend.id, Vend.order_id, Vend.sale_key)
        .join(Sale, Sale.key == Vend.sale_key)
        .where(Sale.site_key == site, *wanted)
    )
    if seller is not None:
        query = query.where(Sale.till == seller, Sale.cashier_key.startswith(PROGRAM))
    rows = session.execute(query.order_by(Vend.id.desc()).limit(most)).all()
    sales = queries.list_sales(session, list(dict.fromkeys(row.sale_key for row in rows)))
    vends = {vend.order_id: (sale, vend) for sale in sales for vend in sale.vends}
    return [OrderView(row.id, *vends[row.order_id]) for row in rows]
