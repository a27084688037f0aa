"""Unclaimed money, refunds, corrections and vouchers by their pages."""

from __future__ import annotations

import re
import uuid

import pytest
from desk_cast import Desk, open_desk
from flask import Flask
from shop import Shop
from web_app import form_word, post, sign_in
from werkzeug.test import TestResponse

from vending.estate import queries as estate
from vending.ledger import queries as books
from vending.shifts.limits import LimitRow, set_limits
from vending.vends import queries
from vending.vends import service as vends


@pytest.fixture
def desk(shop: Shop) -> Desk:
    made = open_desk(shop)
    with shop.db.writing() as session:
        set_limits(
            session, shop.clock, made.john, shop.site, LimitRow("", special_minor=5_000), reason="Start"
        )
    return made


def text_of(answer: TestResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)))


def test_money_for_nobody_finds_its_owner_and_is_given_back(app: Flask, desk: Desk) -> None:
    shift = desk.open()
    cashier, boss = sign_in(app, "cashier"), sign_in(app, "supervisor")
    assert cashier.get("/cashier/unclaimed").status_code == 200
    short = post(cashier, "/cashier/unclaimed", amount="80", way="cash", note="?")
    assert short.status_code == 422
    assert 'value="80"' in short.get_data(as_text=True)
    assert (
        post(cashier, "/cashier/unclaimed", amount="80", way="cash", note="A man from G-03").status_code
        == 303
    )
    page = boss.get("/supervisor/unclaimed").get_data(as_text=True)
    assert "A man from G-03" in page
    address = re.findall(r"/supervisor/unclaimed/[0-9a-f]+", page)[0]
    nobody = post(boss, address, unit="Z-99", amount="80", reason="He came back", evidence="Slip")
    assert nobody.status_code == 422
    assert (
        post(boss, address, unit="G-03", amount="80", reason="He came back", evidence="Slip").status_code
        == 303
    )
    assert "G-03" in text_of(cashier.get("/cashier/refunds?q=G-03"))
    with desk.shop.db.reading() as session:
        meter = estate.one_meter(session, desk.shop.clock, desk.shop.meter("G-03"))
    assert meter.tenant is not None
    form = f"/cashier/refunds/to/{meter.tenant.key}"
    request = re.findall(r'name="request"[^>]*value="([^"]+)"', cashier.get(form).get_data(as_text=True))[0]
    fields = {
        "request": request,
        "source": "kept",
        "way": "cash",
        "reason": "Moved away",
        "evidence": "Passport",
    }
    assert post(cashier, form, amount="90", **fields).status_code == 303, (
        "above the limit a supervisor is asked"
    )
    asked = boss.get("/supervisor/approvals").get_data(as_text=True)
    assert "Moved away" in asked
    assert "90.00" in asked
    given = post(cashier, form, amount="50", **{**fields, "request": str(uuid.uuid4())})
    assert given.location == "/cashier/refunds/N1-R-000001"
    paper = text_of(cashier.get(given.location))
    assert "R 50.00" in paper
    assert "no, within the limit" in paper
    with desk.shop.db.reading() as session:
        assert books.balance(session, f"kept/{meter.tenant.key}", "ZAR") == 3_000
        assert books.balance(session, "cash/n1", "ZAR") == 50_000 + 8_000 - 5_000
    assert shift


def test_a_wrong_way_of_paying_is_asked_for_agreed_to_and_put_right(app: Flask, desk: Desk) -> None:
    shift = desk.open()
    (outcome,) = desk.shop.sell(desk.basket(shift, 30_000))
    assert isinstance(outcome, vends.SaleOutcome)
    cashier, boss = sign_in(app, "cashier"), sign_in(app, "supervisor")
    address = f"/cashier/vends/{outcome.sale_key}/tender"
    assert address in cashier.get(f"/cashier/vends/{outcome.sale_key}").get_data(as_text=True)
    fields = {"position": "1", "to": "card", "reason": "Wrong key", "evidence": "Terminal slip"}
    assert post(cashier, address, **fields).status_code == 422, "a card has a reference"
    assert post(cashier, address, reference="T-9", **fields).status_code == 303
    page = boss.get("/supervisor/approvals").get_data(as_text=True)
    action = re.findall(r'action="(/supervisor/approvals/[0-9a-f]+[^"]*)"', page)[0]
    agreed = boss.post(
        action,
        data={
            "csrf_token": form_word(page),
            "decision": "yes",
            "confirm": "lantern-supervisor",
            "act": "yes",
        },
    )
    assert agreed.status_code == 303, text_of(agreed)
    with desk.shop.db.reading() as session:
        assert [one.way for one in queries.one_sale(session, outcome.sale_key).taken] == ["card"]
        assert books.balance(session, "card/n1", "ZAR") == 30_000


def test_vouchers_are_entered_by_a_manager_and_pay_at_the_till(app: Flask, desk: Desk) -> None:
    manager = sign_in(app, "manager")
    fields = {"issuer": "The mall", "amount": "200", "numbers": "GIFT-1001\nGIFT-1002", "reason": "Christmas"}
    assert post(manager, "/supervisor/vouchers/new", **{**fields, "valid_until": "never"}).status_code == 422
    assert post(manager, "/supervisor/vouchers/new", **fields).status_code == 303
    assert "GIFT1001" in text_of(manager.get("/supervisor/vouchers"))
    assert post(manager, "/supervisor/vouchers/new", **fields).status_code == 422
    assert sign_in(app, "cashier").get("/supervisor/vouchers").status_code == 403
