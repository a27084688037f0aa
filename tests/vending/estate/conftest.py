"""The small site of the cast, as a fixture on both databases."""

import pytest
from estate_cast import Ground, lay

from vending.clock import FixedClock
from vending.db import Database


@pytest.fixture
def ground(database: Database, clock: FixedClock) -> Ground:
    return lay(database, clock)
