"""A consistent copy of the database while sales go on, and the way back into an empty one.

SQLite: its own back-up interface inside one read transaction, so that the copy is one moment and no writer waits; the
journal grows meanwhile and shrinks again afterwards. PostgreSQL: every table by COPY in one repeatable-read snapshot, which
needs no right beyond reading and no program beside the driver; the structure is not copied, because migrations make it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vending import migrating
from vending.db import Database
from vending.errors import VendingError

SQLITE_FILE = "ampoule.db"
TABLES = "tables"
CONTENTS = "tables.json"
_PAGES = 4096

Say = Callable[[str, int, int], None]  # what is being done, done, in all


class BackupDamaged(VendingError):
    code = "backup_damaged"


class RestoreRefused(VendingError):
    code = "restore_refused"


@dataclass(frozen=True, slots=True)
class Captured:
    """Where the copy lies and what it holds. `last_entry` is the newest entry of the module's log that it knows."""

    folder: Path
    files: tuple[str, ...]
    dialect: str
    revision: str
    sales: int
    last_entry: int | None


def capture(db: Database, folder: Path, say: Say) -> Captured:
    """A copy of one moment into `folder`, checked as far as the database itself can check it."""
    if db.dialect == "sqlite":
        return _capture_sqlite(db, folder, say)
    return _capture_postgresql(db, folder, say)


def _facts(connection: Any) -> tuple[str, int, int | None]:
    revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    sales = connection.execute(sa.text("SELECT count(*) FROM sale")).scalar_one()
    last = connection.execute(sa.text("SELECT max(sequence) FROM token")).scalar_one()
    return str(revision), int(sales), last


# --- SQLite -----------------------------------------------------------------------------------------------------------


def _capture_sqlite(db: Database, folder: Path, say: Say) -> Captured:
    target = folder / SQLITE_FILE
    with closing(
        sqlite3.connect(f"file:{db.url.database}?mode=ro", uri=True, isolation_level=None)
    ) as source:
        source.execute("PRAGMA busy_timeout = 10000")
        # A read transaction of our own: the pieces below are all of its moment, however long they take.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(target)) as copy:
            copy.execute("PRAGMA synchronous = OFF")  # it is not the database yet; the archive is synced
            source.backup(
                copy, pages=_PAGES, progress=lambda _s, left, total: say("copying", total - left, total)
            )
        source.execute("ROLLBACK")
    target.chmod(0o600)
    with closing(sqlite3.connect(target)) as copy:
        # One file that needs no other beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
    say("checking the copy", 0, 1)
    sound(target)
    engine = sa.create_engine(f"sqlite:///file:{target}?mode=ro&uri=true")
    try:
        with engine.connect() as connection:
            revision, sales, last = _facts(connection)
    finally:
        engine.dispose()
    return Captured(folder, (SQLITE_FILE,), "sqlite", revision, sales, last)


def sound(path: Path, *, whole: bool = False) -> None:
    """SQLite's own judgement of a file: every page in its place; `whole` also holds each index against its table."""
    check = "integrity_check" if whole else "quick_check"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found = [row[0] for row in connection.execute(f"PRAGMA {check}(3)")]
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    if found != ["ok"]:
        raise BackupDamaged(
            f"The database's copy is not sound ({found[0]}). Do not use it: look at the disk, then at an earlier back-up."
        )


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def _capture_postgresql(db: Database, folder: Path, say: Say) -> Captured:
    (folder / TABLES).mkdir(mode=0o700)
    names: list[str] = []
    contents: dict[str, Any] = {}
    with db.reading() as session:
        connection = session.connection()
        revision, sales, last = _facts(connection)
        tables = tables_of(connection)
        for place, table in enumerate(tables):
            say(f"copying {table}", place, len(tables))
            columns = [column["name"] for column in sa.inspect(connection).get_columns(table)]
            name = f"{TABLES}/{table}.copy"
            rows = _copy_out(connection, table, columns, folder / name)
            contents[table] = {"columns": columns, "rows": rows}
            names.append(name)
        (folder / CONTENTS).write_text(json.dumps(contents), encoding="ascii")
    return Captured(folder, (*names, CONTENTS), "postgresql", revision, sales, last)


def tables_of(connection: Connection) -> list[str]:
    """The tables that are there, of whatever version, so that each stands after those it refers to."""
    found = sa.inspect(connection).get_sorted_table_and_fkc_names()
    return [name for name, _constraints in found if name is not None and name != "alembic_version"]


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _copy_out(connection: Connection, table: str, columns: list[str], path: Path) -> int:
    with open(path, "wb", opener=_closed) as file, _driver(connection).cursor() as cursor:
        with cursor.copy(f"COPY {quoted(table)} ({listed(columns)}) TO STDOUT") as copy:
            for chunk in copy:
                file.write(chunk)
        return int(cursor.rowcount)


def put_into_postgresql(db: Database, folder: Path, revision: str, say: Say) -> None:
    """Makes the tables of the back-up's own version in an empty database, fills them, and brings them to this release.

    One transaction for the rows: an interrupted restore leaves empty tables, and begins anew."""
    contents: dict[str, Any] = json.loads((folder / CONTENTS).read_text(encoding="ascii"))
    migrating.bring_to(db, revision)
    with db.loading(contents) as connection:
        for place, (table, told) in enumerate(contents.items()):
            say(f"filling {table}", place, len(contents))
            with (
                _driver(connection).cursor() as cursor,
                open(folder / TABLES / f"{table}.copy", "rb") as file,
            ):
                with cursor.copy(f"COPY {quoted(table)} ({listed(told['columns'])}) FROM STDIN") as copy:
                    while chunk := file.read(1024 * 1024):
                        copy.write(chunk)
                if cursor.rowcount != told["rows"]:
                    raise BackupDamaged(
                        f"{table} has {cursor.rowcount} rows instead of {told['rows']}. Nothing was restored; take another back-up."
                    )
        raise_sequences(connection, contents)
    migrating.bring_up_to_date(db)


def raise_sequences(connection: Connection, tables: Any) -> None:
    """Numbers given from now on stand above all that were copied."""
    for table in tables:
        sequence = connection.execute(
            sa.text(
                "SELECT pg_get_serial_sequence(quote_ident(:table), 'id') FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND table_name = :table AND column_name = 'id'"
            ),
            {"table": table},
        ).scalar_one_or_none()
        if sequence is not None:
            connection.exec_driver_sql(
                f"SELECT setval('{sequence}', coalesce((SELECT max(id) FROM {quoted(table)}), 0) + 1, false)"  # noqa: S608 — names out of the catalogue, quoted
            )


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def listed(columns: list[str]) -> str:
    return ", ".join(quoted(column) for column in columns)


def _closed(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
