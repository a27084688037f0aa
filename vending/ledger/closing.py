"""Snapshots and the close of a period: use cases of the worker and of the manager, each in transactions of its own.

A snapshot only makes balances cheaper to read; it may be dropped and taken again. On PostgreSQL ids can become visible
out of order, so a snapshot reaches only to an entry below which no other transaction is still writing: the table is
locked against writers for the moment in which that entry is read.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vending import audit
from vending.clock import Clock
from vending.db import Database, hold_writers
from vending.ledger.errors import PeriodNotOver
from vending.ledger.queries import TrialLine, trial_balance
from vending.ledger.tables import LedgerEntry, LedgerPeriod

_SNAPSHOT = """
INSERT INTO ledger_snapshot (account_id, unit, through_entry, amount)
SELECT n.account_id, n.unit, :horizon, n.amount + coalesce(s.amount, 0)
FROM (SELECT l.account_id, l.unit, sum(l.amount) AS amount, count(*) AS legs
      FROM ledger_leg l
      WHERE l.entry_id <= :horizon AND l.entry_id > coalesce(
        (SELECT max(x.through_entry) FROM ledger_snapshot x WHERE x.account_id = l.account_id AND x.unit = l.unit), 0)
      GROUP BY l.account_id, l.unit HAVING count(*) >= :least) n
LEFT JOIN ledger_snapshot s ON s.account_id = n.account_id AND s.unit = n.unit AND s.through_entry =
  (SELECT max(x.through_entry) FROM ledger_snapshot x WHERE x.account_id = n.account_id AND x.unit = n.unit)
"""


def take_snapshots(db: Database, *, least: int = 256) -> int:
    """Adds a snapshot for each account and unit with at least so many legs since its last one; how many were added."""
    with db.writing() as session:
        hold_writers(session, "ledger_entry")
        horizon = session.scalar(sa.select(sa.func.max(LedgerEntry.id))) or 0
    # The lock is gone: entries up to the horizon never change, so their sums can be taken beside running sales.
    with db.writing() as session:
        result = session.execute(sa.text(_SNAPSHOT), {"horizon": horizon, "least": least})
        return int(result.rowcount)  # type: ignore[attr-defined]


def close_period(db: Database, clock: Clock, *, until: datetime, actor: Any, reason: str) -> str:
    """Closes the books up to a moment: nothing is dated before it any more. The digest of the trial balance is kept.

    Closing the same moment twice gives the same digest.
    """
    with db.writing() as session:
        hold_writers(session, "ledger_entry")
        known = session.scalar(sa.select(LedgerPeriod).where(LedgerPeriod.closes_at == until))
        if known is not None:
            return known.digest
        if until > clock.now():
            raise PeriodNotOver(f"{until:%Y-%m-%d %H:%M} UTC lies ahead. Close a period when it is over.")
        last = session.scalar(sa.select(sa.func.max(LedgerPeriod.closes_at)))
        if last is not None and until < last:
            raise PeriodNotOver(f"The books are closed up to {last:%Y-%m-%d %H:%M} UTC already.")
        lines = trial_balance(session, before=until)
        digest = digest_of(lines)
        through = (
            session.scalar(sa.select(sa.func.max(LedgerEntry.id)).where(LedgerEntry.posted_at < until)) or 0
        )
        session.add(
            LedgerPeriod(
                closes_at=until,
                through_entry=through,
                closed_at=clock.now(),
                closed_by=actor.key,
                digest=digest,
            )
        )
        audit.record(
            session,
            clock,
            actor=actor,
            act="ledger.close_period",
            subject=f"period:{until.isoformat()}",
            detail={"digest": digest, "accounts": len(lines)},
            reason=reason,
        )
        return digest


def digest_of(lines: list[TrialLine]) -> str:
    """SHA-256 over the trial balance, one account and unit a line. The auditor computes it again in its own words."""
    rows = sorted(f"{line.account} {line.unit} {line.debits} {line.credits}\n" for line in lines)
    return hashlib.sha256("".join(rows).encode()).hexdigest()
