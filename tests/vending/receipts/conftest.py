"""A shop whose security module is the real one, in this process: its signatures, its log, its proofs."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import keystore_cast
import pytest
from shop import MORNING, Shop, open_shop

from keystore import demonstration
from vending.clock import FixedClock
from vending.db import Database


@pytest.fixture(scope="session")
def made_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("receipts") / "module"
    demonstration.init(folder, source=keystore_cast.SetTime(MORNING))
    return folder


@pytest.fixture
def module(made_module: Path, tmp_path: Path) -> Iterator[keystore_cast.Module]:
    folder = tmp_path / "module"
    shutil.copytree(made_module, folder)
    found = keystore_cast.Module(folder, keystore_cast.SetTime(MORNING))
    yield found
    found.engine.log.abandon()


@pytest.fixture
def shop(furnished_sqlite: Path, clock: FixedClock, tmp_path: Path) -> Iterator[Shop]:
    path = tmp_path / "ampoule.db"
    shutil.copy(furnished_sqlite, path)
    database = Database.open(f"sqlite:///{path}")
    yield open_shop(database, clock)
    database.close()
