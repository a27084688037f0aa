"""The rows of the estate. Every row that a person can see has a random public key; the running ids stay inside.

What is true now stands in the row; how it became true stands in the trail of acts under the row's subject, and for key
data and ratios also in a table of their own, because tokens depend on them.
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base, JsonText, append_only

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Words are compared byte by byte, so that "begins with" is a range of the index on both databases.
_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


class Operator(Base):
    __tablename__ = "operator"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    address: Mapped[str] = mapped_column(default="")
    tax_number: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")


class Site(Base):
    __tablename__ = "site"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    operator_key: Mapped[str] = mapped_column(sa.ForeignKey("operator.key"))
    name: Mapped[str] = mapped_column(unique=True)
    address: Mapped[str] = mapped_column(default="")
    time_zone: Mapped[str]
    currency: Mapped[str]
    languages: Mapped[str]  # codes separated by spaces, the first is the house's own
    taxes: Mapped[list[Any]] = mapped_column(
        JsonText
    )  # [{"name", "rate": "15" percent as text, "included": true}]
    created_at: Mapped[datetime]


class SiteHoliday(Base):
    __tablename__ = "site_holiday"

    site_key: Mapped[str] = mapped_column(sa.ForeignKey("site.key"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str]


class Building(Base):
    __tablename__ = "building"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str] = mapped_column(sa.ForeignKey("site.key"))
    name: Mapped[str]

    __table_args__ = (sa.UniqueConstraint("site_key", "name"),)


class Floor(Base):
    __tablename__ = "floor"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    building_key: Mapped[str] = mapped_column(sa.ForeignKey("building.key"))
    name: Mapped[str]
    level: Mapped[int]

    __table_args__ = (sa.UniqueConstraint("building_key", "name"),)


class Space(Base):
    """What is let: a shop, an office, a kiosk, a parking bay."""

    __tablename__ = "space"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str] = mapped_column(sa.ForeignKey("site.key"))
    floor_key: Mapped[str | None] = mapped_column(sa.ForeignKey("floor.key"), index=True)
    code: Mapped[str]  # what people call it: G-12
    format: Mapped[str]  # shop, restaurant, supermarket, cinema, office, kiosk, …
    area_cm2: Mapped[int]  # leased area; ten thousand to the square metre

    __table_args__ = (
        sa.UniqueConstraint("site_key", "code"),
        sa.CheckConstraint("area_cm2 > 0", name="area_positive"),
    )


class Tenant(Base):
    """A company, one of its departments, or a person."""

    __tablename__ = "tenant"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str] = mapped_column(sa.ForeignKey("site.key"), index=True)
    kind: Mapped[str]
    parent_key: Mapped[str | None] = mapped_column(sa.ForeignKey("tenant.key"), index=True)
    number: Mapped[str]  # the customer number on paper
    name: Mapped[str]
    phone: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    tax_number: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("site_key", "number"),
        sa.CheckConstraint("kind IN ('company', 'department', 'person')", name="kind_known"),
    )


class TenantContact(Base):
    __tablename__ = "tenant_contact"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    tenant_key: Mapped[str] = mapped_column(sa.ForeignKey("tenant.key"), index=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")


class Lease(Base):
    """Who has which space from when until when. The term is half open; the end may be unknown."""

    __tablename__ = "lease"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str] = mapped_column(sa.ForeignKey("site.key"))
    space_key: Mapped[str] = mapped_column(sa.ForeignKey("space.key"), index=True)
    tenant_key: Mapped[str] = mapped_column(sa.ForeignKey("tenant.key"), index=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    deposit_minor: Mapped[int] = mapped_column(default=0)
    tariffs: Mapped[dict[str, Any]]  # service -> code of the tariff
    shares: Mapped[dict[str, Any]]  # shared cost -> share in millionths
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # when the tenant really moved out; until then he has the space

    __table_args__ = (
        sa.CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="term_runs_forward"),
        sa.CheckConstraint("deposit_minor >= 0", name="deposit_not_negative"),
    )


class Circuit(Base):
    """A node of the supply tree: intake, board, feeder, final circuit. A meter may measure it as a whole."""

    __tablename__ = "circuit"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str] = mapped_column(sa.ForeignKey("site.key"))
    parent_key: Mapped[str | None] = mapped_column(sa.ForeignKey("circuit.key"), index=True)
    name: Mapped[str]
    service: Mapped[str]
    rating_amperes: Mapped[int | None]
    measured_by: Mapped[str | None] = mapped_column(unique=True)  # the key of the meter over all of it

    __table_args__ = (sa.UniqueConstraint("site_key", "name"),)


class Meter(Base):
    __tablename__ = "meter"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str] = mapped_column(sa.ForeignKey("site.key"), index=True)
    space_key: Mapped[str | None] = mapped_column(sa.ForeignKey("space.key"), index=True)
    circuit_key: Mapped[str | None] = mapped_column(sa.ForeignKey("circuit.key"), index=True)
    pan: Mapped[str] = mapped_column(unique=True)
    drn: Mapped[str]
    label: Mapped[str]
    service: Mapped[str]
    credit_in: Mapped[str]  # meter: by token; account: the balance is ours
    profile: Mapped[str]
    meter_class: Mapped[str]
    tariff: Mapped[str | None]  # of the meter itself; the lease's tariff for the service goes first
    driver: Mapped[str] = mapped_column(
        default=""
    )  # how it is reached on a line: serial:… or twin:…; empty: keypad only
    state: Mapped[str]
    blocked_why: Mapped[str | None]
    power_limit_w: Mapped[int | None]
    token_limit_units: Mapped[
        int | None
    ]  # what one token may carry: the least of its model's and its register's limits
    ct_primary: Mapped[int] = mapped_column(default=1)
    ct_secondary: Mapped[int] = mapped_column(default=1)
    vt_primary: Mapped[int] = mapped_column(default=1)
    vt_secondary: Mapped[int] = mapped_column(default=1)
    ratio_applied_by: Mapped[str] = mapped_column(default="meter")
    tid_floor: Mapped[int | None]  # take-over: absolute minute of the last token of the former vendor
    factory_credit_units: Mapped[int | None]
    ea: Mapped[str]
    tct: Mapped[str]
    dkga: Mapped[str]
    sgc: Mapped[str]
    krn: Mapped[int]
    ti: Mapped[str]
    key_type: Mapped[int]
    ken: Mapped[int]
    base_date: Mapped[int]
    created_at: Mapped[datetime]
    commissioned_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index("ix_meter_drn", "drn"),
        sa.CheckConstraint("credit_in IN ('meter', 'account')", name="credit_place_known"),
        sa.CheckConstraint("state IN ('registered', 'in service', 'blocked', 'removed')", name="state_known"),
        sa.CheckConstraint("ratio_applied_by IN ('meter', 'vendor')", name="ratio_place_known"),
        sa.CheckConstraint(
            "ct_primary >= 1 AND ct_secondary >= 1 AND vt_primary >= 1 AND vt_secondary >= 1",
            name="ratio_positive",
        ),
    )


class MeterKeyData(Base):
    """Each key configuration that a meter was given, in order. The last row is the one in `meter`."""

    __tablename__ = "meter_key_data"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    meter_key: Mapped[str] = mapped_column(sa.ForeignKey("meter.key"), index=True)
    at: Mapped[datetime]
    ea: Mapped[str]
    tct: Mapped[str]
    dkga: Mapped[str]
    sgc: Mapped[str]
    krn: Mapped[int]
    ti: Mapped[str]
    key_type: Mapped[int]
    ken: Mapped[int]
    base_date: Mapped[int]
    actor: Mapped[str]
    evidence: Mapped[str]
    reason: Mapped[str]


class MeterRatio(Base):
    """Each transformer ratio a meter had, with the request by which two people agreed to it."""

    __tablename__ = "meter_ratio"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    meter_key: Mapped[str] = mapped_column(sa.ForeignKey("meter.key"), index=True)
    at: Mapped[datetime]
    ct_primary: Mapped[int]
    ct_secondary: Mapped[int]
    vt_primary: Mapped[int]
    vt_secondary: Mapped[int]
    applied_by: Mapped[str]
    approval_key: Mapped[str | None]
    reason: Mapped[str]


class MeterRegister(Base):
    """One total of a meter that is sold and read apart: mains or generator, energy in or out (rules.md 7)."""

    __tablename__ = "meter_register"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    meter_key: Mapped[str] = mapped_column(sa.ForeignKey("meter.key"), index=True)
    name: Mapped[str]
    service: Mapped[str]
    source: Mapped[str]
    unit: Mapped[str]
    subclass: Mapped[int]
    tariff: Mapped[str | None]

    __table_args__ = (
        sa.UniqueConstraint("meter_key", "name"),
        sa.CheckConstraint("source IN ('mains', 'generator')", name="source_known"),
    )


class SearchEntry(Base):
    """One thing that can be found, with all its words in one line for checking the second word of a search."""

    __tablename__ = "search_entry"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    kind: Mapped[str]  # meter, tenant
    subject_key: Mapped[str] = mapped_column(unique=True)
    site_key: Mapped[str]
    text: Mapped[str]


class SearchWord(Base):
    """A word, or the tail of a number, that leads to an entry. The table is its own index."""

    __tablename__ = "search_word"

    word: Mapped[str] = mapped_column(_WORD, primary_key=True)
    entry_id: Mapped[int] = mapped_column(
        sa.ForeignKey("search_entry.id"), primary_key=True, autoincrement=False
    )

    __table_args__ = ({"sqlite_with_rowid": False},)


append_only(MeterKeyData.__table__)
append_only(MeterRatio.__table__)
