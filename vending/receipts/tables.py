"""The rows of papers: what stood around a sale when its paper was made, and the papers that were made of it.

The first two are only ever added: a tax invoice is kept as it was given. The others are what waits for a printer.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base, append_only

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class ReceiptAround(Base):
    """The half of a slip that moves on (`slip.Around`), taken once."""

    __tablename__ = "receipt_around"

    sale_key: Mapped[str] = mapped_column(sa.ForeignKey("sale.key"), primary_key=True)
    around: Mapped[dict[str, Any]]
    kept_at: Mapped[datetime]


class ReceiptPaper(Base):
    """One PDF that was given: its hash, and the fonts and libraries that its bytes depend on."""

    __tablename__ = "receipt_paper"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    sale_key: Mapped[str] = mapped_column(sa.ForeignKey("sale.key"))
    number: Mapped[str] = mapped_column(default="")  # of a credit note; the receipt has the sale's
    size: Mapped[str]
    copy_number: Mapped[int]
    sha256: Mapped[str]
    made_with: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("sale_key", "number", "size", "copy_number"),)


class PrintAgent(Base):
    """A till's PC that fetches papers; its secret is kept as a hash, shown once when it is paired."""

    __tablename__ = "print_agent"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str]
    till: Mapped[str]
    roll: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True)
    paired_by: Mapped[str]
    paired_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    trouble: Mapped[str] = mapped_column(default="")  # why its printer took nothing, as it said last
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        # One agent a till: two would print one paper each of the same queue.
        sa.Index(
            "ix_print_agent_till",
            "site_key",
            "till",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )


class PrintJob(Base):
    """One paper for the printer of one till, and how far it came."""

    __tablename__ = "print_job"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # one paper is one key: asked for twice, it is printed once
    site_key: Mapped[str]
    till: Mapped[str]
    sale_key: Mapped[str | None] = mapped_column(
        sa.ForeignKey("sale.key")
    )  # none: a test page, or no receipt
    name: Mapped[str] = mapped_column(default="")  # what people call a paper that is no receipt
    writing: Mapped[dict[str, Any]] = mapped_column(
        default=dict
    )  # that paper, as it was when it was asked for
    copy_number: Mapped[int]
    kick: Mapped[int]  # the drawer opens first
    round: Mapped[int] = mapped_column(default=0)  # rises when somebody says that nothing came out
    state: Mapped[str] = mapped_column(default="waiting")
    asked_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('waiting', 'fetched', 'printed', 'unsure', 'dropped')", name="state_known"
        ),
        sa.Index("ix_print_job_till", "site_key", "till", "state", "id"),
    )


append_only(ReceiptAround.__table__)
append_only(ReceiptPaper.__table__)
