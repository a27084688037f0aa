"""The small site of the cast with one meter, on both databases."""

import pytest
from estate_cast import KEYING, Ground, lay

from sts import drn
from vending.access.policy import SYSTEM
from vending.clock import FixedClock
from vending.db import Database
from vending.estate import meters


@pytest.fixture
def ground(database: Database, clock: FixedClock) -> Ground:
    return lay(database, clock)


@pytest.fixture
def meter(database: Database, clock: FixedClock, ground: Ground) -> str:
    with database.writing() as session:
        return meters.add_meter(
            session, clock, SYSTEM, site=ground.site, number=drn.of("0700000011"), service="electricity",
            keying=KEYING, space=ground.shop, label="G-12",
        )  # fmt: skip
