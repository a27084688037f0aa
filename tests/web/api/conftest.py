"""A seller with money, a key that sells for him, and a key of the sandbox."""

import pytest
from api_cast import EVERY_SCOPE, Program, add_key, add_seller, program
from flask import Flask
from shop import Shop

from vending.access.api_keys import SANDBOX


@pytest.fixture
def kiosk(app: Flask, shop: Shop) -> Program:
    add_seller(shop)
    return program(app, add_key(shop))


@pytest.fixture
def reader(app: Flask, shop: Shop) -> Program:
    """A program of the site itself: it reads everything and sells nothing."""
    scopes = ("estate.read", "sale.read", "ledger.read", "tariff.read")
    return program(app, add_key(shop, scopes=scopes, seller=None))


@pytest.fixture
def sandbox(app: Flask, shop: Shop) -> Program:
    return program(app, add_key(shop, site=SANDBOX, scopes=EVERY_SCOPE, seller=None))
