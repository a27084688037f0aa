"""The sale through the API: one order, one payment from the seller's money, one token, once."""

from __future__ import annotations

import threading
import uuid
from collections import Counter

import pytest
import sqlalchemy as sa
from api_cast import Program, add_key, add_seller, number_of, order, program
from flask import Flask
from shop import Shop

from vending.ledger import queries as ledger
from vending.payments import sellers


def balance(shop: Shop, account: str, unit: str = "ZAR") -> int:
    with shop.db.reading() as session:
        return ledger.balance(session, account, unit)


def rows(shop: Shop, table: str) -> int:
    with shop.db.reading() as session:
        return int(session.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_a_meter_is_looked_up_with_its_owner_masked(kiosk: Program, shop: Shop) -> None:
    answer = kiosk.get(f"/meters/{number_of(shop, 'G-04')}")
    assert answer.status_code == 200, answer.json
    told = answer.json
    assert told["for_sale"] is True
    assert "•" in told["owner"]
    assert told["arrears_minor"] == 128460
    assert told["minimum_minor"] > 0
    assert told["maximum_minor"] == 2_000_00
    assert told["seller"]["remaining_minor"] == 5_000_00


def test_a_trial_tells_the_price_and_sells_nothing(kiosk: Program, shop: Shop) -> None:
    meter = number_of(shop, "G-03")
    answer = kiosk.post("/trials", {"meter": meter, "amount": {"money_minor": 100_00, "currency": "ZAR"}})
    assert answer.status_code == 200, answer.json
    assert answer.json["pays_minor"] == 100_00
    assert sum(line["amount_minor"] for line in answer.json["lines"]) == 100_00
    assert rows(shop, "sale") == 0


def test_a_sale_gives_a_token_and_spends_the_sellers_money_once(kiosk: Program, shop: Shop) -> None:
    asked = order(number_of(shop, "G-03"), 100_00)
    first = kiosk.post("/vends", asked)
    assert first.status_code == 200, first.json
    assert [token["kind"] for token in first.json["tokens"]] == ["credit"]
    assert first.json["seller"]["remaining_minor"] == 4_900_00
    again = kiosk.post("/vends", asked)
    assert again.status_code == 200
    assert again.json["tokens"] == first.json["tokens"]
    assert again.json["seller"]["remaining_minor"] == 4_900_00
    assert rows(shop, "sale") == rows(shop, "token") == 1
    assert balance(shop, "seller/kiosk7") == 4_900_00


def test_the_same_id_with_other_content_is_refused(kiosk: Program, shop: Shop) -> None:
    asked = order(number_of(shop, "G-03"), 100_00)
    kiosk.post("/vends", asked)
    other = kiosk.post("/vends", {**asked, "amount": {"money_minor": 100_01, "currency": "ZAR"}})
    assert (other.status_code, other.json["code"]) == (409, "order_id_reused")
    assert rows(shop, "sale") == 1


def test_the_same_order_sent_by_many_at_once_is_one_sale(kiosk: Program, app: Flask, shop: Shop) -> None:
    asked = order(number_of(shop, "G-03"), 100_00)
    answers = []

    def send() -> None:
        answers.append(program(app, kiosk.secret).post("/vends", asked))

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(answer.status_code for answer in answers) == {200: 12}, [a.json for a in answers]
    assert len({answer.json["tokens"][0]["digits"] for answer in answers}) == 1
    assert rows(shop, "token") == 1
    assert balance(shop, "seller/kiosk7") == 4_900_00


def test_the_limit_blocks_and_says_what_is_left(app: Flask, shop: Shop) -> None:
    add_seller(shop, paid_in=150_00, credit=30_00)
    client = program(app, add_key(shop))
    meter = number_of(shop, "G-03")
    assert client.post("/vends", order(meter, 100_00)).status_code == 200
    refused = client.post("/vends", order(meter, 81_00))
    assert (refused.status_code, refused.json["code"]) == (409, "seller_limit_reached")
    assert refused.json["remaining_minor"] == 80_00
    assert client.post("/vends", order(meter, 80_00)).status_code == 200
    assert balance(shop, "seller/kiosk7") == -30_00
    assert client.get("/seller").json["position"]["remaining_minor"] == 0


def test_a_sale_above_the_keys_own_limit_is_refused_by_money_and_by_energy(
    kiosk: Program, shop: Shop
) -> None:
    asked = order(number_of(shop, "G-03"), 2_000_01)
    by_money = kiosk.post("/vends", asked)
    by_energy = kiosk.post("/vends", {**asked, "amount": {"units": 10_000}})
    for refused in (by_money, by_energy):
        assert (refused.status_code, refused.json["code"]) == (409, "api_key_over_limit")
    assert rows(shop, "sale") == 0


def test_an_answer_of_the_module_that_is_lost_is_202_and_then_the_token(kiosk: Program, shop: Shop) -> None:
    asked = order(number_of(shop, "G-03"), 100_00)
    shop.module.lose_answer = True
    first = kiosk.post("/vends", asked)
    assert (first.status_code, first.json["state"], first.json["tokens"]) == (202, "paid", [])
    assert kiosk.get(f"/vends/{asked['order_id']}").json["state"] == "paid"
    shop.module.lose_answer = False
    again = kiosk.post("/vends", asked)
    assert again.status_code == 200
    assert len(again.json["tokens"]) == 1
    assert rows(shop, "token") == 1


def test_a_module_that_is_away_takes_no_money(kiosk: Program, shop: Shop) -> None:
    shop.module.away = True
    asked = order(number_of(shop, "G-03"))
    refused = kiosk.post("/vends", asked)
    assert (refused.status_code, refused.json["code"]) == (503, "module_not_ready")
    assert refused.headers["Retry-After"]
    assert kiosk.get(f"/vends/{asked['order_id']}").json["code"] == "order_unknown"
    assert kiosk.get("/status").json["ready"] is False
    shop.module.away = False
    assert kiosk.post("/vends", asked).status_code == 200


def test_what_became_of_an_order_the_last_one_and_the_list_agree(kiosk: Program, shop: Shop) -> None:
    meters = [number_of(shop, "G-03"), number_of(shop, "G-05")]
    sold = [kiosk.post("/vends", order(meter)).json for meter in meters for _ in range(2)]
    assert kiosk.get("/vends/last").json["order_id"] == sold[-1]["order_id"]
    assert kiosk.get("/vends/last", meter=meters[0]).json["order_id"] == sold[1]["order_id"]
    assert kiosk.get(f"/vends/{sold[0]['order_id']}").json["tokens"] == sold[0]["tokens"]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = kiosk.get("/vends", limit=3, **cursor).json
        seen += [item["order_id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [one["order_id"] for one in reversed(sold)]


def test_a_confirmation_is_said_once_and_a_copy_is_counted(kiosk: Program, shop: Shop) -> None:
    asked = order(number_of(shop, "G-03"))
    assert kiosk.post(f"/vends/{asked['order_id']}/confirmation").status_code == 404
    sold = kiosk.post("/vends", asked).json
    path = f"/vends/{asked['order_id']}"
    first = kiosk.post(f"{path}/confirmation")
    assert first.status_code == 200, first.json
    assert kiosk.post(f"{path}/confirmation", {}).json["handed_over_at"] == first.json["handed_over_at"]
    assert rows(shop, "seller_handover") == 1
    for number in (1, 2):
        copy = kiosk.post(f"{path}/copies").json
        assert (copy["copy_number"], copy["tokens"]) == (number, sold["tokens"])
    assert rows(shop, "token") == 1


def test_the_header_for_idempotency_says_the_same_or_nothing_is_sold(kiosk: Program, shop: Shop) -> None:
    asked = order(number_of(shop, "G-03"))
    refused = kiosk.post("/vends", asked, **{"Idempotency-Key": str(uuid.uuid4())})
    assert (refused.status_code, refused.json["code"]) == (422, "idempotency_key_differs")
    assert rows(shop, "sale") == 0
    assert kiosk.post("/vends", asked, **{"Idempotency-Key": f'"{asked["order_id"]}"'}).status_code == 200


def test_a_batch_of_a_thousand_orders_goes_by_the_same_way(app: Flask, shop: Shop) -> None:
    add_seller(shop, paid_in=100_000_00)
    client = program(app, add_key(shop))
    meters = [number_of(shop, unit) for unit in ("G-03", "G-05")]
    orders = [order(meters[number % 2], 20_00) for number in range(998)]
    orders.append(order("00000000018"))
    orders.append({**order(meters[0]), "amount": {"money_minor": 5000, "currency": "EUR"}})
    answer = client.post("/batches", {"orders": orders})
    assert answer.status_code == 200, answer.json
    told = answer.json
    assert (told["sold"], told["open"], told["refused"]) == (998, 0, 2)
    assert [result["order_id"] for result in told["results"]] == [one["order_id"] for one in orders]
    assert [result["problem"]["code"] for result in told["results"][-2:]] == [
        "meter_unknown",
        "currency_wrong",
    ]
    assert told["seller"]["remaining_minor"] == 100_000_00 - 998 * 20_00
    again = client.post("/batches", {"orders": orders[:100]}).json
    assert [r["vend"]["tokens"] for r in again["results"]] == [
        r["vend"]["tokens"] for r in told["results"][:100]
    ]
    assert rows(shop, "token") == 998


def test_a_batch_with_one_id_twice_sells_nothing(kiosk: Program, shop: Shop) -> None:
    asked = order(number_of(shop, "G-03"))
    refused = kiosk.post("/batches", {"orders": [asked, asked]})
    assert (refused.status_code, refused.json["code"]) == (422, "order_twice")
    assert rows(shop, "sale") == 0


def test_a_reversal_is_asked_for_and_moves_nothing(kiosk: Program, shop: Shop) -> None:
    asked = order(number_of(shop, "G-03"))
    kiosk.post("/vends", asked)
    before = balance(shop, "seller/kiosk7")
    path = f"/vends/{asked['order_id']}/reversal"
    assert kiosk.post(path, {"reason": "the customer \0 left"}).status_code == 400
    answer = kiosk.post(path, {"why": "wrong-meter", "reason": "The customer meant another meter"})
    assert (answer.status_code, answer.json["state"]) == (202, "asked"), answer.json
    assert kiosk.post(path, {"reason": "once more, please"}).json == answer.json
    assert balance(shop, "seller/kiosk7") == before
    assert rows(shop, "approval_request") == 1


def test_an_order_that_was_never_issued_is_reversed_at_once_and_the_seller_has_his_money(
    kiosk: Program, shop: Shop
) -> None:
    asked = order(number_of(shop, "G-03"), 100_00)
    shop.module.away_for_issue = True
    assert kiosk.post("/vends", asked).status_code == 202
    shop.module.away_for_issue = False
    answer = kiosk.post(f"/vends/{asked['order_id']}/reversal", {"reason": "the customer left"})
    assert (answer.status_code, answer.json["state"]) == (200, "reversed"), answer.json
    assert answer.json["credit_note"]
    assert balance(shop, "seller/kiosk7") == 5_000_00
    again = kiosk.post("/vends", asked)
    assert (again.status_code, again.json["code"]) == (409, "order_not_sold")


def test_a_blocked_seller_sells_nothing_from_the_next_second_on(kiosk: Program, shop: Shop) -> None:
    meter = number_of(shop, "G-03")
    assert kiosk.post("/vends", order(meter)).status_code == 200
    from datetime import timedelta

    from vending.access.policy import SYSTEM

    shop.clock.advance(timedelta(seconds=1))
    with shop.db.writing() as session:
        sellers.block(session, shop.clock, SYSTEM, "KIOSK7", reason="his cash is overdue")
    shop.clock.advance(timedelta(seconds=1))
    refused = kiosk.post("/vends", order(meter))
    assert (refused.status_code, refused.json["code"]) == (409, "seller_blocked")


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [
        ({"money_minor": 1, "currency": "ZAR"}, 422, "sale_too_small"),
        ({"money_minor": 50_00, "currency": "EUR"}, 422, "currency_wrong"),
        ({"money_minor": 50.0, "currency": "ZAR"}, 400, "request_invalid"),
        ({"money_minor": "5000", "currency": "ZAR"}, 400, "request_invalid"),
        ({"money_minor": 0, "currency": "ZAR"}, 400, "request_invalid"),
        ({"money_minor": 5000, "currency": "ZAR", "units": 5}, 400, "request_invalid"),
        ({}, 400, "request_invalid"),
    ],
)
def test_an_unfit_amount_is_refused_and_nothing_is_sold(
    kiosk: Program, shop: Shop, amount: dict[str, object], status: int, code: str
) -> None:
    refused = kiosk.post("/vends", {**order(number_of(shop, "G-03")), "amount": amount})
    assert (refused.status_code, refused.json["code"]) == (status, code)
    assert refused.content_type == "application/problem+json"
    assert rows(shop, "sale") == 0
