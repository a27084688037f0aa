"""The rows of people: person, grant, session, passkey, ceremony, guesses, API key, approval.

No secret is stored that could be used as it is: of passwords, PINs, sessions and API keys there are only hashes, and the
secret of a TOTP device is sealed under the site's secret, which is not in the database.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from vending.db import Base, append_only

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Person(Base):
    __tablename__ = "person"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    login: Mapped[str] = mapped_column(unique=True)  # casefolded
    name: Mapped[str]
    language: Mapped[str] = mapped_column(default="en")
    tenant_key: Mapped[str | None] = mapped_column(index=True)
    password_hash: Mapped[str | None]
    password_set_at: Mapped[datetime | None]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    pin_hash: Mapped[str | None]
    totp_sealed: Mapped[str | None]
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int] = mapped_column(default=0)  # a code is used once: steps only rise
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class RoleGrant(Base):
    __tablename__ = "role_grant"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    person_key: Mapped[str] = mapped_column(sa.ForeignKey("person.key"), index=True)
    role: Mapped[str]
    site: Mapped[str]
    granted_at: Mapped[datetime]
    granted_by: Mapped[str]
    approval_key: Mapped[str | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]

    __table_args__ = (
        sa.Index(
            "uq_role_grant_live",
            "person_key",
            "role",
            "site",
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        ),
    )


class SignInSession(Base):
    __tablename__ = "sign_in_session"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # what managers see and end
    secret_hash: Mapped[str] = mapped_column(unique=True)
    person_key: Mapped[str] = mapped_column(sa.ForeignKey("person.key"), index=True)
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    rest_minutes: Mapped[int]
    second_factor: Mapped[str | None]  # totp, passkey
    confirmed_at: Mapped[datetime]  # the last time the person proved to be there
    wrong_pins: Mapped[int] = mapped_column(default=0)
    address: Mapped[str]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None]


class Guesses(Base):
    """Wrong guesses against one account, or from one address, since the last right one."""

    __tablename__ = "guesses"

    subject: Mapped[str] = mapped_column(primary_key=True)  # login:<hash> or address:<hash>
    wrong: Mapped[int]
    last_at: Mapped[datetime]
    wait_until: Mapped[datetime]


class Passkey(Base):
    __tablename__ = "passkey"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    person_key: Mapped[str] = mapped_column(sa.ForeignKey("person.key"), index=True)
    credential_id: Mapped[str] = mapped_column(unique=True)  # base64url, as browsers give
    public_key: Mapped[str]  # COSE, base64url
    sign_count: Mapped[int]
    label: Mapped[str]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]


class Ceremony(Base):
    """A challenge that was handed to a browser, good once and for a few minutes."""

    __tablename__ = "ceremony"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    challenge: Mapped[str] = mapped_column(unique=True)  # base64url
    purpose: Mapped[str]  # register, sign-in, confirm
    person_key: Mapped[str | None]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiKey(Base):
    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    site: Mapped[str]
    scopes: Mapped[str]  # separated by spaces
    calls_a_minute: Mapped[int]
    sale_limit_minor: Mapped[int]  # of one sale
    seller: Mapped[str | None]  # the code of the third-party seller whose money its sales spend
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class ApprovalRequest(Base):
    __tablename__ = "approval_request"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    act_id: Mapped[str] = mapped_column(unique=True)  # the hash of `text`
    text: Mapped[str]  # the canonical act: what people sign, byte for byte
    act: Mapped[str]
    site: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str]
    beneficiary: Mapped[str | None]
    maker: Mapped[str]
    maker_name: Mapped[str]
    reason: Mapped[str]
    evidence: Mapped[str]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state: Mapped[str]
    decided_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    used_for: Mapped[str | None]

    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'refused', 'withdrawn', 'used')", name="state_known"
        ),
        sa.Index("ix_approval_request_state", "state", "site"),
    )


class ApprovalSignature(Base):
    """One person's yes or no to one act, with what proves it. Only ever added."""

    __tablename__ = "approval_signature"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    request_key: Mapped[str] = mapped_column(sa.ForeignKey("approval_request.key"), index=True)
    act_id: Mapped[str]
    person_key: Mapped[str] = mapped_column(sa.ForeignKey("person.key"))
    person_name: Mapped[str]
    decision: Mapped[str]  # yes, no
    remark: Mapped[str | None]
    method: Mapped[str]  # passkey, key-file, confirmed
    proof: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    seal: Mapped[str]  # under the site's secret: a row written past the product does not count

    __table_args__ = (
        sa.UniqueConstraint("request_key", "person_key"),
        sa.CheckConstraint("decision IN ('yes', 'no')", name="decision_known"),
    )


append_only(ApprovalSignature.__table__)
