"""A shop whose security module is the real one, in this process: its signatures, its log, its proofs."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import Shop, open_shop
from vending_counter import made_module, module

from vending.clock import FixedClock
from vending.db import Database

__all__ = ["made_module", "module"]


@pytest.fixture
def shop(furnished_sqlite: Path, clock: FixedClock, tmp_path: Path) -> Iterator[Shop]:
    path = tmp_path / "ampoule.db"
    shutil.copy(furnished_sqlite, path)
    database = Database.open(f"sqlite:///{path}")
    yield open_shop(database, clock)
    database.close()
