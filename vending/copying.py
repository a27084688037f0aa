"""Moves a site's rows from SQLite into an empty PostgreSQL, and proves in the same transaction that nothing changed.

Every row is read, written by COPY, and read back; each table's rows are counted and hashed on both sides in one spelling, and the
auditor looks at the copy before it is kept. All of it is one transaction: interrupted or refuted, the target is as empty as
before, and the copy begins anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vending import migrating, schema
from vending.auditor import report
from vending.backup.snapshot import listed, quoted, raise_sequences
from vending.db import Database, JsonText
from vending.errors import InvalidInput, VendingError

_AT_ONCE = 2000


class CopyRefused(InvalidInput):
    code = "copy_refused"


class CopyDiffers(VendingError):
    code = "copy_differs"


@dataclass(frozen=True, slots=True)
class Sum:
    """What a table holds: its number of rows and a hash that does not depend on their order."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Copied:
    tables: dict[str, Sum]
    checks: int

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.tables.values())


def copy(source: Database, target: Database, say: Callable[[str, int, int], None]) -> Copied:
    """`source` is held alone, so nothing is sold meanwhile; `target` is entered as the owner of its tables to be."""
    if source.dialect != "sqlite" or target.dialect != "postgresql":
        raise CopyRefused(
            "A copy goes from SQLite to PostgreSQL. For anything else: `ampoule backup` and `ampoule restore`."
        )
    migrating.refuse_unless_current(source)
    _refuse_unless_empty(target)
    tables = schema.metadata().sorted_tables
    with source.reading() as session:
        ours = session.connection()
        before = report.run(ours)
        if not before.clean:
            raise CopyRefused(
                f"The database has {before.faults} faults before anything is copied: see `ampoule audit`. Mend them first."
            )
        migrating.bring_up_to_date(target)
        with target.loading([table.name for table in tables]) as theirs:
            sums: dict[str, Sum] = {}
            for place, table in enumerate(tables):
                say(f"copying {table.name}", place, len(tables))
                sums[table.name] = _copy_table(ours, theirs, table)
            raise_sequences(theirs, [table.name for table in tables])
            for place, table in enumerate(tables):
                say(f"reading back {table.name}", place, len(tables))
                _hold_against(table.name, sums[table.name], sum_of(theirs, table))
            say("auditing", 0, 1)
            after = report.run(theirs)
            if not after.clean:
                raise CopyDiffers(
                    f"The copy has {after.faults} faults that the original has not. Nothing was kept; please report it."
                )
    return Copied(sums, sum(1 for result in after.results if not result.missing))


def _refuse_unless_empty(target: Database) -> None:
    if migrating.current(target) is None:
        return
    migrating.refuse_unless_current(target)
    with target.reading() as session:
        for table in schema.metadata().sorted_tables:
            if session.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None:
                raise CopyRefused(
                    f"The target is not empty: {table.name} has rows. Make a new database, and name that one."
                )


def _hold_against(table: str, wanted: Sum, found: Sum) -> None:
    if wanted != found:
        raise CopyDiffers(
            f"{table} differs after the copy: {wanted.rows} rows became {found.rows}, or one of them changed. Nothing was kept; "
            "the original is as it was."
        )


def _copy_table(ours: Connection, theirs: Connection, table: sa.Table) -> Sum:
    from psycopg.types.json import Jsonb

    columns = list(table.columns)
    wrapped = [isinstance(column.type, JsonText) for column in columns]
    total = _Summing()
    driver: Any = theirs.connection.driver_connection
    statement = f"COPY {quoted(table.name)} ({listed([column.name for column in columns])}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(statement) as out:
        for row in _rows(ours, table):
            total.add(row)
            out.write_row(
                [
                    Jsonb(value) if is_json and value is not None else value
                    for value, is_json in zip(row, wrapped, strict=True)
                ]
            )
    return total.result()


def sum_of(connection: Connection, table: sa.Table) -> Sum:
    total = _Summing()
    for row in _rows(connection, table):
        total.add(row)
    return total.result()


def _rows(connection: Connection, table: sa.Table) -> Iterator[Sequence[Any]]:
    # Through the declared types on both sides, so that both give the same values.
    result = connection.execute(sa.select(table).execution_options(stream_results=True, yield_per=_AT_ONCE))
    for batch in result.partitions():
        yield from batch


class _Summing:
    """Rows hash one by one and their hashes are added up: the same whatever order a database gives them in."""

    def __init__(self) -> None:
        self._rows = 0
        self._sum = 0

    def add(self, row: Sequence[Any]) -> None:
        text = json.dumps([_spelt(value) for value in row], sort_keys=True, separators=(",", ":"))
        self._rows += 1
        self._sum += int.from_bytes(sha256(text.encode()).digest())

    def result(self) -> Sum:
        return Sum(self._rows, f"{self._sum % (1 << 256):064x}")


def _spelt(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value.normalize())
    if isinstance(value, bytes):
        return value.hex()
    return value
