"""The second wall round the books: what the database itself refuses, should code ever get past the first.

An entry whose legs do not sum to zero in each unit, legs added to an entry later, and entries dated into a closed period
are refused on both databases, besides every update and delete (`db.append_only`). The two databases need two ways: where
SQLite has row triggers only, legs come first and the entry that closes over them is checked; PostgreSQL checks the legs
of a whole statement at once, and that their entries and accounts exist, which no later act can undo (ADR 0033). On PostgreSQL the running server has a role that may add rows and not change them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection

from vending.db import GUARDS_THAT_STAY

SQLITE = (
    """CREATE TRIGGER IF NOT EXISTS ledger_entry_balances BEFORE INSERT ON ledger_entry
WHEN (SELECT count(*) FROM ledger_leg WHERE entry_id = NEW.id) <> NEW.legs
  OR EXISTS (SELECT 1 FROM ledger_leg WHERE entry_id = NEW.id GROUP BY unit HAVING sum(amount) <> 0)
BEGIN SELECT RAISE(ABORT, 'ledger_entry does not balance'); END""",
    """CREATE TRIGGER IF NOT EXISTS ledger_leg_before_entry BEFORE INSERT ON ledger_leg
WHEN EXISTS (SELECT 1 FROM ledger_entry WHERE id = NEW.entry_id)
BEGIN SELECT RAISE(ABORT, 'ledger_entry is complete'); END""",
    """CREATE TRIGGER IF NOT EXISTS ledger_entry_period BEFORE INSERT ON ledger_entry
WHEN NEW.posted_at < (SELECT max(closes_at) FROM ledger_period)
BEGIN SELECT RAISE(ABORT, 'ledger_period is closed'); END""",
)

POSTGRESQL = (
    # The legs of a statement are judged by themselves, without a look at the legs that are there: an entry's places are
    # numbered from zero and each is taken once, so a leg that comes later has no place left. Plans of triggers are kept,
    # and one made while the tables were empty would read them whole for ever after; hence no sequential scans.
    """CREATE OR REPLACE FUNCTION ampoule_entry_balances() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh GROUP BY entry_id, unit HAVING sum(amount) <> 0) THEN
    RAISE EXCEPTION 'ledger_entry does not balance';
  END IF;
  IF EXISTS (SELECT 1 FROM (SELECT entry_id, count(*) AS legs, min(place) AS low, max(place) AS high
                            FROM fresh GROUP BY entry_id) f
             WHERE f.low <> 0 OR f.high <> f.legs - 1
                OR f.legs IS DISTINCT FROM (SELECT e.legs FROM ledger_entry e WHERE e.id = f.entry_id)) THEN
    RAISE EXCEPTION 'ledger_entry is complete';
  END IF;
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT account_id FROM fresh) f
             WHERE NOT EXISTS (SELECT 1 FROM ledger_account a WHERE a.id = f.account_id)) THEN
    RAISE EXCEPTION 'ledger_account does not exist';
  END IF;
  RETURN NULL;
END$$""",
    """CREATE OR REPLACE TRIGGER ledger_entry_balances AFTER INSERT ON ledger_leg
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ampoule_entry_balances()""",
    """CREATE OR REPLACE FUNCTION ampoule_entry_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh WHERE posted_at < (SELECT max(closes_at) FROM ledger_period)) THEN
    RAISE EXCEPTION 'ledger_period is closed';
  END IF;
  RETURN NULL;
END$$""",
    """CREATE OR REPLACE TRIGGER ledger_entry_period AFTER INSERT ON ledger_entry
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ampoule_entry_period()""",
)


def wall_statements(dialect: str) -> tuple[str, ...]:
    """What raises the wall, when both tables stand. Used by create and by migrations."""
    return SQLITE if dialect == "sqlite" else POSTGRESQL


def role_statements(role: str, append_only_tables: list[str]) -> list[str]:
    """For PostgreSQL: takes update, delete and truncate on these tables from the role that the server runs under."""
    assert role.replace("_", "").isalnum(), "a role's name is letters, digits and underscores"
    tables = ", ".join(sorted(append_only_tables))
    return [
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {tables} FROM {role}",
        f"GRANT SELECT, INSERT ON {tables} TO {role}",
        # PostgreSQL lets nobody lock a row of a table in which he may change nothing at all. So the role may change one
        # column of the accounts, as far as rights go; the trigger refuses it when it tries.
        f"GRANT UPDATE (opened_at) ON ledger_account TO {role}",
    ]


def guard(legs: Any) -> None:
    """Raises the wall when the legs' table is created, which is after the entries' to which it refers."""
    assert isinstance(legs, sa.Table)

    def create(_target: sa.Table, connection: Connection, **_kw: Any) -> None:
        for statement in wall_statements(connection.dialect.name):
            connection.exec_driver_sql(statement)

    event.listen(legs, "after_create", create)
    GUARDS_THAT_STAY.append((legs.name, "ledger_entry_balances"))
