"""The shop with the real security module in it, made once for each test process and copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keystore_cast
import pytest
from counter import Counter, open_counter
from shop import MORNING, Shop

from keystore import demonstration


@pytest.fixture(scope="session")
def made_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration's module on the morning of the tests."""
    folder = tmp_path_factory.mktemp("made") / "module"
    demonstration.init(folder, source=keystore_cast.SetTime(MORNING))
    return folder


@pytest.fixture
def counter(shop: Shop, made_module: Path, tmp_path: Path) -> Iterator[Counter]:
    found = open_counter(shop, made_module, tmp_path)
    yield found
    found.module.engine.log.abandon()
