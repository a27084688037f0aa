"""The rows of papers: what stood around a sale when its paper was made, and the papers that were made of it.

Both are only ever added: a tax invoice is kept as it was given.
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
    size: Mapped[str]
    copy_number: Mapped[int]
    sha256: Mapped[str]
    made_with: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("sale_key", "size", "copy_number"),)


append_only(ReceiptAround.__table__)
append_only(ReceiptPaper.__table__)
