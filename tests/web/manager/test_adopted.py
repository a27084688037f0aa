"""After a restore: a manager sees each order that was taken in from the log, and books what was paid for it."""

from __future__ import annotations

import re
import uuid

import pytest
from flask import Flask
from shop import Shop
from web_app import post, sign_in

from keystore.module import CreditRequest, MeterKeying
from vending import audit
from vending.auditor import report
from vending.estate import queries as estate
from vending.ledger import queries as books
from vending.vends import adopting, log_fence


@pytest.fixture
def lost(shop: Shop) -> list[adopting.Adopted]:
    """Two orders that the module has and the restored database had not."""
    for unit in ("G-03", "G-05"):
        with shop.db.reading() as session:
            meter = estate.one_meter(session, shop.clock, shop.meter(unit))
        keying = MeterKeying(meter.pan, "11", "02", "04", "600727", 1, "01", 2, 255, 2014)
        shop.module.issue(
            [CreditRequest(str(uuid.uuid4()), keying, "electricity", 0, 123, "small", "0" * 64)]
        )
    found = log_fence.look(shop.db, shop.module, shop.module.status())  # type: ignore[arg-type] — the fake has what is asked
    return adopting.adopt(shop.db, shop.clock, shop.module, found.missing, actor=audit.SYSTEM)  # type: ignore[arg-type] — the fake has what is asked


def test_a_manager_sees_what_waits_and_books_it(app: Flask, shop: Shop, lost: list[adopting.Adopted]) -> None:
    client = sign_in(app, "manager")
    page = client.get("/manager/adopted").get_data(as_text=True)
    assert "ADOPTED-000001" in page
    assert "ADOPTED-000002" in page
    assert "12.3 kWh" in page
    form = client.get("/manager/adopted/ADOPTED-000001").get_data(as_text=True)
    assert re.search(r'value="loss/adopted"', form)
    for wrong in (
        {"paid": "0", "evidence": "Paper N1-17"},
        {"paid": "50", "evidence": "x"},
        {"paid": "50", "account": "customer/1", "evidence": "Paper N1-17"},
    ):
        answer = post(client, "/manager/adopted/ADOPTED-000001", **{"account": "bank/main", **wrong})
        assert answer.status_code == 422, wrong
    done = post(
        client,
        "/manager/adopted/ADOPTED-000001",
        paid="50.00",
        account="bank/main",
        evidence="Paper N1-000017",
    )
    assert done.status_code == 303, done.get_data(as_text=True)
    with shop.db.reading() as session:
        assert books.balance(session, "bank/main", "ZAR") == 5_000
        assert report.run(session.connection(), now=shop.clock.now()).clean
    page = client.get("/manager/adopted").get_data(as_text=True)
    assert "ADOPTED-000001 is booked" in page
    assert "/manager/adopted/ADOPTED-000001" not in page
    again = post(
        client,
        "/manager/adopted/ADOPTED-000001",
        paid="50.00",
        account="bank/main",
        evidence="Paper N1-000017",
    )
    assert again.status_code == 404


@pytest.mark.parametrize("role", ["cashier", "supervisor", "engineer"])
def test_nobody_else_books_it(app: Flask, lost: list[adopting.Adopted], role: str) -> None:
    client = sign_in(app, role)
    assert client.get("/manager/adopted").status_code == 403
    answer = post(
        client, "/manager/adopted/ADOPTED-000001", paid="50", account="bank/main", evidence="Paper N1-000017"
    )
    assert answer.status_code == 403
