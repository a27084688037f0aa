"""The server's role on PostgreSQL sells and does its work, and changes nothing that is booked."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from shop import Shop, open_shop
from sqlalchemy.engine import make_url

from vending import audit, database_roles, migrating
from vending.clock import FixedClock
from vending.database_roles import RoleUnusable
from vending.db import APPEND_ONLY_TABLES, Database
from vending.ledger import closing
from vending.settings import Settings
from vending.vends import service as vends


@pytest.fixture
def owned(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A furnished database whose owner is no superuser, and a name for the server's role."""
    import psycopg

    server = request.getfixturevalue("furnished_postgresql")
    word = uuid.uuid4().hex[:10]
    owner, role, name = f"owner_{word}", f"server_{word}", f"roles_{word}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {owner} LOGIN CREATEROLE".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE furnished OWNER {owner}".encode())
    url = make_url(server).set(database=name)
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f"ALTER SCHEMA public OWNER TO {owner}".encode())
        for kind, query in (
            ("TABLE", "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"),
            (
                "FUNCTION",
                "SELECT oid::regprocedure::text FROM pg_proc WHERE proname LIKE 'ampoule%'",
            ),
        ):
            for (each,) in connection.execute(query.encode()).fetchall():
                connection.execute(f"ALTER {kind} {each} OWNER TO {owner}".encode())
        connection.execute(b"CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute(f"ALTER TABLE alembic_version OWNER TO {owner}".encode())
        connection.execute(f"INSERT INTO alembic_version VALUES ('{migrating.revisions()[-1]}')".encode())
    yield (
        url.set(username=owner).render_as_string(hide_password=False),
        url.set(username=role).render_as_string(hide_password=False),
    )
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        connection.execute(f"DROP ROLE IF EXISTS {role}".encode())
        connection.execute(f"DROP ROLE IF EXISTS {owner}".encode())


@pytest.fixture
def server(owned: tuple[str, str]) -> Iterator[Database]:
    """The database as the server enters it."""
    owner, address = owned
    db = Database.open(owner)
    name, password = database_roles.server_role(Settings(database_url=address))
    assert database_roles.grant(db, name, password), "it was made"
    assert not database_roles.grant(db, name, password), "granted again after each upgrade"
    db.close()
    found = Database.open(address)
    yield found
    found.close()


def test_it_sells_chains_the_trail_and_sums_up(server: Database, clock: FixedClock) -> None:
    database_roles.prepare(server)
    shop: Shop = open_shop(server, clock)
    (outcome,) = shop.sell(shop.basket(shop.order("G-03", 50_000)))
    assert isinstance(outcome, vends.SaleOutcome)
    assert outcome.states == ("issued",)
    with server.writing() as session:
        assert audit.close_batch(session, clock) is not None
    closing.take_snapshots(server, least=1)


@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_it_changes_no_row_of_money_or_trail(server: Database, verb: str) -> None:
    with server.reading() as session:
        present = set(sa.inspect(session.connection()).get_table_names())
    tried = sorted(APPEND_ONLY_TABLES & present)
    assert {"ledger_entry", "ledger_leg", "payment", "token", "audit_entry"} <= set(tried)
    for table in tried:
        if "id = id" in verb:
            with server.reading() as session:
                columns = [column["name"] for column in sa.inspect(session.connection()).get_columns(table)]
            statement = f"UPDATE {table} SET {columns[0]} = {columns[0]}"
        else:
            statement = verb.format(table)
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"), server.writing() as session:
            session.execute(sa.text(statement))


def test_it_changes_no_table_and_holds_no_other(server: Database) -> None:
    for statement in (
        "DROP TABLE vend",
        "ALTER TABLE token DISABLE TRIGGER ALL",
        "CREATE TABLE mine (id int)",
        "UPDATE alembic_version SET version_num = '9999'",
    ):
        with pytest.raises(sa.exc.ProgrammingError, match=r"permission denied|must be owner"), server.writing() as session:  # fmt: skip
            session.execute(sa.text(statement))
    with pytest.raises(sa.exc.DBAPIError, match="is not held"), server.writing() as session:
        session.execute(sa.text("SELECT ampoule_hold('vend')"))


def test_the_start_says_when_the_server_is_the_owner(server: Database, owned: tuple[str, str]) -> None:
    production = Settings(profile="production", database_url=owned[0])
    owner = Database.open(owned[0])
    assert "as the owner" in database_roles.warning(owner, production)
    assert database_roles.warning(server, production) == ""
    assert database_roles.warning(owner, Settings()) == "", "a demonstration may"
    owner.close()


def test_an_older_database_is_not_migrated_by_the_server(
    server: Database, owned: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "revisions", lambda: ["0001", "0002"])
    with pytest.raises(migrating.DatabaseOlder, match="database upgrade"):
        database_roles.prepare(server)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "SQLite has no roles"),
        ("postgresql://localhost/x", "names no role"),
        ("postgresql://Odd-Name@localhost/x", "names no role"),
    ],
)
def test_a_role_is_named_in_the_address(address: str, says: str) -> None:
    with pytest.raises(RoleUnusable, match=says):
        database_roles.server_role(Settings(database_url=address))


def test_the_owner_is_not_the_servers_role(owned: tuple[str, str]) -> None:
    db = Database.open(owned[0])
    name, _password = database_roles.server_role(Settings(database_url=owned[0]))
    with pytest.raises(RoleUnusable, match="owns the tables"):
        database_roles.grant(db, name)
    db.close()
