"""Rows of tariffs. All of them are only ever added: a version never changes, and what happens to it is a row of its own.

A draft is a version that nobody published; a corrected draft is the next number. So the document that two people
approved is the document that is sold by, for ever.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base, append_only

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class TariffVersion(Base):
    """`text` is the canonical document, `hash` its SHA-256. Validity is the site's wall clock, as text that sorts."""

    __tablename__ = "tariff_version"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    code: Mapped[str]
    number: Mapped[int]
    name: Mapped[str]
    service: Mapped[str]
    currency: Mapped[str]
    text: Mapped[str]
    hash: Mapped[str]
    valid_from: Mapped[str]
    valid_until: Mapped[str | None]
    drafted_at: Mapped[datetime]
    drafted_by: Mapped[str]

    __table_args__ = (
        sa.UniqueConstraint("code", "number"),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="validity"),
        sa.CheckConstraint("number >= 1", name="number"),
    )


class TariffPublication(Base):
    """A version in public: by two people, for exactly this document. Two versions of a tariff never start together."""

    __tablename__ = "tariff_publication"

    version_id: Mapped[int] = mapped_column(sa.ForeignKey("tariff_version.id"), primary_key=True)
    code: Mapped[str]
    valid_from: Mapped[str]
    published_at: Mapped[datetime]
    requested_by: Mapped[str]
    approved_by: Mapped[str]
    approval: Mapped[str]
    hash: Mapped[str]

    __table_args__ = (sa.CheckConstraint("requested_by <> approved_by", name="two_people"),)


class TariffWithdrawal(Base):
    """A published version taken back before it came into force."""

    __tablename__ = "tariff_withdrawal"

    version_id: Mapped[int] = mapped_column(sa.ForeignKey("tariff_version.id"), primary_key=True)
    withdrawn_at: Mapped[datetime]
    withdrawn_by: Mapped[str]
    reason: Mapped[str]


class Fee(Base):
    """What a site takes at the desk without a token (rules.md 20). The newest row of a code is the one in force; a retired
    code is a row too."""

    __tablename__ = "fee"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    site_key: Mapped[str] = mapped_column(sa.ForeignKey("site.key"))
    code: Mapped[str]
    label: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int | None]  # none: whatever amount is due, typed at the desk
    tax_code: Mapped[str]  # empty: no tax
    tax_label: Mapped[str]
    tax_percent: Mapped[str]  # decimal text
    tax_included: Mapped[bool]
    retired: Mapped[bool]
    published_at: Mapped[datetime]
    published_by: Mapped[str]
    approval_key: Mapped[str | None]
    reason: Mapped[str]

    __table_args__ = (
        sa.Index("ix_fee_site_code", "site_key", "code", "id"),
        sa.CheckConstraint("amount_minor IS NULL OR amount_minor > 0", name="amount_positive"),
    )


for _table in (TariffVersion, TariffPublication, TariffWithdrawal, Fee):
    append_only(_table.__table__)
