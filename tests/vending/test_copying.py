"""A site moves from SQLite to PostgreSQL, and every row is shown to be the same; anything else leaves the target empty."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from shop import Shop, migrated, open_shop

from vending import copying, schema
from vending.backup.making import silent
from vending.clock import FixedClock
from vending.copying import CopyDiffers, CopyRefused
from vending.db import Database
from vending.vends import service as vends


@pytest.fixture
def source(furnished_sqlite: Path, tmp_path: Path, clock: FixedClock) -> Iterator[Shop]:
    path = tmp_path / "site.db"
    shutil.copy(furnished_sqlite, path)
    database = Database.open(f"sqlite:///{path}")
    shop = migrated(open_shop(database, clock))
    shop.sell(*[shop.basket(shop.order("G-05", 2_000)) for _ in range(10)])
    yield shop
    database.close()


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Iterator[Database]:
    import psycopg
    from sqlalchemy.engine import make_url

    server, name = request.getfixturevalue("postgresql_server"), f"copied_{uuid.uuid4().hex[:10]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    database = Database.open(make_url(server).set(database=name).render_as_string(hide_password=False))
    yield database
    database.close()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def rows(database: Database) -> int:
    with database.reading() as session:
        return sum(
            session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in schema.metadata().sorted_tables
        )


def test_every_row_is_the_same_and_sales_go_on_there(source: Shop, target: Database) -> None:
    copied = copying.copy(source.db, target, silent)
    assert copied.rows == rows(source.db) == rows(target) > 100
    assert copied.checks > 20
    with source.db.reading() as ours, target.reading() as theirs:
        for table in schema.metadata().sorted_tables:
            assert copying.sum_of(ours.connection(), table) == copying.sum_of(theirs.connection(), table), (
                table.name
            )
    moved = Shop(target, source.clock, source.module, source.site)
    (outcome,) = moved.sell(moved.basket(moved.order("G-05", 2_000)))
    assert isinstance(outcome, vends.SaleOutcome), "numbers go on above those that were copied"
    assert outcome.receipt == "N1-000011"


def test_a_target_with_rows_is_refused(source: Shop, target: Database) -> None:
    copying.copy(source.db, target, silent)
    with pytest.raises(CopyRefused, match="is not empty"):
        copying.copy(source.db, target, silent)


def test_a_copy_that_was_interrupted_begins_anew(source: Shop, target: Database) -> None:
    def interrupted(what: str, _done: int, _total: int) -> None:
        if what == "reading back token":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.copy(source.db, target, interrupted)
    assert rows(target) == 0
    assert copying.copy(source.db, target, silent).rows == rows(source.db)


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE vend SET paid_minor = paid_minor + 1 WHERE id = 1",
        "DELETE FROM token WHERE id = 1",
        "UPDATE sale SET content = jsonb_set(content, '{receipt}', '\"x\"') WHERE id = 1",
        "UPDATE payment SET taken_at = taken_at + interval '1 microsecond'",
    ],
)
def test_a_row_that_changed_on_the_way_is_found_and_nothing_is_kept(
    source: Shop, target: Database, spoil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = copying.raise_sequences

    def spoiling(connection: sa.Connection, tables: list[str]) -> None:
        real(connection, tables)
        column = [each for each in ("taken_at", "paid_at", "at") if each in _columns(connection, "payment")]
        connection.exec_driver_sql(spoil.replace("taken_at", column[0]) if column else spoil)

    monkeypatch.setattr(copying, "raise_sequences", spoiling)
    with pytest.raises(CopyDiffers, match="differs after the copy"):
        copying.copy(source.db, target, silent)
    assert rows(target) == 0


def _columns(connection: sa.Connection, table: str) -> list[str]:
    return [column["name"] for column in sa.inspect(connection).get_columns(table)]


def test_only_from_sqlite_to_postgresql(source: Shop, target: Database) -> None:
    with pytest.raises(CopyRefused, match="from SQLite to PostgreSQL"):
        copying.copy(target, source.db, silent)


def test_books_with_faults_are_not_copied(source: Shop, target: Database) -> None:
    with source.db.writing() as session:
        session.execute(sa.text("UPDATE vend SET units = units + 1 WHERE id = 1"))
    with pytest.raises(CopyRefused, match="faults before anything is copied"):
        copying.copy(source.db, target, silent)
    with target.reading() as session:
        assert sa.inspect(session.connection()).get_table_names() == []
