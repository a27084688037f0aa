"""Versions of tariffs: draft, publish by two people, withdraw, and which one is in force at a moment.

Steps inside somebody's transaction. A published version never changes; a newer one takes over at its start, so that a
border may lie inside a month and every sale can name the version it was priced by. Validity is the site's wall clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from vending import audit, outbox
from vending.clock import Clock
from vending.db import new_key
from vending.rows import among
from vending.tariffs.difference import Change, differences
from vending.tariffs.document import Document, parsed, written
from vending.tariffs.errors import (
    AlreadyInForce,
    AlreadyPublished,
    ApprovalDoesNotFit,
    NeedsAccountMeter,
    NoTariffInForce,
    ServiceUnknown,
    StartsInThePast,
    TariffNotFound,
    ValidityLeavesGap,
    ValidityOverlaps,
)
from vending.tariffs.structure import Tariff
from vending.tariffs.tables import TariffPublication, TariffVersion, TariffWithdrawal
from vending.tariffs.text import described

DRAFT, PUBLISHED, WITHDRAWN = "draft", "published", "withdrawn"


@dataclass(frozen=True, slots=True)
class Approval:
    """What two people agreed on, as `access` collected it: the hash of the document, and who asked and who consented."""

    key: str
    content_hash: str
    requested_by: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version as others see it. `tariff` prices; `hash` is what was approved and what a slip names."""

    key: str
    code: str
    number: int
    name: str
    service: str
    currency: str
    hash: str
    state: str
    valid_from: datetime
    valid_until: datetime | None
    drafted_by: str
    document: Document

    @property
    def tariff(self) -> Tariff:
        return self.document.tariff

    def text(self) -> list[str]:
        """The version in words, for the people who approve it."""
        return described(self.document)


@lru_cache(maxsize=1024)
def _document(text: str) -> Document:
    """A version's document; versions never change, so that each text is read once in a process."""
    return parsed(text)


def draft(session: Session, clock: Clock, text: str, *, actor: Any) -> Version:
    """Keeps a tariff file as the next version of its code, unpublished. The same document twice is one version."""
    document = parsed(text)
    tariff = document.tariff
    canonical, digest = written(document), document.hash()
    rows = session.scalars(
        sa.select(TariffVersion).where(TariffVersion.code == tariff.code).order_by(TariffVersion.number)
    ).all()
    for row in rows:
        if (row.service, row.currency) != (tariff.service, tariff.currency):
            raise ServiceUnknown(
                f"{tariff.code} is a tariff of {row.service} in {row.currency}. Give the new one a code of its own.",
                "code",
            )
        if row.hash == digest:
            return one_version(session, row.key)
    version = TariffVersion(
        key=new_key(),
        code=tariff.code,
        number=len(rows) + 1,
        name=tariff.name,
        service=tariff.service,
        currency=tariff.currency,
        text=canonical,
        hash=digest,
        valid_from=document.valid_from.isoformat(),
        valid_until=document.valid_until.isoformat() if document.valid_until else None,
        drafted_at=clock.now(),
        drafted_by=actor.key,
    )
    session.add(version)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="tariff.draft",
        subject=f"tariff:{tariff.code}",
        detail={"version": version.number, "key": version.key, "hash": digest},
    )
    return one_version(session, version.key)


def publish(
    session: Session, clock: Clock, version_key: str, *, approval: Approval, actor: Any, zone: tzinfo
) -> Version:
    """Puts a version in public. It must not begin in the past, overlap another, or leave days without a price."""
    version = one_version(session, version_key)
    if version.state == PUBLISHED:
        return version
    if version.state == WITHDRAWN:
        raise AlreadyPublished(
            f"{version.code} version {version.number} was withdrawn. Draft it anew, with a new start, to publish it."
        )
    if approval.requested_by == approval.approved_by:
        raise ApprovalDoesNotFit(
            "Publishing a tariff takes two different people. Ask a second one to approve."
        )
    if approval.content_hash != version.hash:
        raise ApprovalDoesNotFit(
            "The approval is for another document: the tariff was changed after it was approved. Ask again."
        )
    others = [other for other in list_versions(session, version.code) if other.state == PUBLISHED]
    now = clock.now().astimezone(zone).replace(tzinfo=None)
    if others and version.valid_from < now:
        raise StartsInThePast(
            f"{version.code} is sold by already, so a new version cannot begin before now ({now:%Y-%m-%d %H:%M})."
        )
    check_validity(version, others)
    row = session.scalars(sa.select(TariffVersion).where(TariffVersion.key == version_key)).one()
    session.add(
        TariffPublication(
            version_id=row.id,
            code=row.code,
            valid_from=row.valid_from,
            published_at=clock.now(),
            requested_by=approval.requested_by,
            approved_by=approval.approved_by,
            approval=approval.key,
            hash=row.hash,
        )
    )
    session.flush()
    detail = {"version": version.number, "key": version.key, "hash": version.hash, "approval": approval.key}
    audit.record(
        session, clock, actor=actor, act="tariff.publish", subject=f"tariff:{version.code}", detail=detail
    )
    outbox.emit(session, clock, "tariff published", {"code": version.code, "version": version.number})
    return one_version(session, version_key)


def check_validity(version: Version, others: Iterable[Version]) -> None:
    """A version may take over from one without an end; otherwise spans must touch exactly, without overlap or gap."""
    start, end = version.valid_from, version.valid_until
    earlier = [other for other in others if other.valid_from < start]
    later = [other for other in others if other.valid_from >= start]
    if later:
        following = min(later, key=lambda other: other.valid_from)
        if end is None or end > following.valid_from:
            raise ValidityOverlaps(
                f"Version {following.number} begins on {following.valid_from:%Y-%m-%d}. "
                "End this one then (valid_until), or begin after it."
            )
        if end < following.valid_from:
            raise ValidityLeavesGap(
                f"Between {end:%Y-%m-%d} and {following.valid_from:%Y-%m-%d} there would be no price. Let the spans touch."
            )
    if earlier:
        before = max(earlier, key=lambda other: other.valid_from)
        if before.valid_until is not None and before.valid_until > start:
            raise ValidityOverlaps(
                f"Version {before.number} holds until {before.valid_until:%Y-%m-%d}. Begin this one on that day."
            )
        if before.valid_until is not None and before.valid_until < start:
            raise ValidityLeavesGap(
                f"Between {before.valid_until:%Y-%m-%d} and {start:%Y-%m-%d} there would be no price. Let the spans touch."
            )


def withdraw(
    session: Session, clock: Clock, version_key: str, *, actor: Any, reason: str, zone: tzinfo
) -> Version:
    """Takes a published version back before it comes into force. What was sold by stays as it is: publish a successor."""
    version = one_version(session, version_key)
    if version.state == WITHDRAWN:
        return version
    if version.state != PUBLISHED:
        raise TariffNotFound(
            f"{version.code} version {version.number} is a draft; there is nothing to withdraw."
        )
    now = clock.now().astimezone(zone).replace(tzinfo=None)
    if version.valid_from <= now:
        raise AlreadyInForce(
            f"{version.code} version {version.number} is in force since {version.valid_from:%Y-%m-%d}. Publish a new version instead."
        )
    row = session.scalars(sa.select(TariffVersion).where(TariffVersion.key == version_key)).one()
    session.add(
        TariffWithdrawal(version_id=row.id, withdrawn_at=clock.now(), withdrawn_by=actor.key, reason=reason)
    )
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="tariff.withdraw",
        subject=f"tariff:{version.code}",
        detail={"version": version.number, "key": version.key},
        reason=reason,
    )
    return one_version(session, version_key)


def _rows(session: Session, *conditions: sa.ColumnElement[bool]) -> list[Version]:
    query = (
        sa.select(TariffVersion, TariffPublication.version_id, TariffWithdrawal.version_id)
        .outerjoin(TariffPublication, TariffPublication.version_id == TariffVersion.id)
        .outerjoin(TariffWithdrawal, TariffWithdrawal.version_id == TariffVersion.id)
        .where(*conditions)
        .order_by(TariffVersion.code, TariffVersion.number)
    )
    return [
        _version(row, WITHDRAWN if withdrawn is not None else PUBLISHED if published is not None else DRAFT)
        for row, published, withdrawn in session.execute(query)
    ]


def _version(row: TariffVersion, state: str) -> Version:
    document = _document(row.text)
    return Version(
        row.key,
        row.code,
        row.number,
        row.name,
        row.service,
        row.currency,
        row.hash,
        state,
        document.valid_from,
        document.valid_until,
        row.drafted_by,
        document,
    )


def one_version(session: Session, key: str) -> Version:
    found = _rows(session, TariffVersion.key == key)
    if not found:
        raise TariffNotFound(f"There is no version {key} of a tariff.")
    return found[0]


def list_versions(session: Session, code: str | None = None) -> list[Version]:
    """Every version of a tariff, or of all, drafts and withdrawn ones included."""
    return _rows(session, *([TariffVersion.code == code] if code is not None else []))


def changes(session: Session, version_key: str) -> list[Change]:
    """What a version changes against the one before it that was published; empty for the first."""
    version = one_version(session, version_key)
    earlier = [
        other
        for other in list_versions(session, version.code)
        if other.state == PUBLISHED and other.key != version.key and other.valid_from < version.valid_from
    ]
    if not earlier:
        return []
    return differences(max(earlier, key=lambda other: other.valid_from).document, version.document)


_TAKEN_BACK = sa.select(TariffWithdrawal.version_id)
_OTHER = aliased(TariffPublication)
# Built once: putting a statement together takes longer than the server needs for it.
_IN_FORCE = (
    sa.select(TariffVersion)
    .join(TariffPublication, TariffPublication.version_id == TariffVersion.id)
    .where(
        among(TariffPublication.code),
        TariffPublication.version_id.not_in(_TAKEN_BACK),
        TariffPublication.valid_from
        == sa.select(sa.func.max(_OTHER.valid_from))
        .where(
            _OTHER.code == TariffPublication.code,
            _OTHER.valid_from <= sa.bindparam("local"),
            _OTHER.version_id.not_in(_TAKEN_BACK),
        )
        .scalar_subquery(),
    )
)


def list_in_force(
    session: Session, codes: Iterable[str], moment: datetime, zone: tzinfo
) -> dict[str, Version]:
    """The version of each code that prices at this moment; a code without one is left out. One statement for any number."""
    wanted = sorted(set(codes))
    if not wanted:
        return {}
    local = moment.astimezone(zone).replace(tzinfo=None)
    rows = session.scalars(_IN_FORCE, {"names": wanted, "local": local.isoformat()})
    found = [_version(row, PUBLISHED) for row in rows]
    return {one.code: one for one in found if one.valid_until is None or one.valid_until > local}


def in_force(session: Session, code: str, moment: datetime, zone: tzinfo) -> Version:
    """The version of a tariff that prices at this moment."""
    found = list_in_force(session, [code], moment, zone).get(code)
    if found is None:
        raise NoTariffInForce(
            f"The tariff {code} has no published version for {moment.astimezone(zone):%Y-%m-%d %H:%M}. Publish one, or choose another tariff."
        )
    return found


def check_binding(session: Session, code: str, *, service: str, credit_in: str) -> None:
    """Whether a meter may be put on a tariff: its service, and where its credit lives ("meter" or "account").

    Called before estate writes the code on a lease, a meter or a register (rules.md 4).
    """
    versions = [one for one in list_versions(session, code) if one.state == PUBLISHED]
    if not versions:
        raise TariffNotFound(f"There is no published tariff {code}. Publish it, or choose another.")
    if versions[0].service != service:
        raise ServiceUnknown(
            f"{code} is a tariff of {versions[0].service}, and this meter measures {service}.", "tariff"
        )
    for version in versions:
        reasons = version.tariff.reasons_for_account_meter()
        if reasons and credit_in == "meter":
            raise NeedsAccountMeter(
                f"{version.name} needs a meter whose credit lives in the account, because it has {'; '.join(reasons)}."
            )
