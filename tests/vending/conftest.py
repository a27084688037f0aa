"""The shop, on each engine. It is furnished once for each test process and copied for each test."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import Shop, furnish, open_shop

from vending.clock import FixedClock
from vending.db import Database


@pytest.fixture(scope="session")
def furnished_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "ampoule.db"
    shutil.copy(sqlite_template, path)
    database = Database.open(f"sqlite:///{path}")
    furnish(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def furnished_postgresql(postgresql_server: str) -> str:
    import psycopg
    from sqlalchemy.engine import make_url

    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE furnished TEMPLATE ampoule_template")
    database = Database.open(
        make_url(postgresql_server).set(database="furnished").render_as_string(hide_password=False)
    )
    furnish(database)
    database.close()
    return postgresql_server


@pytest.fixture
def sqlite_shop(furnished_sqlite: Path, clock: FixedClock, tmp_path: Path) -> Iterator[Shop]:
    path = tmp_path / "ampoule.db"
    shutil.copy(furnished_sqlite, path)
    database = Database.open(f"sqlite:///{path}")
    yield open_shop(database, clock)
    database.close()


@pytest.fixture
def postgresql_shop(furnished_postgresql: str, clock: FixedClock) -> Iterator[Shop]:
    import psycopg
    from sqlalchemy.engine import make_url

    server = furnished_postgresql
    name = f"shop_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE furnished".encode())
    database = Database.open(make_url(server).set(database=name).render_as_string(hide_password=False))
    yield open_shop(database, clock)
    database.close()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest) -> Shop:
    """The same test on both engines."""
    found = request.getfixturevalue(f"{request.param}_shop")
    assert isinstance(found, Shop)
    return found
