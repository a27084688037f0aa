"""Many rows at once, by each database's fastest way: what makes reading and writing a group of sales cheap.

For rows that nobody asks back. One message whatever their number: a list in JSON that the server unfolds on PostgreSQL (an
array for each column takes its driver four times as long to write), a prepared statement fed from a list on SQLite. No
defaults are filled in: a row says all of it.

`among` asks for the rows of many names in one statement whose text does not depend on their number, so that it is prepared
once: `IN (?, ?, ...)` is another statement for each length of the list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

Row = Mapping[str, Any]


class Names(sa.types.TypeDecorator[list[str]]):
    """A list of names as one parameter in JSON: PostgreSQL's driver looks at each name of an array by itself."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[str] | None, dialect: Dialect) -> Any:
        assert value is not None
        return json.dumps(list(value))


class among(FunctionElement[bool]):
    """Whether a column's text is one of these names. Given no names it asks for a parameter `names`, so that a statement
    can be built once, when its module is read."""

    type = sa.Boolean()
    inherit_cache = True

    def __init__(self, column: Any, names: Iterable[str] | None = None, *, parameter: str = "names") -> None:
        asked: Any = (
            sa.bindparam(parameter, type_=Names()) if names is None else sa.literal(list(names), Names())
        )
        super().__init__(column, asked)


@compiles(among, "postgresql")
def _any(element: among, compiler: Any, **kw: Any) -> str:
    column, names = element.clauses
    listed = f"SELECT json_array_elements_text(CAST({compiler.process(names, **kw)} AS json))"
    return f"{compiler.process(column, **kw)} = ANY (ARRAY({listed}))"


@compiles(among, "sqlite")
def _in(element: among, compiler: Any, **kw: Any) -> str:
    column, names = element.clauses
    return (
        f"{compiler.process(column, **kw)} IN (SELECT value FROM json_each({compiler.process(names, **kw)}))"  # noqa: S608 — names of ours
    )


def ask(session: Session, statement: sa.Executable, **names: Any) -> Sequence[Any]:
    """What a statement of columns finds, past the session's mapper, which takes as long for it as the server does."""
    if session.autoflush:
        session.flush()
    return session.connection().execute(statement, names).all()


def run(connection: Connection, statement: str, parameters: tuple[Any, ...]) -> list[Any]:
    """A statement in the driver's own words and what it gives, on PostgreSQL without another layer between."""
    if connection.dialect.name == "sqlite":
        result = connection.exec_driver_sql(statement, parameters)
        return list(result.fetchall()) if result.returns_rows else []
    driver: Any = connection.connection.driver_connection
    dbapi = connection.dialect.loaded_dbapi
    try:
        with driver.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description is not None else []
    except dbapi.Error as error:
        # As the layer would have said it; what was sent is in no message (`hide_parameters`).
        raise sa.exc.DBAPIError.instance(
            statement, None, error, dbapi.Error, hide_parameters=True, dialect=connection.dialect
        ) from error


def add(session: Session, table: Any, rows: Sequence[Row]) -> None:
    """Adds the rows to the table (an ORM class); all of them name the same columns."""
    if not rows:
        return
    found, columns = _table(table), tuple(rows[0])
    if _connection(session).dialect.name == "sqlite":
        statement = (
            f"INSERT INTO {found.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 — names of ours
        )
        _feed(session, statement, found, columns, rows)
        return
    run(_connection(session), insert_records(table, columns), (as_json(rows),))


def change(session: Session, table: Any, key: str, rows: Sequence[Row]) -> None:
    """Sets the named columns of the rows whose `key` column has the given value; each row names its key and the same
    columns."""
    if not rows:
        return
    found, columns = _table(table), (*(name for name in rows[0] if name != key), key)
    if _connection(session).dialect.name == "sqlite":
        sets = ", ".join(f"{name} = ?" for name in columns[:-1])
        statement = f"UPDATE {found.name} SET {sets} WHERE {key} = ?"  # noqa: S608 — names of ours
        _feed(session, statement, found, columns, rows)
        return
    sets = ", ".join(f"{name} = r.{name}" for name in columns[:-1])
    statement = (
        f"UPDATE {found.name} SET {sets} FROM {_recordset(found, columns)} WHERE {found.name}.{key} = r.{key}"  # noqa: S608 — names of ours
    )
    run(_connection(session), statement, (as_json(rows),))


def _connection(session: Session) -> Connection:
    session.flush()  # rows that wait in the session go first
    return session.connection()


def _table(table: Any) -> sa.Table:
    found = table.__table__
    assert isinstance(found, sa.Table)
    return found


def _feed(
    session: Session, statement: str, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    connection = session.connection()
    fed = []
    for name, bind in zip(columns, _binders(table, tuple(columns), connection.dialect), strict=True):
        fed.append([row[name] for row in rows] if bind is None else [bind(row[name]) for row in rows])
    connection.exec_driver_sql(statement, list(zip(*fed, strict=True)))


@lru_cache(maxsize=256)
def _binders(
    table: sa.Table, columns: tuple[str, ...], dialect: Dialect
) -> tuple[Callable[[Any], Any] | None, ...]:
    """How each column's type writes a value for the driver."""
    return tuple(table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns)


_POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own constructor has no types


def insert_records(table: Any, columns: tuple[str, ...]) -> str:
    """PostgreSQL's statement for rows that come as one parameter in JSON (`as_json`)."""
    found, listed = _table(table), ", ".join(columns)
    return f"INSERT INTO {found.name} ({listed}) SELECT {listed} FROM {_recordset(found, columns)}"  # noqa: S608 — names of ours


@lru_cache(maxsize=256)
def _recordset(table: sa.Table, columns: tuple[str, ...]) -> str:
    """The rows of one JSON parameter, under the name r, with the types of these columns of the table."""
    typed = ", ".join(f"{name} {table.c[name].type.compile(_POSTGRESQL)}" for name in columns)
    return f"json_to_recordset(%s::json) AS r({typed})"


def as_json(rows: Sequence[Row]) -> str:
    return json.dumps(rows, default=_plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no value of a column")
