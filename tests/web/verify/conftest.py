"""The application with the real security module in this process, and a receipt that it signed."""

from pathlib import Path

import keystore_cast
import pytest
from flask import Flask
from shop import Shop
from vending_counter import made_module, module
from web_app import open_app

from vending.receipts.slip import squares_of
from vending.vends import queries
from vending.vends import service as vends
from vending.vends.queries import SaleView
from vending.web.verify import pages

__all__ = ["made_module", "module"]


@pytest.fixture
def app(shop: Shop, module: keystore_cast.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    shop.module = module  # type: ignore[assignment]
    monkeypatch.setattr(pages, "PACE", pages.Pace(each=30, all=600))
    return open_app(shop, tmp_path / "site")


@pytest.fixture
def sale(app: Flask, shop: Shop) -> SaleView:
    (outcome,) = shop.sell(shop.basket(shop.order("G-04", 150_000)))
    assert isinstance(outcome, vends.SaleOutcome), outcome
    with shop.db.reading() as session:
        return queries.one_sale(session, outcome.sale_key)


@pytest.fixture
def squares(sale: SaleView) -> str:
    return "\n".join(squares_of(sale))
