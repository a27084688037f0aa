"""The key manager's pages over a real security module: what it tells is shown, and an act signed with key files reaches it."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from keystore_cast import Module, SetTime
from shop import MORNING, Shop
from web_app import form_word, open_app, sign_in
from werkzeug.test import TestResponse

from keystore import demonstration

TOP_UP = "/supervisor/budget/{}/more"


@pytest.fixture
def module(shop: Shop, tmp_path: Path) -> Module:
    demonstration.init(tmp_path / "module", source=SetTime(MORNING))
    found = Module(tmp_path / "module", SetTime(MORNING))
    shop.module = found  # type: ignore[assignment]
    return found


@pytest.fixture
def real(shop: Shop, module: Module, tmp_path: Path) -> Flask:
    return open_app(shop, tmp_path / "site")


def post(client: FlaskClient, path: str, **fields: object) -> TestResponse:
    word = form_word(client.get("/account").get_data(as_text=True))
    return client.post(path, data={"csrf_token": word, **fields})


def test_keys_are_told_by_their_figures_and_never_by_their_bytes(real: Flask, module: Module) -> None:
    client = sign_in(real, "key custodian")
    page = client.get("/keys").get_data(as_text=True)
    for key in module.status().keys:
        grouped = " ".join(key.kcv[i : i + 2] for i in range(0, len(key.kcv), 2))
        assert grouped in page
    assert "Test keys" in page
    saved = client.get("/keys/table").get_data(as_text=True)
    assert "Check value" in saved
    assert sign_in(real, "engineer").get("/manager/campaign").status_code == 200


def asked(client: FlaskClient, budget: str) -> str:
    answer = post(client, TOP_UP.format(budget), amount="250", reason="The end of the month")
    assert answer.status_code == 303, answer.get_data(as_text=True)
    page = client.get("/supervisor/approvals").get_data(as_text=True)
    return page.split('id="act-')[1].split('"')[0]


def test_a_budget_grows_when_two_approvers_signed_the_act_of_the_page(real: Flask, module: Module) -> None:
    before = next(
        one for one in module.status().budgets if one.kind == "units" and one.service == "electricity"
    )
    client = sign_in(real, "key custodian")
    key = asked(client, before.budget_id)
    act = json.loads(client.get(f"/supervisor/approvals/{key}/act.json").get_data(as_text=True))["act"]
    signatures = [asdict(one) for one in demonstration.sign(act)]

    def brought(text: str, rows: list[dict[str, str]]) -> TestResponse:
        content = json.dumps({"act": text, "signatures": rows}).encode()
        return post(client, f"/supervisor/approvals/{key}/signed", file=(io.BytesIO(content), "act.json"))

    assert brought(act, signatures[:1]).status_code == 422
    assert brought(act.replace("2500", "2600"), signatures).status_code == 422
    assert (
        post(
            client, f"/supervisor/approvals/{key}/signed", file=(io.BytesIO(b"hello"), "act.json")
        ).status_code
        == 422
    )
    assert brought(act, signatures).status_code == 303
    after = next(one for one in module.status().budgets if one.budget_id == before.budget_id)
    assert after.left == before.left + 2500
    assert brought(act, signatures).status_code == 422


def test_who_may_not_ask_for_a_budget_cannot(real: Flask, module: Module) -> None:
    budget = module.status().budgets[0].budget_id
    for role, status in (("supervisor", 303), ("auditor", 403), ("engineer", 403), ("cashier", 403)):
        client = sign_in(real, role)
        assert post(client, TOP_UP.format(budget), amount="5", reason="For the test").status_code == status, (
            role
        )
    assert (
        post(
            sign_in(real, "supervisor"), TOP_UP.format("none"), amount="5", reason="For the test"
        ).status_code
        == 404
    )


def test_every_limit_stands_on_one_page_and_a_class_gets_another_by_signatures(
    real: Flask, module: Module
) -> None:
    manager = sign_in(real, "manager")
    page = manager.get("/keys/limits").get_data(as_text=True)
    for one in module.status().limits:
        assert f"/keys/limits/{one.meter_class}" in page
    saved = manager.get("/keys/limits", query_string={"as": "csv", "table": "limits-of-meters"})
    assert "small,2000" in saved.get_data(as_text=True)
    assert manager.get("/keys/limits", query_string={"as": "csv", "table": "other"}).status_code == 404
    same = post(manager, "/keys/limits/small", units="2000", tokens="20", reason="A busy month")
    assert same.status_code == 422
    wrong = post(manager, "/keys/limits/small", units="many", tokens="20", reason="A busy month")
    assert 'value="many"' in wrong.get_data(as_text=True)
    assert (
        post(manager, "/keys/limits/small", units="3000", tokens="25", reason="A busy month").status_code
        == 303
    )
    waiting = sign_in(real, "key custodian").get("/supervisor/approvals").get_data(as_text=True)
    assert "other limits of small meters" in waiting
    assert "3,000.0" in waiting
    assert "limits-of-drawers" not in sign_in(real, "cashier").get("/keys/limits").get_data(as_text=True)
