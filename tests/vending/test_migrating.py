"""Migrations make exactly the tables of the code, on both engines, up and down; a newer database is refused."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from vending import migrating, schema
from vending.db import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database.open(f"sqlite:///{tmp_path / 'empty.db'}")
        yield database
        database.close()
        return
    import psycopg
    from sqlalchemy.engine import make_url

    server, name = request.getfixturevalue("postgresql_server"), f"empty_{uuid.uuid4().hex[:10]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    database = Database.open(make_url(server).set(database=name).render_as_string(hide_password=False))
    yield database
    database.close()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def shape(database: Database) -> dict[str, Any]:
    """Everything a database says of its tables, indexes, constraints and guards."""
    with database.reading() as session:
        connection = session.connection()
        if database.dialect == "sqlite":
            rows = connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND tbl_name <> 'alembic_version'"
            )
            return {name: " ".join((sql or "").split()) for name, sql in rows}
        inspector = sa.inspect(connection)
        found: dict[str, Any] = {}
        for table in inspector.get_table_names():
            if table != "alembic_version":
                found[table] = (
                    [
                        (column["name"], str(column["type"]), column["nullable"])
                        for column in inspector.get_columns(table)
                    ],
                    sorted(str(index) for index in inspector.get_indexes(table)),
                    sorted(str(each) for each in inspector.get_foreign_keys(table)),
                    sorted(str(each) for each in inspector.get_check_constraints(table)),
                    sorted(str(each) for each in inspector.get_unique_constraints(table)),
                )
        found["guards"] = sorted(
            connection.exec_driver_sql(
                "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
            ).scalars()
        )
        found["functions"] = sorted(
            connection.exec_driver_sql(
                "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname LIKE 'ampoule%%'"
            ).scalars()
        )
        return found


def test_migrations_make_the_tables_of_the_code(empty: Database, request: pytest.FixtureRequest) -> None:
    assert migrating.bring_up_to_date(empty)
    assert not migrating.bring_up_to_date(empty)
    migrated = shape(empty)
    made = request.getfixturevalue(f"{empty.dialect}_database")
    schema.metadata()
    assert migrated == shape(made), "run tools/ground.py"


def test_migrations_go_down_to_nothing_and_up_again(empty: Database) -> None:
    migrating.bring_up_to_date(empty)
    first = shape(empty)
    migrating.take_back(empty, "base")
    assert [name for name in shape(empty) if name not in ("guards", "functions")] == []
    migrating.bring_up_to_date(empty)
    assert shape(empty) == first


def test_a_database_of_a_newer_version_is_refused(empty: Database) -> None:
    migrating.bring_up_to_date(empty)
    with empty.writing() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrating.DatabaseNewer, match="newer than this release"):
        migrating.bring_up_to_date(empty)


def test_a_strange_database_is_left_alone(empty: Database) -> None:
    with empty.writing() as session:
        session.execute(sa.text("CREATE TABLE recipes (id INTEGER PRIMARY KEY)"))
    with pytest.raises(migrating.DatabaseStrange, match="did not make it"):
        migrating.bring_up_to_date(empty)
