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
