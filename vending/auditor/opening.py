"""The auditor's own way into the database: a connection that cannot write, seeing one state throughout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url


@contextmanager
def opened(address: str) -> Iterator[Connection]:
    """A connection of its own: the auditor neither needs nor waits for the server."""
    engine = _engine(address)
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            yield connection
    finally:
        engine.dispose()


def look_anew(connection: Connection) -> None:
    """On SQLite: what was seen is let go, and the state of now is seen from the first look on."""
    connection.exec_driver_sql("ROLLBACK")
    connection.exec_driver_sql("BEGIN")


def _engine(address: str) -> sa.Engine:
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        return sa.create_engine(f"sqlite:///file:{url.database}?mode=ro&uri=true")
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
    )
