"""Rows of the ledger. Everything but the bounds is only ever added; the database itself refuses the rest (`wall.py`).

No row is shared by all sales: there is no running balance. A balance is the last snapshot plus the newer legs, read from
an index that holds the amounts.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base, append_only
from vending.ledger.wall import guard

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Paths are compared byte by byte, so that "begins with" is a range of the index on both databases.
_Path = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


class LedgerAccount(Base):
    """`sign` is +1 where debits make it grow. `floor` is the least balance in every unit that has no bound of its own."""

    __tablename__ = "ledger_account"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    path: Mapped[str] = mapped_column(_Path, unique=True)
    kind: Mapped[str]
    sign: Mapped[int]
    floor: Mapped[int | None]
    opened_at: Mapped[datetime]


class LedgerBound(Base):
    """A floor or ceiling for one account and unit, set by an act that the audit trail keeps."""

    __tablename__ = "ledger_bound"

    account_id: Mapped[int] = mapped_column(sa.ForeignKey("ledger_account.id"), primary_key=True)
    unit: Mapped[str] = mapped_column(primary_key=True)
    floor: Mapped[int | None]
    ceiling: Mapped[int | None]


class LedgerEntry(Base):
    __tablename__ = "ledger_entry"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    kind: Mapped[str]
    source: Mapped[str]
    fingerprint: Mapped[str]
    posted_at: Mapped[datetime]
    reverses: Mapped[int | None] = mapped_column(sa.ForeignKey("ledger_entry.id"))
    legs: Mapped[int]
    note: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        sa.UniqueConstraint("source", "kind"),
        sa.CheckConstraint("legs >= 2", name="legs"),
        # Of the few entries that are reversals: the others pay nothing for it.
        sa.Index(
            "uq_ledger_entry_reverses",
            "reverses",
            unique=True,
            sqlite_where=sa.text("reverses IS NOT NULL"),
            postgresql_where=sa.text("reverses IS NOT NULL"),
        ),
        sa.Index("ix_ledger_entry_posted_at", "posted_at"),
    )


class LedgerLeg(Base):
    """Positive is a debit. The reference to the entry is checked at commit, so that SQLite can take the legs first. On
    PostgreSQL the wall proves both references for a whole statement at once (ADR 0033)."""

    __tablename__ = "ledger_leg"

    entry_id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    unit: Mapped[str]
    amount: Mapped[int]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], deferrable=True, initially="DEFERRED"
        ).ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(["account_id"], ["ledger_account.id"]).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("amount <> 0", name="amount"),
        sa.Index("ix_ledger_leg_account", "account_id", "unit", "entry_id", "amount"),
        {"sqlite_with_rowid": False},
    )


class LedgerSnapshot(Base):
    """The sum of an account's legs up to and with an entry. Rebuildable; never wrong, because entries never change."""

    __tablename__ = "ledger_snapshot"

    account_id: Mapped[int] = mapped_column(sa.ForeignKey("ledger_account.id"), primary_key=True)
    unit: Mapped[str] = mapped_column(primary_key=True)
    through_entry: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]

    __table_args__ = ({"sqlite_with_rowid": False},)


class LedgerHold(Base):
    """Money or energy set aside for an act that is not finished: it counts against the floor but is not yet posted."""

    __tablename__ = "ledger_hold"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    source: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("ledger_account.id"))
    unit: Mapped[str]
    amount: Mapped[int]
    placed_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.Index("ix_ledger_hold_account", "account_id", "unit"),
    )


class LedgerHoldEnd(Base):
    """How a hold ended: settled by entries, or voided. At most once, because the hold is the key."""

    __tablename__ = "ledger_hold_end"

    hold_id: Mapped[int] = mapped_column(sa.ForeignKey("ledger_hold.id"), primary_key=True)
    outcome: Mapped[str]
    ended_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("outcome IN ('settled', 'voided')", name="outcome"),)


class LedgerPeriod(Base):
    """A closed period: nothing is posted before `closes_at` any more. `digest` covers the trial balance at that moment."""

    __tablename__ = "ledger_period"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    closes_at: Mapped[datetime] = mapped_column(unique=True)
    through_entry: Mapped[int]
    closed_at: Mapped[datetime]
    closed_by: Mapped[str]
    digest: Mapped[str]


for _table in (
    LedgerAccount,
    LedgerEntry,
    LedgerLeg,
    LedgerSnapshot,
    LedgerHold,
    LedgerHoldEnd,
    LedgerPeriod,
):
    append_only(_table.__table__)

guard(LedgerLeg.__table__)
