"""Baskets that are being counted, kept on the server so that nothing typed is lost. Never money, never a promise."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.clock import Clock
from vending.vends.tables import Draft

KEPT_FOR = timedelta(days=2)
A_MOMENT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line as it was typed: for which meter or customer, what, how much, and the order id it will be sold under."""

    order_id: str
    meter: str
    amount: str
    removed: bool = False
    kind: str = "credit"  # plan.SOLD
    tenant: str = ""
    charge: str = ""
    quantity: int = 1
    register: str = ""
    second_token: bool = False


@dataclass(frozen=True, slots=True)
class DraftBasket:
    sale_id: str
    till: str
    cashier_key: str
    lines: tuple[DraftLine, ...] = ()

    @property
    def kept(self) -> tuple[DraftLine, ...]:
        return tuple(line for line in self.lines if not line.removed)

    def put(self, line: DraftLine) -> DraftBasket:
        """The line with this order id, new or typed over."""
        if any(old.order_id == line.order_id for old in self.lines):
            return replace(
                self, lines=tuple(line if old.order_id == line.order_id else old for old in self.lines)
            )
        return replace(self, lines=(*self.lines, line))

    def removed(self, order_id: str, *, gone: bool) -> DraftBasket:
        return replace(
            self,
            lines=tuple(
                replace(line, removed=gone) if line.order_id == order_id else line for line in self.lines
            ),
        )


def find(session: Session, sale_id: str) -> DraftBasket | None:
    row = session.get(Draft, sale_id)
    return _view(row) if row is not None else None


def newest_of(session: Session, clock: Clock, cashier_key: str, till: str) -> DraftBasket | None:
    """What this cashier was counting last at this till, if it was a moment ago: for the customer's own screen."""
    row = session.scalar(
        sa.select(Draft)
        .where(
            Draft.cashier_key == cashier_key, Draft.till == till, Draft.changed_at > clock.now() - A_MOMENT
        )
        .order_by(Draft.changed_at.desc())
        .limit(1)
    )
    return _view(row) if row is not None else None


def _view(row: Draft) -> DraftBasket:
    return DraftBasket(
        row.sale_id, row.till, row.cashier_key, tuple(DraftLine(**line) for line in row.lines["lines"])
    )


def save(session: Session, clock: Clock, basket: DraftBasket) -> None:
    row = session.get(Draft, basket.sale_id)
    lines = {"lines": [asdict(line) for line in basket.lines]}
    if row is None:
        session.add(
            Draft(
                sale_id=basket.sale_id,
                till=basket.till,
                cashier_key=basket.cashier_key,
                lines=lines,
                changed_at=clock.now(),
            )
        )
    else:
        row.lines, row.changed_at = lines, clock.now()


def drop_old(session: Session, clock: Clock) -> None:
    session.execute(sa.delete(Draft).where(Draft.changed_at < clock.now() - KEPT_FOR))
