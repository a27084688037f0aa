"""A check, what it looks at, and what it found. Values; the SQL stands in the files named after their areas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

MOST_SHOWN = 20


class Books:
    """The database as the auditor reads it: plain statements, rows as tuples. Never a write."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.dialect = connection.dialect.name
        self.tables = set(sa.inspect(connection).get_table_names())

    def rows(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.connection.execute(sa.text(statement), parameters)]

    def moment(self, value: datetime) -> Any:
        """A moment as this database stores it: text in UTC that sorts on SQLite, its own type on PostgreSQL."""
        return (
            value if self.dialect == "postgresql" else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        )

    def number(self, statement: str) -> int:
        return int(self.rows(statement)[0][0] or 0)


@dataclass(frozen=True, slots=True)
class Check:
    """`code` is stable, `holds` says in one sentence what must be true, `invariant` names it in docs/concepts/trust.

    `faults` is a statement whose every row is a fault, told by `tell` with the row's values in braces by place; or, where
    SQL does not reach, a function that gives such sentences. `looked_at` counts the rows that were judged.
    """

    code: str
    invariant: str
    holds: str
    tables: tuple[str, ...]
    looked_at: str
    faults: str | Callable[[Books], list[str]]
    tell: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    check: Check
    looked_at: int
    faults: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        return "not checked" if self.missing else "fault" if self.faults else "holds"


def carried_out(check: Check, books: Books, yesterday: datetime) -> Result:
    """Looks, and says what was found. A check whose tables are not there is said to be not checked, never passed."""
    missing = tuple(table for table in check.tables if table not in books.tables)
    if missing:
        return Result(check, 0, (), missing)
    looked_at = books.number(check.looked_at)
    if isinstance(check.faults, str):
        dated = {"yesterday": books.moment(yesterday)} if ":yesterday" in check.faults else {}
        found = [check.tell.format(*row) for row in books.rows(check.faults, **dated)]
    else:
        found = check.faults(books)
    return Result(check, looked_at, tuple(found))
