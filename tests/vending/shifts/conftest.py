"""A desk in the shop, on each engine."""

import pytest
from desk_cast import Desk, open_desk
from shop import Shop


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return open_desk(shop)
