"""Real sales, whatever happened to them, leave books in which the auditor finds nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from shop import Shop

from keystore.module import Refused
from vending import audit
from vending.auditor.report import Report, run
from vending.ledger import closing
from vending.vends import service as vends


class Manager:
    key = "m1"
    name = "Mara Manager"


def audited(shop: Shop) -> Report:
    with shop.db.reading() as session:
        return run(session.connection(), now=shop.clock.now())


def test_the_auditor_finds_nothing_in_real_sales(shop: Shop) -> None:
    shop.sell(shop.basket(shop.order("G-03", 50_000), shop.order("G-05", 12_345)))
    refused = shop.order("G-03", 15_000)
    shop.module.refuse[refused.order_id] = Refused(refused.order_id, "budget-spent", "The budget is spent.")
    shop.sell(shop.basket(refused))
    shop.sell(shop.basket(shop.order("G-03", 20_000)))
    shop.module.lose_answer = True
    shop.sell(shop.basket(shop.order("G-04", 150_000)))
    waiting = audited(shop)
    assert [fault for result in waiting.results for fault in result.faults] == []
    shop.module.lose_answer = False
    shop.clock.advance(timedelta(minutes=1))
    vends.complete(shop.db, shop.clock, shop.module, vends.list_open(shop.db, shop.clock))
    closing.take_snapshots(shop.db, least=1)
    closing.close_period(shop.db, shop.clock, until=shop.clock.now(), actor=Manager, reason="Month end")
    with shop.db.writing() as session:
        audit.close_batch(session, shop.clock)
    report = audited(shop)
    assert [fault for result in report.results for fault in result.faults] == []
    rows = {result.check.code: result.looked_at for result in report.results}
    assert rows["sales.energy_is_booked"] == 4
    assert rows["people.trail"] > 5
    assert rows["ledger.periods"] == 1


@pytest.mark.parametrize("statement", ["UPDATE vend SET units = units + 1 WHERE state = 'issued'"])
def test_the_auditor_finds_a_sale_that_was_made_larger(shop: Shop, statement: str) -> None:
    shop.sell(shop.basket(shop.order("G-03", 50_000)))
    with shop.db.migrating() as connection:
        connection.exec_driver_sql(statement)
        connection.commit()
    assert {result.check.code for result in audited(shop).results if result.faults} == {
        "sales.energy_is_booked",
        "sales.tokens_carry_what_was_sold",
    }
