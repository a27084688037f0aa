"""The rows of the sale: sale (one receipt), vend (one order), what the module is asked for it, tokens, number series.

What the module was asked, what it gave and what it refused are only ever added; a vend's state only moves forward
(`plan.STATES`). The unique constraints are the last fence: one order id for ever, one module order id for ever, one token
per meter and minute, one allowance per entitlement and month, one number per receipt.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base, JsonText, append_only

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

    __table_args__ = (
        sa.Index("ix_sale_till_id", "till", "id"),
        sa.Index("ix_sale_site_sold_at", "site_key", "sold_at"),
    )


class Vend(Base):
    __tablename__ = "vend"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    order_id: Mapped[str] = mapped_column(unique=True)
    sale_key: Mapped[str] = mapped_column(sa.ForeignKey("sale.key"), index=True)
    position: Mapped[int]
    kind: Mapped[str]  # plan.KINDS
    meter_key: Mapped[str | None]  # none for a charge or a top-up without a meter
    pan: Mapped[str | None]
    tenant_key: Mapped[str | None]
    service: Mapped[str]  # empty where no energy is sold
    units: Mapped[
        int
    ]  # sold for money: what is to be given while it is open, what was given once it is decided
    free_units: Mapped[int]  # given without money, beside them
    paid_minor: Mapped[int]
    returned_minor: Mapped[int] = mapped_column(
        default=0
    )  # went back to the customer, as no token came for it
    currency: Mapped[str]
    carried_minor: Mapped[int]
    tariff_version: Mapped[str]  # empty where no tariff priced it
    priced: Mapped[dict[str, Any]]  # what it was counted from (priced.py)
    keying: Mapped[dict[str, Any]]  # the key data that its tokens are made for; empty where no meter is
    # Key changes whose tokens stand on this slip again, because nobody saw them entered (rules.md 2).
    carries: Mapped[list[Any]] = mapped_column(JsonText)
    approval: Mapped[str | None]  # of an act without money: the module's name of what two people signed
    settlement: Mapped[dict[str, Any]]  # the entries that release it, fixed when the money was taken
    state: Mapped[str]
    refusal_code: Mapped[str | None]
    refusal_sentence: Mapped[str | None]
    paid_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('asked', 'withdrawn', 'paid', 'issued', 'partly', 'refused', 'cancelled', 'reversed')",
            name="state_known",
        ),
        sa.CheckConstraint(
            "units >= 0 AND free_units >= 0 AND paid_minor >= 0 AND returned_minor >= 0",
            name="sells_something",
        ),
        # The worker looks for what is still open; this index holds those few rows only.
        sa.Index(
            "ix_vend_open",
            "id",
            sqlite_where=sa.text("state = 'paid'"),
            postgresql_where=sa.text("state = 'paid'"),
        ),
        sa.Index(
            "ix_vend_asked",
            "id",
            sqlite_where=sa.text("state = 'asked'"),
            postgresql_where=sa.text("state = 'asked'"),
        ),
        sa.Index("ix_vend_meter_paid_at", "meter_key", "paid_at"),
        sa.Index("ix_vend_tenant_paid_at", "tenant_key", "paid_at"),
    )


class TokenRequest(Base):
    """One request to the module, word for word as it is asked, however often. An order may have several: an allowance,
    and credit above what one token holds. `part_id` is the module's order id."""

    __tablename__ = "token_request"

    part_id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("vend.order_id"))
    position: Mapped[int]
    kind: Mapped[str]  # requests.PARTS
    units: Mapped[int | None]
    asked: Mapped[dict[str, Any]]

    __table_args__ = (sa.UniqueConstraint("order_id", "position"),)


class TokenRefusal(Base):
    """A request that will never be carried out: the module has its tombstone."""

    __tablename__ = "token_refusal"

    part_id: Mapped[str] = mapped_column(sa.ForeignKey("token_request.part_id"), primary_key=True)
    code: Mapped[str]
    sentence: Mapped[str]
    refused_at: Mapped[datetime]


class Token(Base):
    __tablename__ = "token"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("vend.order_id"))
    part_id: Mapped[str] = mapped_column(sa.ForeignKey("token_request.part_id"))
    position: Mapped[int]  # the order of entry
    kind: Mapped[str]  # of its request
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


class AllowanceClaim(Base):
    """The free units of one entitlement in one calendar month. Given back by a reversal, it may be claimed again."""

    __tablename__ = "allowance_claim"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("vend.order_id"), unique=True)
    entitlement: Mapped[str]  # the lease and the service
    month: Mapped[str]  # of the site's calendar: 2026-11
    given_back_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index(
            "uq_allowance_claim_once_a_month",
            "entitlement",
            "month",
            unique=True,
            sqlite_where=sa.text("given_back_at IS NULL"),
            postgresql_where=sa.text("given_back_at IS NULL"),
        ),
    )


class KeyChange(Base):
    """A set of key-change tokens that was released. Until somebody saw the meter under its new key the set is printed on
    every slip again, and what is sold is sold under the new key all the same (rules.md 2)."""

    __tablename__ = "key_change"

    order_id: Mapped[str] = mapped_column(sa.ForeignKey("vend.order_id"), primary_key=True)
    meter_key: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    rollover: Mapped[bool]
    state: Mapped[str]
    released_at: Mapped[datetime]
    handed_out_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    evidence: Mapped[dict[str, Any]]

    __table_args__ = (
        sa.CheckConstraint("state IN ('released', 'confirmed', 'returned')", name="state_known"),
        sa.Index("ix_key_change_meter", "meter_key", "state"),
    )


class TokenAct(Base):
    """Why a token without money was wanted, and the request by which two people agreed to it."""

    __tablename__ = "token_act"

    order_id: Mapped[str] = mapped_column(sa.ForeignKey("vend.order_id"), primary_key=True)
    kind: Mapped[str]
    meter_key: Mapped[str] = mapped_column(index=True)
    approval_key: Mapped[str | None] = mapped_column(
        unique=True
    )  # none: a meter test, which needs nobody's word
    reason: Mapped[str]
    work_order: Mapped[str]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]


class Reversal(Base):
    """The end of a sale that should not have been: an order of its own, with its evidence (I-14)."""

    __tablename__ = "reversal"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    of_order: Mapped[str] = mapped_column(sa.ForeignKey("vend.order_id"))
    site_key: Mapped[str]
    way: Mapped[str]  # cancelled (A), proved (B), agreed (C)
    book_as: Mapped[str]  # of C: loss or debt; of a charge or a top-up: entry
    state: Mapped[str]
    why: Mapped[str]  # reversing.WHY
    reason: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    pays_tenant: Mapped[str]  # whose account of money kept it goes to
    amount_minor: Mapped[int]
    currency: Mapped[str]
    approval_key: Mapped[str | None]
    credit_note: Mapped[str | None] = mapped_column(unique=True)
    content: Mapped[dict[str, Any]]  # of the credit note
    content_hash: Mapped[str]
    asked_by: Mapped[str]
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('asked', 'done', 'withdrawn')", name="state_known"),
        sa.CheckConstraint("way IN ('cancelled', 'proved', 'agreed')", name="way_known"),
        sa.CheckConstraint(
            "way = 'cancelled' OR state <> 'done' OR approval_key IS NOT NULL", name="two_people"
        ),
        sa.Index(
            "uq_reversal_one_of_an_order",
            "of_order",
            unique=True,
            sqlite_where=sa.text("state <> 'withdrawn'"),
            postgresql_where=sa.text("state <> 'withdrawn'"),
        ),
    )


for _table in (TokenRequest, TokenRefusal, Token, TokenAct):
    append_only(_table.__table__)


class Draft(Base):
    """A basket that is being counted: it survives a reload, a lost session and a second look, and is never money."""

    __tablename__ = "basket_draft"

    sale_id: Mapped[str] = mapped_column(primary_key=True)
    till: Mapped[str]
    cashier_key: Mapped[str]
    lines: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]


class LogMark(Base):
    """How far this database has followed the module's log: one row. A restored database brings its own, older, mark."""

    __tablename__ = "log_mark"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    log: Mapped[str]
    checked_to: Mapped[
        int
    ]  # every credit entry before this number answers a request that stands in `token_request`
    head_size: Mapped[int]
    head_note: Mapped[str]  # a head that the module signed: shown to it at the next start
    restored_size: Mapped[int | None]  # the log was restored with so many entries; a fast-forward must follow
    forwarded: Mapped[int | None]  # the entry of the newest fast-forward that was taken into account
    changed_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)
