"""What the sandbox remembers: orders of sandbox keys, so that the same id gives the same answer. No money is in it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base


class SandboxOrder(Base):
    __tablename__ = "sandbox_order"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    api_key: Mapped[str]
    order_id: Mapped[str]
    pan: Mapped[str]
    asked: Mapped[str]  # what was asked for; the same id with something else is refused
    state: Mapped[str]  # tried: seen, and nothing was sold
    paid_minor: Mapped[int]
    told: Mapped[dict[str, Any]]  # the answer, as it was first given
    looks: Mapped[int]
    copies: Mapped[int]
    handed_over_at: Mapped[datetime | None]
    reversal_asked_at: Mapped[datetime | None]
    made_at: Mapped[datetime]

    __table_args__ = (
        sa.UniqueConstraint("api_key", "order_id"),
        sa.Index("ix_sandbox_order_made_at", "made_at"),
    )
