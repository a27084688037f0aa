"""The vault of a site, and a way to let each of the cast sign in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vending.access import service
from vending.access.service import Signed
from vending.access.site_secret import SiteSecret
from vending.clock import FixedClock
from vending.db import Database


@pytest.fixture
def vault(tmp_path: Path) -> SiteSecret:
    return SiteSecret.of_folder(tmp_path / "secret")


@pytest.fixture
def enter(clock: FixedClock) -> Callable[[Database, str], Signed]:
    """A living session of this person, without the slow hash of the password."""

    def _enter(db: Database, key: str) -> Signed:
        with db.writing() as session:
            secret = service.open_session(session, clock, key, address="127.0.0.1", factor=None)
        return service.session_of(db, clock, secret)

    return _enter
