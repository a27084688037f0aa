"""T-16 for programs: every address by every scope, keys that open nothing, other sites and other sellers, cookies, pace."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from api_cast import EVERY_SCOPE, Program, add_key, add_seller, number_of, order, program
from flask import Flask
from shop import Shop
from web_app import sign_in

from vending.access import api_keys
from vending.access.policy import SYSTEM
from vending.clock import FixedClock
from vending.web import errors as table
from vending.web.api import document
from vending.web.api.app import ADDRESSES, Api
from vending.web.api.operations import OPERATIONS, Operation
from vending.web.api.schemas import Nothing

PARTS = {"number": "00000000018", "order_id": str(uuid.UUID(int=7)), "key": "0" * 16, "code": "fault"}


def ask(client: Program, operation: Operation) -> Any:
    path = operation.path.format(**PARTS)
    if operation.method == "GET":
        return client.get(path)
    return client.post(path, {} if operation.body is Nothing else {"made": "up"})


def test_the_url_map_is_the_document_exactly(app: Flask) -> None:
    described = {
        (method.upper(), path)
        for path, operations in document.document()["paths"].items()
        for method in operations
    }
    served = {(operation.method, operation.path) for operation in OPERATIONS}
    assert served == described
    assert len(served) == len(OPERATIONS)
    for operation in OPERATIONS:
        assert ADDRESSES.find(operation.method, operation.path.format(**PARTS))[0] is operation
    # And mounted where the pages are, with nothing before it.
    assert [type(mounted) for mounted in app.wsgi_app.mounts.values()] == [Api]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_an_address_opens_to_its_scopes_and_to_no_other(app: Flask, shop: Shop, operation: Operation) -> None:
    for scope in EVERY_SCOPE:
        held = operation.is_public or scope in {permission.value for permission in operation.needs}
        answer = ask(program(app, add_key(shop, scopes=(scope,), seller=None)), operation)
        assert (answer.status_code != 403) is held, (scope, answer.status_code, answer.json)
        assert answer.status_code < 500
        assert answer.status_code in {*operation.answers, *operation.statuses}, answer.status_code


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_without_a_key_only_what_is_public_is_open(app: Flask, operation: Operation) -> None:
    for secret in ("", "ampoule_made-up", "x" * 500, "ampoule_" + "é" * 9):
        answer = ask(Program(app.test_client(), secret.encode().decode("latin-1")), operation)
        assert (answer.status_code == 401) is not operation.is_public
        if not operation.is_public:
            assert answer.json["code"] == "api_key_refused"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_signed_in_browser_is_nobody_here_and_no_cookie_is_set(app: Flask, kiosk: Program) -> None:
    browser = sign_in(app, "manager")
    answer = browser.get("/api/v1/tenants")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "Set-Cookie" not in kiosk.get("/status").headers


def test_a_withdrawn_key_opens_nothing_a_second_later(kiosk: Program, shop: Shop) -> None:
    assert kiosk.get("/status").status_code == 200
    shop.clock.advance(timedelta(seconds=1))
    with shop.db.writing() as session:
        (view,) = api_keys.list_keys(session, SYSTEM)
        api_keys.revoke(session, shop.clock, SYSTEM, view.key, reason="leaked")
    shop.clock.advance(timedelta(seconds=1))
    assert kiosk.get("/status").status_code == 401


def test_a_key_that_is_withdrawn_under_a_clock_set_back_opens_nothing_either(
    kiosk: Program, shop: Shop
) -> None:
    with shop.db.reading() as session:
        (view,) = api_keys.list_keys(session, SYSTEM)
    add_key(shop)
    tomorrow = FixedClock(shop.clock.now() + timedelta(days=1))
    with shop.db.writing() as session:
        other = next(one for one in api_keys.list_keys(session, SYSTEM) if one.key != view.key)
        api_keys.revoke(session, tomorrow, SYSTEM, other.key, reason="leaked")
    assert kiosk.get("/status").status_code == 200
    with shop.db.writing() as session:
        api_keys.revoke(session, shop.clock, SYSTEM, view.key, reason="leaked too")
    shop.clock.advance(timedelta(seconds=1))
    assert kiosk.get("/status").status_code == 401


def test_a_key_ends_at_its_moment_though_it_is_remembered(kiosk: Program, shop: Shop) -> None:
    shop.clock.advance(timedelta(days=90) - timedelta(seconds=2))
    assert kiosk.get("/status").status_code == 200
    shop.clock.advance(timedelta(seconds=2))
    assert kiosk.get("/status").status_code == 401


def test_who_asks_too_often_waits_and_is_told_how_long(app: Flask, shop: Shop) -> None:
    client = program(app, add_key(shop, scopes=("estate.read",), seller=None, calls_a_minute=3))
    left = [client.get("/status").headers["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = client.get("/status")
    assert (refused.status_code, refused.json["code"]) == (429, "api_key_too_fast")
    assert int(refused.headers["Retry-After"]) > 0
    shop.clock.advance(timedelta(seconds=61))
    assert client.get("/status").status_code == 200


def test_another_sellers_order_is_not_there_and_its_id_is_of_no_use(
    app: Flask, shop: Shop, kiosk: Program
) -> None:
    asked = order(number_of(shop, "G-03"))
    token = kiosk.post("/vends", asked).json["tokens"][0]["digits"]
    add_seller(shop, "OTHER7")
    other = program(app, add_key(shop, seller="OTHER7"))
    path = f"/vends/{asked['order_id']}"
    for answer in (
        other.get(path),
        other.post(f"{path}/copies"),
        other.post(f"{path}/confirmation"),
        other.post(f"{path}/reversal", {"reason": "let me see it"}),
        other.get("/vends/last"),
    ):
        assert answer.status_code == 404
        assert token not in answer.get_data(as_text=True)
    # The same request word for word, from another: not his sale, not his token, and no second sale either.
    stolen = other.post("/vends", asked)
    assert (stolen.status_code, stolen.json["code"]) == (409, "order_id_reused")
    assert token not in stolen.get_data(as_text=True)
    assert other.get("/vends").json["items"] == []
    assert other.get("/seller").json["position"]["remaining_minor"] == 5_000_00


def test_another_sites_things_are_not_there(app: Flask, shop: Shop, kiosk: Program, reader: Program) -> None:
    meter = number_of(shop, "G-03")
    asked = order(meter)
    kiosk.post("/vends", asked)
    tenant = reader.get("/tenants").json["items"][0]["key"]
    assert reader.get(f"/tenants/{tenant}/balances").status_code == 200
    scopes = ("estate.read", "sale.read", "ledger.read", "sale.reprint", "sale.make")
    with shop.db.writing() as session:
        session.execute(
            sa.text(
                "INSERT INTO site (key, operator_key, name, address, time_zone, currency, languages, taxes, created_at) "
                "SELECT 'elsewhere', operator_key, 'Elsewhere', '', time_zone, currency, languages, taxes, created_at FROM site"
            )
        )
    foreign = program(app, add_key(shop, site="elsewhere", scopes=scopes))
    for answer in (
        foreign.get(f"/meters/{meter}"),
        foreign.get(f"/vends/{asked['order_id']}"),
        foreign.get("/vends/last", meter=meter),
        foreign.get(f"/tenants/{tenant}/balances"),
        foreign.post(f"/vends/{asked['order_id']}/copies"),
    ):
        assert answer.status_code == 404, answer.json
    for path in ("/meters", "/tenants", "/vends"):
        assert foreign.get(path).json["items"] == []
    # The seller belongs to the other site, so his money is out of reach from here.
    refused = foreign.post("/vends", asked)
    assert (refused.status_code, refused.json["code"]) == (409, "seller_missing")


def test_names_are_masked_for_who_sells(app: Flask, shop: Shop, reader: Program) -> None:
    add_seller(shop)
    seller = program(app, add_key(shop, scopes=("estate.read", "sale.make")))
    full = [row["name"] for row in reader.get("/tenants").json["items"]]
    masked = [row["name"] for row in seller.get("/tenants").json["items"]]
    assert len(full) == len(masked) > 3
    assert all("•" in name for name in masked)
    assert not any("•" in name for name in full)


def test_lists_go_on_by_cursor_and_no_cursor_opens_another_list(reader: Program) -> None:
    whole = [row["key"] for row in reader.get("/meters", limit=200).json["items"]]
    seen: list[str] = []
    page = reader.get("/meters", limit=5).json
    while True:
        seen += [row["key"] for row in page["items"]]
        if page["next"] is None:
            break
        page = reader.get("/meters", limit=5, cursor=page["next"]).json
    assert seen == whole
    first = reader.get("/meters", limit=5).json["next"]
    for path, cursor in (("/tenants", first), ("/meters", "made-up"), ("/meters", first + "A")):
        refused = reader.get(path, cursor=cursor)
        assert (refused.status_code, refused.json["code"]) == (422, "cursor_invalid")


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{}", "text/plain", 415, "media_type_wrong"),
        (b"not json", "application/json", 400, "request_invalid"),
        (b"[" * 5000, "application/json", 400, "request_invalid"),
        (b'{"made":"' + b"x" * 20_000 + b'"}', "application/json", 413, "request_too_large"),
        (b"\xff\xfe", "application/json", 400, "request_invalid"),
        (b"", "application/json", 400, "request_invalid"),
    ],
)
def test_a_body_that_is_none_is_refused_in_a_sentence(
    kiosk: Program, content: bytes, kind: str, status: int, code: str
) -> None:
    answer = kiosk.client.post("/api/v1/vends", data=content, content_type=kind, headers=kiosk.headers)
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_addresses_methods_and_queries_that_are_not_there(kiosk: Program) -> None:
    for path in ("/nowhere", "/vends/", "/meters/12/x"):
        assert kiosk.get(path).status_code == 404, path
    wrong = kiosk.client.delete("/api/v1/vends", headers=kiosk.headers)
    assert (wrong.status_code, wrong.json["code"]) == (405, "method_wrong")
    assert {"GET", "POST"} <= set(wrong.headers["Allow"].split(", "))
    assert kiosk.client.options("/api/v1/vends").status_code == 405
    assert kiosk.get("/vends", more="1").status_code == 400
    assert kiosk.client.get("/api/v1/vends?limit=1&limit=2", headers=kiosk.headers).status_code == 400
    assert kiosk.get("/vends", limit="0").status_code == 400


def test_every_refusal_there_is_has_a_status_and_a_problem_of_its_own(app: Flask) -> None:
    client = app.test_client()
    for kind in table.kinds():
        told = client.get(f"/api/v1/problems/{kind.code}")
        assert told.status_code == 200, kind.code
        assert told.json["status"] == table.status_of_kind(kind)
        assert 400 <= told.json["status"] < 600
        assert told.json["title"]
    assert len(client.get("/api/v1/problems").json["items"]) == len(table.kinds())


def test_a_problem_says_what_it_is_by_the_standard(kiosk: Program) -> None:
    answer = kiosk.get(f"/vends/{uuid.uuid4()}")
    assert answer.content_type == "application/problem+json"
    told = json.loads(answer.get_data(as_text=True))
    assert told["status"] == answer.status_code == 404
    assert told["type"] == "/api/v1/problems/order_unknown"
    assert told["request_id"] == answer.headers["X-Request-Id"]
    assert kiosk.client.get(told["type"]).json["title"] == told["title"]


def test_a_fault_of_ours_is_a_problem_without_details(
    app: Flask, kiosk: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vending.web.api.site_desk import SiteDesk

    def broken(_self: object) -> None:
        raise RuntimeError("the secret is lantern")

    monkeypatch.setattr(SiteDesk, "status", broken)
    answer = kiosk.get("/status")
    assert (answer.status_code, answer.json["code"]) == (500, "fault")
    assert "lantern" not in answer.get_data(as_text=True)


def test_answers_carry_the_headers_that_keep_them_honest(kiosk: Program) -> None:
    for answer in (kiosk.get("/status"), kiosk.get("/nowhere"), kiosk.get("/openapi.json")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Request-Id"]
