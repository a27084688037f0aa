"""The rows of the sale: sale (one receipt), vend (one order for one meter), token, and the number series of receipts.

A token is only ever added; a vend's state only moves forward (`plan.STATES`). The unique constraints are the last fence:
one order id for ever, one token per meter and minute, one number per receipt.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base, append_only

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class ReceiptSeries(Base):
    """The last number of each till's series. Raised in the sale's own transaction, so numbers have no gaps."""

    __tablename__ = "receipt_series"

    series: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class Sale(Base):
    __tablename__ = "sale"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    receipt: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str]
    till: Mapped[str]
    cashier_key: Mapped[str]
    cashier_name: Mapped[str]
    currency: Mapped[str]
    total_minor: Mapped[int]
    fingerprint: Mapped[str]  # what the page asked for; the same sale id with another one is refused
    content: Mapped[dict[str, Any]]
    content_hash: Mapped[str]
    copies: Mapped[int] = mapped_column(default=0)
    sold_at: Mapped[datetime]

    __table_args__ = (sa.Index("ix_sale_till_id", "till", "id"),)


class Vend(Base):
    __tablename__ = "vend"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    order_id: Mapped[str] = mapped_column(unique=True)
    sale_key: Mapped[str] = mapped_column(sa.ForeignKey("sale.key"), index=True)
    position: Mapped[int]
    meter_key: Mapped[str] = mapped_column(index=True)
    pan: Mapped[str]
    tenant_key: Mapped[str | None]
    service: Mapped[str]
    units: Mapped[int]
    paid_minor: Mapped[int]
    currency: Mapped[str]
    carried_minor: Mapped[int]
    tariff_version: Mapped[str]
    priced: Mapped[dict[str, Any]]  # what it was counted from (priced.py)
    request: Mapped[dict[str, Any]]  # what the module is asked, word for word, however often
    settlement: Mapped[dict[str, Any]]  # the entry that releases it, fixed when the money was taken
    state: Mapped[str]
    refusal_code: Mapped[str | None]
    refusal_sentence: Mapped[str | None]
    paid_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('paid', 'issued', 'cancelled', 'refused')", name="state_known"),
        sa.CheckConstraint("units > 0 AND paid_minor >= 0", name="sells_something"),
        # The worker looks for what is still open; this index holds those few rows only.
        sa.Index(
            "ix_vend_open",
            "id",
            sqlite_where=sa.text("state = 'paid'"),
            postgresql_where=sa.text("state = 'paid'"),
        ),
        sa.Index("ix_vend_meter_paid_at", "meter_key", "paid_at"),
    )


class Token(Base):
    __tablename__ = "token"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("vend.order_id"), index=True)
    position: Mapped[int]
    kind: Mapped[str]
    pan: Mapped[str]
    absolute_minute: Mapped[int | None]
    tid: Mapped[int | None]
    base_date: Mapped[int]
    units: Mapped[int | None]
    digits: Mapped[str]
    sequence: Mapped[int]
    logged_at: Mapped[datetime]
    log: Mapped[str]
    salt: Mapped[str]
    leaf: Mapped[str]
    signature: Mapped[str]

    __table_args__ = (
        sa.UniqueConstraint("pan", "absolute_minute"),
        sa.UniqueConstraint("order_id", "position"),
        sa.CheckConstraint("length(digits) = 20", name="twenty_digits"),
    )


append_only(Token.__table__)


class Draft(Base):
    """A basket that is being counted: it survives a reload, a lost session and a second look, and is never money."""

    __tablename__ = "basket_draft"

    sale_id: Mapped[str] = mapped_column(primary_key=True)
    till: Mapped[str]
    cashier_key: Mapped[str]
    lines: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]
