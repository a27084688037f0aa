"""The rows of occupancy: a tenant who moved out, a meter that was swapped. Each with its evidence and its two people."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class MoveOut(Base):
    __tablename__ = "move_out"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str]
    lease_key: Mapped[str] = mapped_column(sa.ForeignKey("lease.key"), index=True)
    tenant_key: Mapped[str]
    space_key: Mapped[str]
    state: Mapped[str]
    content: Mapped[dict[str, Any]]  # what two people agree to: readings, estimates, credit, deposit
    reason: Mapped[str]
    approval_key: Mapped[str] = mapped_column(unique=True)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('asked', 'done', 'withdrawn')", name="state_known"),
        sa.Index(
            "uq_move_out_one_of_a_lease",
            "lease_key",
            unique=True,
            sqlite_where=sa.text("state <> 'withdrawn'"),
            postgresql_where=sa.text("state <> 'withdrawn'"),
        ),
    )


class MeterSwap(Base):
    __tablename__ = "meter_swap"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str]
    old_meter: Mapped[str] = mapped_column(sa.ForeignKey("meter.key"), index=True)
    new_meter: Mapped[str] = mapped_column(sa.ForeignKey("meter.key"))
    state: Mapped[str]
    units: Mapped[int]  # the credit that the new meter gets
    order_id: Mapped[str | None]  # the order of the replaced credit
    content: Mapped[dict[str, Any]]
    reason: Mapped[str]
    approval_key: Mapped[str] = mapped_column(unique=True)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    found_units: Mapped[int | None]  # what the old meter held when it was seen again
    found_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('asked', 'done', 'withdrawn')", name="state_known"),
        sa.CheckConstraint("units >= 0 AND old_meter <> new_meter", name="swaps_something"),
        sa.Index(
            "uq_meter_swap_one_of_a_meter",
            "old_meter",
            unique=True,
            sqlite_where=sa.text("state <> 'withdrawn'"),
            postgresql_where=sa.text("state <> 'withdrawn'"),
        ),
    )
