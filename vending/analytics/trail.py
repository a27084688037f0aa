"""The trail of acts for readers: searched, paged, and narrowed to what belongs to the sites where somebody may read it.

An entry is a site's when the thing it names is: a meter, a unit, a tenant, a sale, a person with a role there. What belongs
to no site (a tariff) is everybody's; what is unknown here is nobody's but those who may read all sites. Reads only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit
from vending.access.policy import EVERYWHERE
from vending.access.tables import ApiKey, ApprovalRequest, RoleGrant
from vending.audit import AuditBatch, AuditEntry
from vending.estate.tables import Meter, Site, Space, Tenant
from vending.vends.tables import Sale


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    at: datetime
    actor: str
    actor_name: str
    act: str
    subject: str
    detail: dict[str, Any]
    reason: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the chain over the last batches holds: each head over all columns of its rows and the head before."""

    batches: int
    entries: int
    open_entries: int  # newer than the last head
    broken: str  # where it does not hold; empty when it does


def reads_all(session: Session, sites: Collection[str]) -> bool:
    if EVERYWHERE in sites:
        return True
    return not set(session.scalars(sa.select(Site.key))) - set(sites)


def list_entries(
    session: Session,
    sites: Collection[str],
    *,
    text: str = "",
    acts: Collection[str] = (),
    subject: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    offset: int = 0,
    most: int = 50,
) -> list[Entry]:
    """The newest first. `text`: a part of the act or of the name of who did it; `acts`: acts that the text means besides, in
    the words of a page."""
    query = sa.select(AuditEntry)
    if not reads_all(session, sites):
        query = query.where(_of_sites(list(sites)))
    if text.strip():
        part = text.strip().lower()
        query = query.where(
            sa.or_(
                sa.func.lower(AuditEntry.act).contains(part, autoescape=True),
                sa.func.lower(AuditEntry.actor_name).contains(part, autoescape=True),
                AuditEntry.subject == text.strip(),
                AuditEntry.act.in_(acts),
            )
        )
    if subject:
        query = query.where(AuditEntry.subject == subject)
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    if until is not None:
        query = query.where(AuditEntry.at < until)
    rows = session.scalars(query.order_by(AuditEntry.id.desc()).offset(offset).limit(most))
    return [
        Entry(row.id, row.at, row.actor, row.actor_name, row.act, row.subject, row.detail, row.reason)
        for row in rows
    ]


def _of_sites(sites: list[str]) -> Any:
    def named(kind: str, key: Any, *conditions: Any) -> Any:
        return AuditEntry.subject.in_(sa.select(sa.literal(f"{kind}:").concat(key)).where(*conditions))

    return sa.or_(
        AuditEntry.subject.like("tariff:%"),
        AuditEntry.subject.in_([f"site:{site}" for site in sites]),
        named("meter", Meter.key, Meter.site_key.in_(sites)),
        named("space", Space.key, Space.site_key.in_(sites)),
        named("tenant", Tenant.key, Tenant.site_key.in_(sites)),
        named("sale", Sale.key, Sale.site_key.in_(sites)),
        named("person", RoleGrant.person_key, RoleGrant.site.in_(sites)),
        named("approval", ApprovalRequest.key, ApprovalRequest.site.in_(sites)),
        named("api-key", ApiKey.key, ApiKey.site.in_(sites)),
    )


def verify(session: Session, *, most: int = 200) -> Verdict:
    """Computes the newest `most` heads again from their rows. An edit, a deletion or a swap anywhere in them shows."""
    batches = session.scalars(sa.select(AuditBatch).order_by(AuditBatch.id.desc()).limit(most)).all()[::-1]
    last = batches[-1].last_entry if batches else 0
    open_entries = (
        session.scalar(sa.select(sa.func.count()).select_from(AuditEntry).where(AuditEntry.id > last)) or 0
    )
    entries, previous = 0, None
    for batch in batches:
        rows = session.scalars(
            sa.select(AuditEntry)
            .where(AuditEntry.id >= batch.first_entry, AuditEntry.id <= batch.last_entry)
            .order_by(AuditEntry.id)
        ).all()
        entries += len(rows)
        expected = audit.chained(batch.previous_head, rows)
        if expected != batch.head or (previous is not None and batch.previous_head != previous):
            return Verdict(len(batches), entries, open_entries, f"{batch.first_entry}–{batch.last_entry}")
        previous = batch.head
    return Verdict(len(batches), entries, open_entries, "")
