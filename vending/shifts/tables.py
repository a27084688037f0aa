"""The rows of shifts. What happened is only ever added: opening, drops, counts, closing, decision, bags, bank lines.

Three tables change: where a shift stands (so that one person has one drawer and one drawer one person), the count that is
being typed, and the limits that a manager sets. None of them is money.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base, append_only

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LIVING = sa.text("state <> 'closed'")


class ShiftSeries(Base):
    """The last number of each series: shifts by till, bags by site. Raised in the act's own transaction."""

    __tablename__ = "shift_series"

    series: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class CashLimit(Base):
    """What a manager allows: for the site (subject empty), one till or one person. None: what the wider row says."""

    __tablename__ = "cash_limit"

    site_key: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    takings_minor: Mapped[int | None]
    float_minor: Mapped[int | None]
    tolerance_minor: Mapped[int | None]
    special_minor: Mapped[int | None]
    one_person: Mapped[int | None]


class Shift(Base):
    """How a shift began. `base` is what its drawer's accounts held before it, which is not its own."""

    __tablename__ = "shift"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str]
    till: Mapped[str]
    drawer: Mapped[str]
    cashier_key: Mapped[str]
    cashier_name: Mapped[str]
    currency: Mapped[str]
    float_minor: Mapped[int]
    base: Mapped[dict[str, Any]]
    after_entry: Mapped[int]  # the last ledger entry before it: the drawer's later ones are its own
    limits: Mapped[dict[str, Any]]
    witness_key: Mapped[str]
    witness_name: Mapped[str]
    opened_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("float_minor >= 0", name="float"),
        sa.Index("ix_shift_site_opened_at", "site_key", "opened_at"),
        sa.Index("ix_shift_cashier", "cashier_key", "opened_at"),
    )


class ShiftStanding(Base):
    """Where a shift stands: open, counted, closed, and never back."""

    __tablename__ = "shift_standing"

    shift_key: Mapped[str] = mapped_column(sa.ForeignKey("shift.key"), primary_key=True)
    cashier_key: Mapped[str]
    drawer: Mapped[str]
    state: Mapped[str]

    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'counted', 'closed')", name="state_known"),
        sa.Index(
            "ix_shift_standing_drawer", "drawer", unique=True, sqlite_where=_LIVING, postgresql_where=_LIVING
        ),
        sa.Index(
            "ix_shift_standing_cashier",
            "cashier_key",
            unique=True,
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        ),
    )


class ShiftDraft(Base):
    """The count that is being typed: it survives a reload and a lost session, and is nothing until it is locked."""

    __tablename__ = "shift_draft"

    shift_key: Mapped[str] = mapped_column(sa.ForeignKey("shift.key"), primary_key=True)
    count: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]


class ShiftDrop(Base):
    """Cash from the drawer to the safe in mid-shift, counted by two."""

    __tablename__ = "shift_drop"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    shift_key: Mapped[str] = mapped_column(sa.ForeignKey("shift.key"), index=True)
    amount_minor: Mapped[int]
    count: Mapped[dict[str, Any]]
    bag: Mapped[str]
    witness_key: Mapped[str]
    witness_name: Mapped[str]
    dropped_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("amount_minor > 0", name="amount"),)


class ShiftCount(Base):
    """A locked count, and what the books expected at that moment. Two at most; the last one is the count."""

    __tablename__ = "shift_count"

    shift_key: Mapped[str] = mapped_column(sa.ForeignKey("shift.key"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[dict[str, Any]]
    expected: Mapped[dict[str, Any]]
    counted_by: Mapped[str]
    counted_by_name: Mapped[str]
    counted_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("round IN (1, 2)", name="one_recount"),)


class ShiftClosing(Base):
    """The end of a shift (Z): the differences by way of paying, booked, and why. `forgotten`: closed by somebody else."""

    __tablename__ = "shift_closing"

    shift_key: Mapped[str] = mapped_column(sa.ForeignKey("shift.key"), primary_key=True)
    differences: Mapped[dict[str, Any]]
    reason: Mapped[str]
    forgotten: Mapped[int] = mapped_column(default=0)
    needs_decision: Mapped[int]
    through_entry: Mapped[int]
    takings_minor: Mapped[int]  # cash of this shift for the bank: dropped and counted, less the float
    closed_by: Mapped[str]
    closed_by_name: Mapped[str]
    closed_at: Mapped[datetime]


class ShiftDecision(Base):
    """What somebody who did not count decided on a difference, once."""

    __tablename__ = "shift_decision"

    shift_key: Mapped[str] = mapped_column(sa.ForeignKey("shift.key"), primary_key=True)
    outcome: Mapped[str]
    reason: Mapped[str]
    decided_by: Mapped[str]
    decided_by_name: Mapped[str]
    decided_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("outcome IN ('accept', 'claim', 'charge')", name="outcome_known"),)


class BankBatch(Base):
    """One bag for the bank: the seal, what is in it by way of paying, and whose shifts it holds."""

    __tablename__ = "bank_batch"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str]
    currency: Mapped[str]
    bag: Mapped[str]
    amounts: Mapped[dict[str, Any]]
    pieces: Mapped[dict[str, Any]]  # notes and coins, where whoever packed it counted them
    total_minor: Mapped[int]
    packed_by: Mapped[str]
    packed_by_name: Mapped[str]
    packed_at: Mapped[datetime]

    __table_args__ = (
        sa.UniqueConstraint("site_key", "bag"),
        sa.CheckConstraint("total_minor > 0", name="total"),
    )


class BankBatchShift(Base):
    """A shift is banked once."""

    __tablename__ = "bank_batch_shift"

    shift_key: Mapped[str] = mapped_column(sa.ForeignKey("shift.key"), primary_key=True)
    batch_key: Mapped[str] = mapped_column(sa.ForeignKey("bank_batch.key"), index=True)


class BankLine(Base):
    """A line of the bank's statement that belongs to a bag. Its reference is used once."""

    __tablename__ = "bank_line"

    reference: Mapped[str] = mapped_column(primary_key=True)
    batch_key: Mapped[str] = mapped_column(sa.ForeignKey("bank_batch.key"), index=True)
    way: Mapped[str]
    amount_minor: Mapped[int]
    value_date: Mapped[str]
    entered_by: Mapped[str]
    entered_by_name: Mapped[str]
    entered_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("amount_minor > 0", name="amount"),)


class BankExplanation(Base):
    """Why a bag and the bank differ: the rest of the bag leaves transit with a reason."""

    __tablename__ = "bank_explanation"

    key: Mapped[str] = mapped_column(primary_key=True)
    batch_key: Mapped[str] = mapped_column(sa.ForeignKey("bank_batch.key"), index=True)
    way: Mapped[str]
    amount_minor: Mapped[int]
    reason: Mapped[str]
    explained_by: Mapped[str]
    explained_by_name: Mapped[str]
    explained_at: Mapped[datetime]


for _table in (
    Shift,
    ShiftDrop,
    ShiftCount,
    ShiftClosing,
    ShiftDecision,
    BankBatch,
    BankBatchShift,
    BankLine,
    BankExplanation,
):
    append_only(_table.__table__)
