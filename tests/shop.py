"""A small site to sell at in tests: the demonstration's twelve units and tariffs, with a module that lives in the test."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from fakes import FakeModule

from vending import demonstrating, migrating
from vending.clock import FixedClock
from vending.db import Database
from vending.demonstration import loader
from vending.estate import queries as estate
from vending.payments.tender import Tender
from vending.vends import queries
from vending.vends import service as vends
from vending.vends.plan import Basket, VendOrder

MORNING = datetime(2026, 11, 20, 8, 42, tzinfo=UTC)


@dataclass
class Shop:
    db: Database
    clock: FixedClock
    module: FakeModule
    site: str

    def meter(self, unit: str, service: str = "electricity") -> str:
        with self.db.reading() as session:
            found = estate.find_meters(session, self.clock, unit, sites=(self.site,))
        return next(meter.key for meter in found if meter.service == service)

    def basket(
        self, *orders: VendOrder, received: int = 10_000_000, till: str = "N1", sale_id: str | None = None
    ) -> Basket:
        return Basket(
            sale_id or str(uuid.uuid4()),
            orders,
            (Tender("cash", received),),
            self.site,
            till,
            "cashier-key",
            "Thandi Nkosi",
        )

    def order(self, unit: str, money_minor: int, service: str = "electricity") -> VendOrder:
        return VendOrder(str(uuid.uuid4()), self.meter(unit, service), money_minor=money_minor)

    def sell(self, *baskets: Basket) -> list[vends.SaleOutcome | Exception]:
        """Every test that sells holds what the seller is told against what stands in the database."""
        outcomes = vends.sell(self.db, self.clock, self.module, baskets)
        with self.db.reading() as session:
            for outcome in outcomes:
                if isinstance(outcome, vends.SaleOutcome):
                    assert outcome.sale == queries.one_sale(session, outcome.sale_key)
        return outcomes


def furnish(database: Database) -> None:
    """Tariffs, estate, people and one old debt, as `make run` makes them."""
    clock = FixedClock(MORNING)
    demonstrating.publish_tariffs(database, clock)
    loaded = loader.load(database, clock)
    with database.writing() as session:
        demonstrating.owe(session, clock, loaded.site_key)
        demonstrating.publish_fees(session, clock, loaded.site_key)


def open_shop(database: Database, clock: FixedClock) -> Shop:
    with database.reading() as session:
        (site,) = estate.list_sites(session)
    return Shop(database, clock, FakeModule(), site.key)


def migrated(shop: Shop) -> Shop:
    """The shop's tables were made without migrations; a site's know their version."""
    with shop.db.writing() as session:
        session.execute(
            sa.text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL)")
        )
        session.execute(
            sa.text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": migrating.revisions()[-1]}
        )
    return shop
