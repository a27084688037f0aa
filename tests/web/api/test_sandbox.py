"""The sandbox: each reserved meter does what its table says, and nothing real comes of any of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from api_cast import Program, add_key, number_of, order, program
from flask import Flask
from shop import Shop

from vending.access.api_keys import SANDBOX
from vending.sandbox import meters
from vending.web.api import sandbox_desk


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_desk, "SLOW_S", 0.01)


def number(serial: int) -> str:
    return meters.RESERVED[serial - 1].number


def books(shop: Shop) -> dict[str, int]:
    with shop.db.reading() as session:
        return {
            name: int(session.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one())
            for name in ("sale", "vend", "token", "payment", "ledger_entry", "outbox")
        }


def test_nothing_real_comes_of_it(sandbox: Program, shop: Shop) -> None:
    before, asked = books(shop), shop.module.messages
    for meter in meters.RESERVED:
        for path in (f"/meters/{meter.number}", "/vends", "/seller", "/tenants", "/meters"):
            sandbox.get(path)
        sandbox.post("/vends", order(meter.number))
    assert books(shop) == before
    assert shop.module.messages == asked
    assert sandbox.get(f"/meters/{number_of(shop, 'G-03')}").status_code == 404


def test_its_tokens_are_impossible_for_every_meter(sandbox: Program) -> None:
    answer = sandbox.post("/vends", order(number(1))).json
    assert all(int(token["digits"]) >= 2**66 for token in answer["tokens"])


def test_a_site_does_not_know_its_meters_and_its_key_opens_no_site(kiosk: Program) -> None:
    assert kiosk.get(f"/meters/{number(1)}").status_code == 404
    assert kiosk.post("/vends", order(number(1))).status_code == 404


SIMPLE: list[tuple[int, int, Any]] = [
    (1, 200, ["credit"]),
    (2, 200, ["credit"]),
    (3, 409, "meter_not_for_sale"),
    (4, 200, ["key-change", "key-change", "credit"]),
    (5, 200, ["allowance", "credit"]),
    (6, 200, []),
    (7, 200, ["credit"]),
    (11, 409, "order_not_sold"),
    (13, 409, "seller_limit_reached"),
]


@pytest.mark.parametrize(("serial", "status", "told"), SIMPLE)
def test_an_outcome_is_the_same_however_often_it_is_asked(
    sandbox: Program, serial: int, status: int, told: Any
) -> None:
    asked = order(number(serial))
    for _ in range(2):
        answer = sandbox.post("/vends", asked)
        assert answer.status_code == status, answer.json
        found = [one["kind"] for one in answer.json["tokens"]] if status == 200 else answer.json["code"]
        assert found == told


FIRST_TIME: list[tuple[int, int, str]] = [
    (12, 503, "module_not_ready"),
    (14, 429, "api_key_too_fast"),
    (15, 500, "fault"),
]


@pytest.mark.parametrize(("serial", "status", "code"), FIRST_TIME)
def test_what_goes_wrong_at_first_comes_right_with_the_same_id(
    sandbox: Program, serial: int, status: int, code: str
) -> None:
    asked = order(number(serial))
    first = sandbox.post("/vends", asked)
    assert (first.status_code, first.json["code"]) == (status, code)
    advice = sandbox.get(f"/vends/{asked['order_id']}")
    assert advice.status_code == (200 if code == "fault" else 404)
    assert sandbox.post("/vends", asked).status_code == 200


def test_an_answer_that_is_lost_is_found_by_advice(sandbox: Program) -> None:
    after, before = order(number(8)), order(number(9))
    for asked in (after, before):
        broken = sandbox.post("/vends", asked)
        assert int(broken.headers["Content-Length"]) > len(broken.get_data())
    assert sandbox.get(f"/vends/{after['order_id']}").json["state"] == "issued"
    unknown = sandbox.get(f"/vends/{before['order_id']}")
    assert (unknown.status_code, unknown.json["code"]) == (404, "order_unknown")
    assert sandbox.post("/vends", before).status_code == 200


def test_an_undecided_order_is_decided_when_it_is_asked_about(sandbox: Program) -> None:
    asked = order(number(10))
    assert sandbox.post("/vends", asked).status_code == 202
    path = f"/vends/{asked['order_id']}"
    assert [sandbox.get(path).json["state"] for _ in range(3)] == ["paid", "issued", "issued"]


def test_large_amounts_come_as_several_tokens(sandbox: Program) -> None:
    sold = sandbox.post("/vends", {**order(number(16)), "amount": {"units": 2500}}).json
    assert [token["units"] for token in sold["tokens"]] == [1000, 1000, 500]
    assert sold["units"] == 2500


def test_the_play_money_ends_and_comes_back_the_next_day(app: Flask, shop: Shop) -> None:
    client = program(app, add_key(shop, site=SANDBOX, seller=None, sale_limit_minor=1_000_000))
    assert client.post("/vends", order(number(1), 999_900)).status_code == 200
    refused = client.post("/vends", order(number(1), 50_00))
    assert (refused.status_code, refused.json["code"]) == (409, "seller_limit_reached")
    assert refused.json["remaining_minor"] == 100
    shop.clock.advance(timedelta(days=1))
    assert client.post("/vends", order(number(1), 50_00)).status_code == 200


def test_two_keys_of_the_sandbox_know_nothing_of_each_other(app: Flask, shop: Shop, sandbox: Program) -> None:
    asked = order(number(1))
    mine = sandbox.post("/vends", asked).json
    other = program(app, add_key(shop, site=SANDBOX, seller=None))
    assert other.get(f"/vends/{asked['order_id']}").status_code == 404
    assert other.post("/vends", asked).json["tokens"] != mine["tokens"]


def test_the_rest_of_the_api_answers_in_the_sandbox_too(sandbox: Program, shop: Shop) -> None:
    asked = order(number(1))
    sandbox.post("/vends", asked)
    path = f"/vends/{asked['order_id']}"
    assert sandbox.post(f"{path}/confirmation").json["handed_over_at"]
    assert sandbox.post(f"{path}/copies").json["copy_number"] == 1
    assert sandbox.post(f"{path}/reversal", {"reason": "wrong meter"}).status_code == 202
    trial = {"meter": number(2), "amount": {"money_minor": 10_000, "currency": "ZAR"}}
    lines = sandbox.post("/trials", trial).json["lines"]
    assert sum(line["amount_minor"] for line in lines) == 10_000
    assert any(line["kind"] == "deduction" for line in lines)
    assert sandbox.get("/vends/last").json["order_id"] == asked["order_id"]
    assert len(sandbox.get("/meters", limit=5).json["items"]) == 5
    assert sandbox.get("/status").json["sandbox"] is True
    now = shop.clock.now()
    statement = sandbox.get(
        "/seller/statement",
        since=(now - timedelta(days=1)).isoformat(),
        until=(now + timedelta(days=1)).isoformat(),
    ).json
    assert statement["opening_minor"] - statement["sold_minor"] == statement["closing_minor"]
    tenant = sandbox.get("/tenants", limit=2).json["items"][1]["key"]
    assert sandbox.get(f"/tenants/{tenant}/balances").json["balances"][-1]["account"] == "debt/last-year"
