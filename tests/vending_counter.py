"""The shop with the real security module in it, made once for each test process and copied for each test."""

from __future__ import annotations

import shutil
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
def module(made_module: Path, tmp_path: Path) -> Iterator[keystore_cast.Module]:
    """A copy of it, open in this process, without a counter around it."""
    folder = tmp_path / "module"
    shutil.copytree(made_module, folder)
    found = keystore_cast.Module(folder, keystore_cast.SetTime(MORNING))
    yield found
    found.engine.log.abandon()


@pytest.fixture
def counter(shop: Shop, made_module: Path, tmp_path: Path) -> Iterator[Counter]:
    found = open_counter(shop, made_module, tmp_path)
    yield found
    found.module.engine.log.abandon()
