"""Fixtures of the module: a fresh demonstration folder is copied, not made, for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import keystore_cast as cast
import pytest


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "module"
    cast.make(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    target = tmp_path / "module"
    shutil.copytree(made, target)
    return target


@pytest.fixture
def source() -> cast.SetTime:
    return cast.SetTime()


@pytest.fixture
def module(folder: Path, source: cast.SetTime) -> Iterator[cast.Module]:
    found = cast.Module(folder, source)
    yield found
    found.engine.log.abandon()
