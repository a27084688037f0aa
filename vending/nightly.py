"""What the site does by itself at a time of its day, and what each of these is.

A line here is a plan; its function may run twice and is written so that twice is the same as once. The hours are those of
the first site of the database, before the first till opens.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, time, tzinfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit, jobs
from vending.clock import Clock
from vending.db import Database
from vending.estate import queries as estate
from vending.outbox import Message
from vending.schedules import Plan
from vending.services import Services

log = logging.getLogger(__name__)

CHECKED = "books checked"
MATCHED = "records matched"


def check_books(services: Services, _message: Message) -> None:
    """Every invariant, by the auditor's own code; what it found stands in the trail, and doctor reads it there."""
    from vending.auditor.command import look

    report = look(services.settings.database_address)
    with services.db.writing() as session:
        audit.record(
            session,
            services.clock,
            actor=audit.SYSTEM,
            act=CHECKED,
            subject="books:all",
            detail={"faults": report.faults, "checks": len(report.results)},
        )
    if report.faults:
        log.error(
            "the nightly check of the books found %d faults; `ampoule audit` names them",
            report.faults,
        )


def match_records(services: Services, _message: Message) -> None:
    """The log, the database, the books and the receipts of every day against each other, as `ampoule reconcile` does."""
    from vending.auditor.reconciliation import Window
    from vending.reconcile_commands import look_at_all

    found = look_at_all(services.settings.database_address, services.module, Window())
    with services.db.writing() as session:
        audit.record(
            session,
            services.clock,
            actor=audit.SYSTEM,
            act=MATCHED,
            subject="books:all",
            detail={"differences": len(found.differences), "rows": found.rows},
        )
    if not found.clean:
        log.error("%d records differ; `ampoule reconcile` names each", len(found.differences))


def drop_done_work(services: Services, _message: Message) -> None:
    with services.db.writing() as session:
        jobs.drop_done(session, services.clock, services.settings.keep_delivered_days)


# plan, and what it does
PLANS: tuple[tuple[Plan, Callable[[Services, Message], None]], ...] = (
    (Plan("check the books", time(2, 30)), check_books),
    (Plan("match log, books and receipts", time(3, 0)), match_records),
    (Plan("drop work done long ago", time(3, 30), weekday=6), drop_done_work),
)

WORKS = {plan.event: work for plan, work in PLANS}


def zone_of(session: Session) -> tzinfo:
    """The zone that the site's day is told in; UTC until there is a site."""
    sites = estate.list_sites(session)
    return sites[0].zone if sites else UTC


def ask(db: Database, clock: Clock) -> list[str]:
    """Puts what has become due into the outbox."""
    from vending import schedules

    plans = [plan for plan, _work in PLANS]
    with db.reading() as session:
        zone = zone_of(session)
        known = schedules.last_slots(session)
    if all(known.get(plan.name) == schedules.latest(plan, clock.now(), zone) for plan in plans):
        return []  # nothing to write: the usual case, each half second
    with db.writing() as session:
        return schedules.ask(session, clock, plans, zone)


def last_check(session: Session) -> tuple[datetime, int] | None:
    """When the books were checked by night, and how many faults that found."""
    return _last(session, CHECKED, "faults")


def last_match(session: Session) -> tuple[datetime, int] | None:
    """When log, database, books and receipts were matched by night, and how many records differed."""
    return _last(session, MATCHED, "differences")


def _last(session: Session, act: str, figure: str) -> tuple[datetime, int] | None:
    row = session.scalars(
        sa.select(audit.AuditEntry)
        .where(audit.AuditEntry.act == act)
        .order_by(audit.AuditEntry.id.desc())
        .limit(1)
    ).first()
    return (row.at, int(row.detail[figure])) if row else None
