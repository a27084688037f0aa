"""The rows of money without a token: unclaimed, given back, corrected. Steps and looks; the acts are in `vends.desk`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.payments.tables import Payment, Refund, TenderCorrection, Unclaimed, UnclaimedEnd


@dataclass(frozen=True, slots=True)
class UnclaimedMoney:
    key: str
    site_key: str
    way: str
    currency: str
    amount_minor: int
    reference: str
    note: str
    till: str
    shift: str
    received_by: str
    received_by_name: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """Where unclaimed money went. `outcome`: attributed or returned."""

    account: str
    outcome: str
    tenant_key: str
    amount_minor: int
    currency: str
    reason: str
    evidence: str
    ended_by: str
    ended_by_name: str
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class RefundMade:
    request: str
    number: str
    site_key: str
    till: str
    shift: str
    source: str
    tenant_key: str
    way: str
    currency: str
    amount_minor: int
    reference: str
    reason: str
    evidence: str
    approval: str
    refunded_by: str
    refunded_by_name: str
    refunded_at: datetime


@dataclass(frozen=True, slots=True)
class Corrected:
    approval: str
    sale_key: str
    position: int
    from_way: str
    to_way: str
    reference: str
    amount_minor: int
    currency: str
    shift: str
    corrected_by: str
    corrected_by_name: str
    corrected_at: datetime


def receive(session: Session, money: UnclaimedMoney) -> None:
    session.add(Unclaimed(**asdict(money)))


def next_end(session: Session, account: str) -> int:
    """The number of the next end of an account: part of its entry's source, so that each is posted once."""
    count = sa.select(sa.func.count()).select_from(UnclaimedEnd).where(UnclaimedEnd.account == account)
    return 1 + int(session.scalar(count) or 0)


def end(session: Session, ending: Ending) -> None:
    session.add(UnclaimedEnd(**asdict(ending)))


def unclaimed_of_site(session: Session, site: str) -> dict[str, UnclaimedMoney]:
    """By ledger account."""
    rows = session.scalars(sa.select(Unclaimed).where(Unclaimed.site_key == site))
    names = UnclaimedMoney.__dataclass_fields__
    return {
        f"suspense/{row.key}": UnclaimedMoney(**{name: getattr(row, name) for name in names}) for row in rows
    }


def give_back(session: Session, made: RefundMade) -> None:
    session.add(Refund(**asdict(made)))


def find_refund(session: Session, request: str) -> RefundMade | None:
    row = session.scalar(sa.select(Refund).where(Refund.request == request))
    return _refund(row) if row is not None else None


def list_refunds(session: Session, site: str, *, shift: str = "", most: int = 100) -> list[RefundMade]:
    """The newest first."""
    query = sa.select(Refund).where(Refund.site_key == site).order_by(Refund.id.desc()).limit(most)
    return [_refund(row) for row in session.scalars(query.where(Refund.shift == shift) if shift else query)]


def _refund(row: Refund) -> RefundMade:
    return RefundMade(**{name: getattr(row, name) for name in RefundMade.__dataclass_fields__})


def given_back_alone(session: Session, shift: str) -> int:
    """What one shift gave back without a second person."""
    total = sa.select(sa.func.coalesce(sa.func.sum(Refund.amount_minor), 0)).where(
        Refund.shift == shift, Refund.approval == ""
    )
    return int(session.scalar(total) or 0)


def shift_of_payment(session: Session, sale_key: str, position: int) -> str:
    return (
        session.scalar(
            sa.select(Payment.shift).where(Payment.sale_key == sale_key, Payment.position == position)
        )
        or ""
    )


def correct(session: Session, corrected: Corrected) -> None:
    session.add(TenderCorrection(**asdict(corrected)))


def corrections_of(session: Session, sale_keys: Sequence[str]) -> dict[tuple[str, int], Corrected]:
    rows = session.scalars(sa.select(TenderCorrection).where(TenderCorrection.sale_key.in_(sale_keys)))
    names = Corrected.__dataclass_fields__
    return {
        (row.sale_key, row.position): Corrected(**{name: getattr(row, name) for name in names})
        for row in rows
    }
