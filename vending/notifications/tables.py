"""One row for each message to a customer: about which sale, through which channel, and how far it came.

The text is not kept: it is made of the sale when it is sent, so that a token stands in one place only.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base

STATES = ("waiting", "accepted", "refused")


class Notice(Base):
    __tablename__ = "notice"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # one message is one key, however often it is asked for
    sale_key: Mapped[str] = mapped_column(sa.ForeignKey("sale.key"), index=True)
    channel: Mapped[str]
    recipient: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    tries: Mapped[int] = mapped_column(default=0)
    reference: Mapped[str] = mapped_column(default="")
    error: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("state IN ('waiting', 'accepted', 'refused')", name="state_known"),)
