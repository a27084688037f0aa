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
    till: Mapped[str]
    shift: Mapped[str] = mapped_column(default="", index=True)
    taken_by: Mapped[str]
    taken_at: Mapped[datetime]

    # One payment never pays twice: a place in a sale is taken once. The bank's reference of a transfer: `TransferUse`.
    __table_args__ = (sa.UniqueConstraint("sale_key", "position"),)


append_only(Payment.__table__)


class TransferUse(Base):
    """The one thing that a bank transfer paid: a sale, money that waits for its owner, or what a correction moved to it."""

    __tablename__ = "transfer_use"

    reference: Mapped[str] = mapped_column(primary_key=True)  # as `tender.same_paper` writes it
    used_for: Mapped[str]
    used_at: Mapped[datetime]


append_only(TransferUse.__table__)


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


class Voucher(Base):
    """Somebody's promise to pay its face, once."""

    __tablename__ = "voucher"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str] = mapped_column(index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    issuer: Mapped[str]
    valid_until: Mapped[str | None]
    added_by: Mapped[str]
    added_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("amount_minor > 0", name="amount"),)


class VoucherUse(Base):
    """The one sale that a voucher paid."""

    __tablename__ = "voucher_use"

    number: Mapped[str] = mapped_column(sa.ForeignKey("voucher.number"), primary_key=True)
    sale_key: Mapped[str]
    used_at: Mapped[datetime]


class Unclaimed(Base):
    """Money that came in and that nobody could be named for: what is known of it. Its balance is suspense/<key>."""

    __tablename__ = "unclaimed"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str] = mapped_column(index=True)
    way: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    reference: Mapped[str]
    note: Mapped[str]
    till: Mapped[str]
    shift: Mapped[str]
    received_by: Mapped[str]
    received_by_name: Mapped[str]
    received_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("amount_minor > 0", name="amount"),)


class UnclaimedEnd(Base):
    """Where some or all of it went: to a tenant, or back."""

    __tablename__ = "unclaimed_end"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    account: Mapped[str] = mapped_column(index=True)
    outcome: Mapped[str]
    tenant_key: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    reason: Mapped[str]
    evidence: Mapped[str]
    ended_by: Mapped[str]
    ended_by_name: Mapped[str]
    ended_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("outcome IN ('attributed', 'returned')", name="outcome_known"),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
    )


class Refund(Base):
    """Money given back to a customer, with what proves that it was his. `request`: the page's id, so a double click is one."""

    __tablename__ = "refund"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    request: Mapped[str] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str]
    till: Mapped[str]
    shift: Mapped[str] = mapped_column(index=True)
    source: Mapped[str]  # the ledger account that it came from: kept/…, customer/… or suspense/…
    tenant_key: Mapped[str] = mapped_column(index=True)
    way: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    reference: Mapped[str]
    reason: Mapped[str]
    evidence: Mapped[str]
    approval: Mapped[str]  # the second person's request, or nothing within the special limit
    refunded_by: Mapped[str]
    refunded_by_name: Mapped[str]
    refunded_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("amount_minor > 0", name="amount"),)


class TenderCorrection(Base):
    """A way of paying that was typed wrongly, put right by an entry. The sale, its receipt and its token stay."""

    __tablename__ = "tender_correction"

    approval: Mapped[str] = mapped_column(primary_key=True)
    sale_key: Mapped[str] = mapped_column(index=True)
    position: Mapped[int]
    from_way: Mapped[str]
    to_way: Mapped[str]
    reference: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    shift: Mapped[str]
    corrected_by: Mapped[str]
    corrected_by_name: Mapped[str]
    corrected_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("sale_key", "position"),)


for _table in (Voucher, VoucherUse, Unclaimed, UnclaimedEnd, Refund, TenderCorrection):
    append_only(_table.__table__)
