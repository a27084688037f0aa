"""One row per tender of a sale. Rows are only ever added."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base, append_only


class Payment(Base):
    __tablename__ = "payment"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    sale_key: Mapped[str]
    position: Mapped[int]
    way: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    received_minor: Mapped[int]
    change_minor: Mapped[int]
    rounding_minor: Mapped[int]
    reference: Mapped[str]
    till: Mapped[str] = mapped_column(index=True)
    shift: Mapped[str] = mapped_column(default="", index=True)
    taken_by: Mapped[str]
    taken_at: Mapped[datetime]

    # One payment never pays twice: a place in a sale is taken once.
    __table_args__ = (sa.UniqueConstraint("sale_key", "position"),)


append_only(Payment.__table__)


class Seller(Base):
    """A third-party seller. His money stands in the ledger; here is who he is and what was agreed with him."""

    __tablename__ = "seller"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    site_key: Mapped[str] = mapped_column(index=True)
    currency: Mapped[str]
    commission_basis_points: Mapped[int]
    credit_limit_minor: Mapped[int]
    blocked_why: Mapped[str | None]
    made_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("commission_basis_points BETWEEN 0 AND 2500", name="commission_bounded"),
        sa.CheckConstraint("credit_limit_minor >= 0", name="credit_not_negative"),
    )


class SellerHandover(Base):
    """A seller said that the customer has the tokens of this order. Evidence for reversals; only ever added."""

    __tablename__ = "seller_handover"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    order_id: Mapped[str] = mapped_column(unique=True)
    seller: Mapped[str]
    said_by: Mapped[str]
    at: Mapped[datetime]


append_only(SellerHandover.__table__)
