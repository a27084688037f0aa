"""What no browser would send: figures that are none, files larger than a form, answers nested without end. Each gets a
sentence, and nothing of it becomes a fault of ours."""

from __future__ import annotations

import base64
import io
import json

import pytest
import sqlalchemy as sa
from flask import Flask
from shop import Shop
from web_app import form_word, post, sign_in
from werkzeug.test import TestResponse

from vending.estate import queries as estate

NO_FIGURES = ("²", "--5", "1e5", "５x", "-", "9" * 5000)


def bring_in(app: Flask, data: bytes, *, word: str | None = None, **fields: str) -> TestResponse:
    client = sign_in(app, "manager")
    page = client.get("/manager/import").get_data(as_text=True)
    return client.post(
        "/manager/import",
        data={"csrf_token": word or form_word(page), "kind": "units", "file": (io.BytesIO(data), "u.csv"), **fields},
        content_type="multipart/form-data",
    )  # fmt: skip


@pytest.mark.parametrize("typed", NO_FIGURES)
def test_what_is_no_figure_is_refused_beside_its_field(app: Flask, typed: str) -> None:
    manager, engineer = sign_in(app, "manager"), sign_in(app, "engineer")
    floor = {"building": "x", "name": "Roof"}
    assert post(manager, "/manager/estate/floors/add", level=typed, **floor).status_code == 422
    asked = {
        "order_id": "",
        "kind": "engineering",
        "meter": "",
        "action": "power-limit",
        "reason": "Cover was open",
    }
    answer = post(engineer, "/engineer/tokens/ask", value=typed, work_order="W-1", **asked)
    assert answer.status_code == 422
    assert bring_in(app, b"unit,area_m2\nA-1,5\n", offset=typed).status_code == 422


def test_a_list_of_the_promised_size_comes_in_and_a_larger_one_does_not(app: Flask) -> None:
    heading, row = b"unit,area_m2\n", b"A-%06d,5," + b" " * 60 + b"\n"
    row = b"A-1,5" + b" " * 60 + b"\n"
    taken = bring_in(app, heading + row * (3 * 2**20 // len(row)))
    assert taken.status_code == 422
    assert "A-1" in taken.get_data(as_text=True)  # it was read: every second A-1 is named
    assert bring_in(app, heading + row * (9 * 2**20 // len(row))).status_code == 413


def test_nobody_sends_large_forms_to_other_pages_or_without_signing_in(app: Flask) -> None:
    client = app.test_client()
    large = {"csrf_token": "x", "file": (io.BytesIO(b"a" * 2 * 2**20), "u.csv")}
    answer = client.post("/manager/import", data=large, content_type="multipart/form-data")
    assert answer.status_code == 413
    large = {"csrf_token": "x", "file": (io.BytesIO(b"a" * 2 * 2**20), "u.csv")}
    answer = sign_in(app, "manager").post(
        "/manager/estate/floors/add", data=large, content_type="multipart/form-data"
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "answer",
    [
        "[" * 16_000,
        json.dumps({"response": {"clientDataJSON": base64.urlsafe_b64encode(b"[" * 9000).decode()}}),
        json.dumps({"response": {"clientDataJSON": 5}}),
        json.dumps({"response": 5}),
        "5",
    ],
)
def test_a_passkeys_answer_that_no_browser_makes_is_refused(app: Flask, answer: str) -> None:
    client = app.test_client()
    word = form_word(client.get("/sign-in").get_data(as_text=True))
    sent = client.post("/account/sign-in/passkey", data={"csrf_token": word, "assertion": answer})
    assert sent.status_code == 422


def test_the_character_zero_comes_through_no_door(app: Flask, shop: Shop) -> None:
    """PostgreSQL cannot keep it: each of these was a fault there, the sign-in of strangers among them."""
    client = app.test_client()
    word = form_word(client.get("/sign-in").get_data(as_text=True))
    sent = client.post("/sign-in", data={"csrf_token": word, "name": "a\0b", "password": "x"})
    assert sent.status_code == 422
    manager = sign_in(app, "manager")
    assert manager.get("/manager/estate/units?q=%00").status_code == 200
    assert manager.get("/manager/estate/units?%00=1").status_code == 400
    assert manager.get("/manager/units/%00x").status_code == 404
    post(manager, "/manager/estate/units/add", code="X\0Y", format="shop", area="5", floor="")
    with shop.db.reading() as session:
        codes = [space.code for space in estate.list_spaces(session, shop.site)]
    assert not any("\0" in code for code in codes)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-02-30", "soon"])
def test_a_day_without_a_day_before_or_after_it_is_refused(app: Flask, shop: Shop, day: str) -> None:
    with shop.db.reading() as session:
        meter = estate.list_meters(session, shop.clock, [shop.meter("G-03")])[0]
    assert meter.tenant is not None
    manager, auditor = sign_in(app, "manager"), sign_in(app, "auditor")
    span = {"first": day, "last": day}
    answer = manager.get(f"/papers/statements/{meter.tenant.key}/a4.pdf", query_string=span)
    assert answer.status_code == 422
    word = form_word(auditor.get("/auditor/proof").get_data(as_text=True))
    span = {"from": day, "to": day}
    assert auditor.post("/auditor/proof/pack", data={"csrf_token": word, **span}).status_code == 422


def test_strangers_do_not_fill_the_database_with_challenges(app: Flask, shop: Shop) -> None:
    client = app.test_client()
    told = [client.get("/account/sign-in/passkey").status_code for _ in range(40)]
    assert told == [200] * 30 + [403] * 10
    with shop.db.reading() as session:
        assert session.scalar(sa.text("SELECT count(*) FROM ceremony")) == 30
