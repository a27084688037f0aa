"""The application on SQLite, furnished once for each test process."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from shop import Shop, furnish, open_shop
from web_app import open_app

from vending.clock import FixedClock
from vending.db import Database


@pytest.fixture(scope="session")
def furnished(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("web") / "ampoule.db"
    shutil.copy(sqlite_template, path)
    database = Database.open(f"sqlite:///{path}")
    furnish(database)
    database.close()
    return path


@pytest.fixture
def shop(furnished: Path, clock: FixedClock, tmp_path: Path) -> Iterator[Shop]:
    path = tmp_path / "ampoule.db"
    shutil.copy(furnished, path)
    database = Database.open(f"sqlite:///{path}")
    yield open_shop(database, clock)
    database.close()


@pytest.fixture
def app(shop: Shop, tmp_path: Path) -> Flask:
    return open_app(shop, tmp_path / "site")
