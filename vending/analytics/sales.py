"""Sales as a list, searched and paged, and their sums by day, service, till and person. Reads only.

A sum counts what was paid for orders that gave something or are still open, less what went back to the customer. Days are the
site's own, so each day's bounds are given by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.estate import queries as estate
from vending.estate.tables import Meter, Space, Tenant
from vending.vends.plan import COUNTS, GAVE
from vending.vends.tables import Sale, Token, Vend


@dataclass(frozen=True, slots=True)
class SaleLine:
    key: str
    receipt: str
    sold_at: datetime
    till: str
    cashier: str
    currency: str
    total_minor: int
    copies: int
    states: tuple[str, ...]
    units: tuple[str, ...]  # codes of the units sold to, or labels of meters
    tenants: tuple[str, ...]
    energy: tuple[tuple[str, int], ...]  # service, tenths

    @property
    def state(self) -> str:
        """As the sale itself says it: open while anything is, else what was given, else how it ended."""
        for state in ("asked", "paid"):
            if state in self.states:
                return state
        if any(state in self.states for state in GAVE):
            return "issued"
        return next(
            (state for state in ("reversed", "refused", "cancelled") if state in self.states), "withdrawn"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the list is narrowed to; an empty text narrows nothing."""

    site: str
    since: datetime
    until: datetime
    text: str = ""
    till: str = ""
    cashier: str = ""
    state: str = ""
    meter: str = ""
    tenant: str = ""


def list_sales(session: Session, wanted: Wanted, *, offset: int = 0, most: int = 50) -> list[SaleLine]:
    """The newest first."""
    query = _narrowed(session, sa.select(Sale), wanted)
    rows = session.scalars(
        query.order_by(Sale.sold_at.desc(), Sale.id.desc()).offset(offset).limit(most)
    ).all()
    return _lines(session, rows)


def _narrowed(session: Session, query: Any, wanted: Wanted) -> Any:
    query = query.where(
        Sale.site_key == wanted.site, Sale.sold_at >= wanted.since, Sale.sold_at < wanted.until
    )
    if wanted.till:
        query = query.where(Sale.till == wanted.till)
    if wanted.cashier:
        query = query.where(Sale.cashier_key == wanted.cashier)
    if wanted.state:
        query = query.where(_has(Vend.state == wanted.state))
    if wanted.meter:
        query = query.where(_has(Vend.meter_key == wanted.meter))
    if wanted.tenant:
        query = query.where(_has(Vend.tenant_key == wanted.tenant))
    text = wanted.text.strip()
    if text:
        meters = estate.find_keys(session, "meter", text, (wanted.site,), 200)
        query = query.where(sa.or_(Sale.receipt == text.upper(), _has(Vend.meter_key.in_(meters))))
    return query


def _has(condition: Any) -> Any:
    return sa.exists(sa.select(1).where(Vend.sale_key == Sale.key, condition))


def _lines(session: Session, rows: Sequence[Sale]) -> list[SaleLine]:
    vends: dict[str, list[Any]] = {}
    for order in session.execute(
        sa.select(
            Vend.sale_key,
            Vend.state,
            Vend.kind,
            Vend.service,
            Vend.units,
            Meter.label,
            Space.code,
            Tenant.name,
        )
        .outerjoin(Meter, Meter.key == Vend.meter_key)
        .outerjoin(Space, Space.key == Meter.space_key)
        .outerjoin(Tenant, Tenant.key == Vend.tenant_key)
        .where(Vend.sale_key.in_([row.key for row in rows]))
        .order_by(Vend.sale_key, Vend.position)
    ):
        vends.setdefault(order.sale_key, []).append(order)
    found = []
    for row in rows:
        mine = vends.get(row.key, [])
        energy: dict[str, int] = {}
        for one in mine:
            if one.state in COUNTS and one.units and one.service:
                energy[one.service] = energy.get(one.service, 0) + one.units
        found.append(
            SaleLine(
                row.key,
                row.receipt,
                row.sold_at,
                row.till,
                row.cashier_name,
                row.currency,
                row.total_minor,
                row.copies,
                tuple(dict.fromkeys(one.state for one in mine)),
                tuple(dict.fromkeys(one.code or one.label for one in mine if one.code or one.label)),
                tuple(dict.fromkeys(one.name for one in mine if one.name)),
                tuple(energy.items()),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Sum:
    """What was sold under one name: a service, a till, a person, a tenant."""

    name: str
    key: str
    sales: int
    money_minor: int
    units: int


def by_day(session: Session, site: str, bounds: Sequence[datetime]) -> list[tuple[int, int]]:
    """(money, number of orders) for each span between two bounds, in one look at the site's sales of that time."""
    if len(bounds) < 2:
        return []
    spans = list(pairwise(bounds))
    inside = [sa.and_(Sale.sold_at >= start, Sale.sold_at < end) for start, end in spans]
    row = session.execute(
        sa.select(
            *(
                sa.func.coalesce(
                    sa.func.sum(sa.case((one, Vend.paid_minor - Vend.returned_minor), else_=0)), 0
                )
                for one in inside
            ),
            *(sa.func.coalesce(sa.func.sum(sa.case((one, 1), else_=0)), 0) for one in inside),
        )
        .select_from(Sale)
        .join(Vend, Vend.sale_key == Sale.key)
        .where(
            Sale.site_key == site,
            Sale.sold_at >= bounds[0],
            Sale.sold_at < bounds[-1],
            Vend.state.in_(COUNTS),
        )
    ).one()
    middle = len(spans)
    return [(int(row[index]), int(row[middle + index])) for index in range(middle)]


def sums(session: Session, site: str, since: datetime, until: datetime, by: str) -> list[Sum]:
    """Sums by `service`, `till`, `cashier`, `tenant`, `unit` or `tariff`, the largest first."""
    names: dict[str, tuple[Any, Any]] = {
        "service": (sa.func.coalesce(Vend.service, ""), sa.func.coalesce(Vend.service, "")),
        "till": (Sale.till, Sale.till),
        "cashier": (Sale.cashier_name, Sale.cashier_key),
        "tenant": (sa.func.coalesce(Tenant.name, ""), sa.func.coalesce(Vend.tenant_key, "")),
        "tariff": (Vend.tariff_version, Vend.tariff_version),
    }
    name, key = names[by]
    query = (
        sa.select(
            name.label("name"),
            key.label("key"),
            sa.func.count(Vend.id),
            sa.func.sum(Vend.paid_minor - Vend.returned_minor).label("money"),
            sa.func.sum(Vend.units),
        )
        .select_from(Sale)
        .join(Vend, Vend.sale_key == Sale.key)
        .where(
            Sale.site_key == site,
            Sale.sold_at >= since,
            Sale.sold_at < until,
            Vend.state.in_(COUNTS),
        )
        .group_by(name, key)
        .order_by(sa.desc("money"))
    )
    if by == "tenant":
        query = query.outerjoin(Tenant, Tenant.key == Vend.tenant_key)
    return [
        Sum(str(row[0]), str(row[1]), int(row[2]), int(row[3] or 0), int(row[4] or 0))
        for row in session.execute(query)
    ]


def tills(session: Session, site: str) -> list[str]:
    return list(
        session.scalars(sa.select(Sale.till).where(Sale.site_key == site).distinct().order_by(Sale.till))
    )


def open_orders(session: Session, site: str) -> int:
    """Paid orders whose token is still on its way."""
    return (
        session.scalar(
            sa.select(sa.func.count(Vend.id))
            .join(Sale, Sale.key == Vend.sale_key)
            .where(Vend.state == "paid", Sale.site_key == site)
        )
        or 0
    )


def tokens_of_kind(
    session: Session, site: str, since: datetime, until: datetime, *, kinds: Sequence[str] | None = None
) -> list[tuple[str, str, str, int, int]]:
    """(person's key, his name, kind, number of tokens, units) for tokens that are not plain sales."""
    query = (
        sa.select(
            Sale.cashier_key,
            Sale.cashier_name,
            Token.kind,
            sa.func.count(Token.id),
            sa.func.coalesce(sa.func.sum(Token.units), 0),
        )
        .select_from(Sale)
        .join(Vend, Vend.sale_key == Sale.key)
        .join(Token, Token.order_id == Vend.order_id)
        .where(
            Sale.site_key == site,
            Sale.sold_at >= since,
            Sale.sold_at < until,
            Token.kind.not_in(("credit", "allowance")),
        )
        .group_by(Sale.cashier_key, Sale.cashier_name, Token.kind)
        .order_by(sa.func.count(Token.id).desc())
    )
    if kinds is not None:
        query = query.where(Token.kind.in_(kinds))
    return [(row[0], row[1], row[2], int(row[3]), int(row[4] or 0)) for row in session.execute(query)]
