"""Third-party sellers: deposit, credit, commission on lines of its own, and a statement that adds up to the cent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from api_cast import Program, add_key, add_seller, number_of, order, program
from flask import Flask
from shop import Shop

from keystore.module import Refused
from vending.access.policy import SYSTEM
from vending.auditor.report import run
from vending.errors import InvalidInput, NotAllowed
from vending.ledger import queries as ledger
from vending.payments import sellers
from vending.payments.sellers import Commission, CommissionUnfit
from vending.payments.tender import SELLER, Tender, TenderUnknown, TransferUsed
from vending.vends.plan import Basket, VendOrder
from vending.vends.service import SaleOutcome


def balance(shop: Shop, account: str) -> int:
    with shop.db.reading() as session:
        return ledger.balance(session, account, "ZAR")


@pytest.mark.parametrize(
    ("text", "points"), [("1.5 %", 150), ("0%", 0), ("25 %", 2500), ("0.01%", 1), (" 10 % ", 1000)]
)
def test_a_commission_is_read_with_its_sign(text: str, points: int) -> None:
    assert Commission.read(text) == Commission(points)


@pytest.mark.parametrize(
    "text", ["1.5", "10", "0.1", "25.01 %", "-1 %", "1.555 %", "many %", "%", "nan %", "1e99999999 %", ""]
)
def test_a_commission_without_a_sign_or_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(CommissionUnfit):
        Commission.read(text)


def test_a_commission_is_rounded_down_and_the_part_of_a_cent_stays() -> None:
    assert Commission(150).of(99) == 1
    assert Commission(150).of(66) == 0
    assert Commission(0).of(10**9) == 0


def test_commission_is_earned_by_the_release_on_lines_of_its_own(kiosk: Program, shop: Shop) -> None:
    asked = order(number_of(shop, "G-03"), 100_00)
    shop.module.lose_answer = True
    assert kiosk.post("/vends", asked).status_code == 202
    assert balance(shop, "commission/kiosk7") == 0
    shop.module.lose_answer = False
    sold = kiosk.post("/vends", asked).json
    assert sold["commission_minor"] == 1_50
    assert sold["seller"]["commission_minor"] == 1_50
    assert balance(shop, "cost/commission/kiosk7") == 1_50
    assert balance(shop, "seller/kiosk7") == 4_900_00
    assert sum(line["amount_minor"] for line in sold["lines"]) == 100_00


def test_when_no_token_comes_the_seller_has_his_money_back(kiosk: Program, shop: Shop) -> None:
    asked = order(number_of(shop, "G-03"), 100_00)
    shop.module.refuse[asked["order_id"]] = Refused(asked["order_id"], "budget-empty", "The budget is empty.")
    for _ in range(2):
        refused = kiosk.post("/vends", asked)
        assert (refused.status_code, refused.json["code"]) == (409, "order_not_sold")
        assert refused.json["order_id"] == asked["order_id"]
    advice = kiosk.get(f"/vends/{asked['order_id']}").json
    assert (advice["state"], advice["refusal"]["code"]) == ("refused", "budget-empty")
    assert balance(shop, "seller/kiosk7") == 5_000_00
    assert balance(shop, "commission/kiosk7") == 0
    assert check_books(shop) == []


def check_books(shop: Shop) -> list[str]:
    with shop.db.reading() as session:
        report = run(session.connection(), now=shop.clock.now())
    return [fault for result in report.results for fault in result.faults]


def test_a_statement_adds_up_and_commission_can_be_settled_once(kiosk: Program, shop: Shop) -> None:
    began = shop.clock.now() - timedelta(hours=1)
    meter = number_of(shop, "G-03")
    for money in (100_00, 33_33, 66_67):
        assert kiosk.post("/vends", order(meter, money)).status_code == 200
    with shop.db.writing() as session:
        for _ in range(2):
            sellers.settle_commission(session, shop.clock, SYSTEM, "KIOSK7", 2_00, reference="november")
        with pytest.raises(InvalidInput):
            sellers.settle_commission(session, shop.clock, SYSTEM, "KIOSK7", 2_00, reference="december")
    shop.clock.advance(timedelta(minutes=1))
    span = {"since": began.isoformat(), "until": shop.clock.now().isoformat()}
    told = kiosk.get("/seller/statement", **span).json
    assert told["paid_in_minor"] == 5_000_00
    assert told["sold_minor"] == 200_00
    assert told["other_minor"] == 2_00
    assert (
        told["opening_minor"]
        + told["paid_in_minor"]
        - told["sold_minor"]
        + told["returned_minor"]
        + told["other_minor"]
        == told["closing_minor"]
        == balance(shop, "seller/kiosk7")
    )
    assert told["commission_earned_minor"] == 1_50 + 49 + 1_00
    assert (
        told["commission_opening_minor"] + told["commission_earned_minor"] - told["commission_paid_minor"]
        == told["commission_closing_minor"]
        == 99
    )
    assert told["rows"][-1]["balance_minor"] == told["closing_minor"]
    assert kiosk.get("/seller/statement", since=span["until"], until=span["since"]).status_code == 422
    assert kiosk.get("/seller/statement", since="2026-11-01T00:00:00", until=span["until"]).status_code == 422
    for year in ("0001-01-{:02}T00:00:00+14:00", "9999-12-{:02}T23:59:00-14:00"):
        beyond = kiosk.get("/seller/statement", since=year.format(1), until=year.format(31))
        assert (beyond.status_code, beyond.json["errors"][0]["where"]) == (422, "since")


def test_money_is_paid_in_once_by_its_reference(shop: Shop) -> None:
    add_seller(shop, paid_in=0)
    with shop.db.writing() as session:
        for _ in range(2):
            sellers.pay_in(session, shop.clock, SYSTEM, "KIOSK7", 100_00, reference="bank-002")
    assert balance(shop, "seller/kiosk7") == 100_00


def test_a_reference_in_other_letters_is_the_same_line_of_the_bank(shop: Shop) -> None:
    add_seller(shop, paid_in=0)
    for reference in ("bank-002", "BANK-002"):
        with shop.db.writing() as session:
            sellers.pay_in(session, shop.clock, SYSTEM, "KIOSK7", 100_00, reference=reference)
    assert balance(shop, "seller/kiosk7") == 100_00


def test_a_seller_does_not_see_the_sales_of_a_till_that_bears_his_name(shop: Shop, app: Flask) -> None:
    add_seller(shop, "N1")
    (sold,) = shop.sell(shop.basket(shop.order("G-03", 100_00)))
    assert isinstance(sold, SaleOutcome)
    seller = program(app, add_key(shop, seller="N1"))
    order_id = sold.sale.vends[0].order_id
    assert seller.get(f"/vends/{order_id}").status_code == 404
    assert seller.get("/vends/last").status_code == 404
    assert seller.get("/vends").json["items"] == []
    wanted = {"reason": "The customer changed his mind."}
    assert seller.post(f"/vends/{order_id}/reversal", wanted).status_code == 404
    assert seller.post(f"/vends/{order_id}/copies").status_code == 404


def test_a_line_of_the_bank_pays_one_seller_or_one_sale(shop: Shop) -> None:
    add_seller(shop)
    add_seller(shop, "KIOSK8")
    with pytest.raises(TransferUsed), shop.db.writing() as session:
        sellers.pay_in(session, shop.clock, SYSTEM, "KIOSK8", 100_00, reference="Bank-kiosk7")
    assert balance(shop, "seller/kiosk8") == 5_000_00
    basket = shop.basket(shop.order("G-03", 100_00))
    (refused,) = shop.sell(replace(basket, tenders=(Tender("transfer", reference="bank-KIOSK8"),)))
    assert isinstance(refused, TransferUsed)


def test_a_cashier_cannot_spend_a_sellers_money(shop: Shop) -> None:
    add_seller(shop, "N1")
    basket = Basket(
        "6f0c2a34-5b1e-4d0f-9a77-1c2d3e4f5a6b",
        (VendOrder("6f0c2a34-5b1e-4d0f-9a77-1c2d3e4f5a6c", shop.meter("G-03"), 100_00),),
        (Tender(SELLER),),
        shop.site,
        "N1",
        "cashier-key",
        "Thandi Nkosi",
    )
    (refused,) = shop.sell(basket)
    assert isinstance(refused, TenderUnknown)
    assert balance(shop, "seller/n1") == 5_000_00


def test_terms_need_the_right_and_a_second_person(shop: Shop, app: Flask) -> None:
    from vending.access.errors import ApprovalRefused
    from vending.access.policy import Actor, Grant
    from vending.access.site_secret import SiteSecret

    add_seller(shop)
    manager = Actor("m", "John", frozenset({Grant("manager", shop.site)}))
    cashier = Actor("c", "Thandi", frozenset({Grant("cashier", shop.site)}))
    with shop.db.writing() as session:
        wanted = sellers.terms(
            sellers.one(session, "KIOSK7"), commission=Commission(1000), credit_limit_minor=10**6
        )
        with pytest.raises(ApprovalRefused):
            sellers.set_terms(session, shop.clock, SiteSecret(bytes(32)), manager, wanted, approval="made-up")
        with pytest.raises(NotAllowed):
            sellers.pay_in(session, shop.clock, cashier, "KIOSK7", 100, reference="bank-9")
        with pytest.raises(NotAllowed):
            sellers.block(session, shop.clock, cashier, "KIOSK7", reason="because")


def test_a_key_without_a_seller_sells_nothing(app: Flask, shop: Shop) -> None:
    client = program(app, add_key(shop, seller=None))
    refused = client.post("/vends", order(number_of(shop, "G-03")))
    assert (refused.status_code, refused.json["code"]) == (409, "seller_missing")
