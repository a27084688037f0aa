"""A shift by its pages, without JavaScript: opened, sold in, counted blind, closed; and what its pages keep to themselves."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from desk_cast import Desk, open_desk
from flask import Flask
from flask.testing import FlaskClient
from shop import Shop
from web_app import form_word, open_app, post, sign_in
from werkzeug.test import TestResponse

from vending.shifts import queries
from vending.shifts.limits import LimitRow, set_limits


@pytest.fixture
def desk(shop: Shop) -> Desk:
    made = open_desk(shop)
    with shop.db.writing() as session:
        limits = LimitRow("", takings_minor=200_000, float_minor=50_000, tolerance_minor=1_000)
        set_limits(session, shop.clock, made.john, shop.site, limits, reason="Start")
    return made


@pytest.fixture
def site(desk: Desk, tmp_path: Path) -> Flask:
    """A production site: no shift opens by itself."""
    return open_app(desk.shop, tmp_path / "site", profile="production")


def text_of(answer: TestResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)))


def open_shift(client: FlaskClient, desk: Desk, **fields: str) -> TestResponse:
    return post(
        client,
        "/cashier/shifts/open",
        **{"float": "500.00", "witness": desk.amina.key, "witness_secret": "6193", **fields},
    )


def sell(client: FlaskClient, desk: Desk, amount: str, **fields: str) -> TestResponse:
    page = client.get(f"/cashier/till?meter={desk.shop.meter('G-03')}").get_data(as_text=True)
    hidden = dict(re.findall(r'name="(order_id|basket_id|meter)" value="([^"]*)"', page))
    return client.post(
        "/cashier/till",
        data={
            "csrf_token": form_word(page),
            "act": "take",
            "tender": "cash",
            "amount": amount,
            **hidden,
            **fields,
        },
    )


def test_a_demonstration_opens_a_shift_at_the_first_sale(app: Flask, desk: Desk) -> None:
    client = sign_in(app, "cashier")
    assert "The first sale opens one" in text_of(client.get("/cashier/till"))
    assert sell(client, desk, "300").status_code == 303
    with desk.shop.db.reading() as session:
        shift = queries.open_of(session, desk.thandi.key)
    assert shift is not None
    assert (shift.float_minor, shift.till, shift.state) == (50_000, "N1", "open")
    assert "The first sale opens one" not in text_of(client.get("/cashier/till"))


def test_a_day_at_the_till_by_its_pages(site: Flask, desk: Desk) -> None:
    client = sign_in(site, "cashier")
    refused = sell(client, desk, "300")
    assert refused.status_code == 409
    assert "You have no open shift at till N1" in text_of(refused)
    assert 'value="300"' in refused.get_data(as_text=True), "the basket stays as it is"
    assert client.get("/cashier/shifts").location == "/cashier/shifts/open"
    assert "Usual float: 500.00" in text_of(client.get("/cashier/shifts/open"))
    assert open_shift(client, desk).status_code == 303
    assert sell(client, desk, "300").status_code == 303
    assert sell(client, desk, "120", tender="card", received="T-55").status_code == 303
    mixed = sell(client, desk, "200", part="cheque", part_amount="150", part_reference="77-1", received="100")
    assert mixed.status_code == 303, text_of(mixed)
    now = text_of(client.get("/cashier/shifts"))
    assert "Your shift at Till" not in now or "N1" in now
    assert not re.search(r"300\.00|350\.00|850\.00", now), "no sum of the books before the count"
    drop = post(
        client,
        "/cashier/shifts/drop",
        **{"count-20000": "1", "bag": "B-1", "witness": desk.pieter.key, "witness_secret": "lantern-relief"},
    )
    assert drop.location == "/cashier/shifts"
    assert "Pieter Botha" in text_of(client.get("/cashier/shifts"))
    # 500 + 300 + 50 - 200 = 650 in the drawer; twenty short.
    counted = {"act": "count", "count-20000": "3", "count-1000": "3", "sum-card": "120", "sum-cheque": "150"}
    assert post(client, "/cashier/shifts/close", **counted).location.endswith("step=2")
    again = client.get("/cashier/shifts/close").get_data(as_text=True)
    assert 'name="count-20000" value="3"' in again, "the count survives a reload"
    confirm = text_of(client.get("/cashier/shifts/close?step=2"))
    assert "R 630.00" in confirm
    assert "650" not in confirm
    post(client, "/cashier/shifts/close", act="lock")
    third = text_of(client.get("/cashier/shifts/close"))
    assert "R 20.00 short" in third
    assert "650.00" in third
    assert "decided by a supervisor" in third
    assert "Your drawer is counted" in text_of(client.get("/cashier/till"))
    missing = post(client, "/cashier/shifts/close", act="close", bag="S-1", deposit="130")
    assert missing.status_code == 422
    assert "Say in a few words what happened" in text_of(missing)
    done = post(
        client, "/cashier/shifts/close", act="close", bag="S-1", deposit="130", reason="Too much change"
    )
    slip = text_of(client.get(done.location))
    assert "D-00001" in slip
    assert "130.00" in slip
    assert "Settled elsewhere: Card" in slip
    with desk.shop.db.reading() as session:
        (shift,) = queries.list_shifts(session, desk.site)
    paper = text_of(client.get(f"/cashier/shifts/{shift.key}/paper"))
    assert "End of shift (Z)" in paper
    assert "R 20.00 short" in paper


def test_one_recount_by_the_pages(site: Flask, desk: Desk) -> None:
    client = sign_in(site, "cashier")
    open_shift(client, desk)
    for pieces in ("4", "5"):
        post(client, "/cashier/shifts/close", act="count", **{"count-10000": pieces})
        post(client, "/cashier/shifts/close", act="lock")
        client.get("/cashier/shifts/close?step=1")
    third = client.get("/cashier/shifts/close?step=1")
    assert "fits" in text_of(third)
    assert 'id="recount"' not in third.get_data(as_text=True)


def test_refuses_beside_the_field_and_keeps_what_was_typed(site: Flask, desk: Desk) -> None:
    client = sign_in(site, "cashier")
    wrong = open_shift(client, desk, witness_secret="0000")
    assert wrong.status_code == 422
    assert "PIN or password is not right" in text_of(wrong)
    assert 'value="500.00"' in wrong.get_data(as_text=True)
    assert open_shift(client, desk, witness="").status_code == 403
    assert open_shift(client, desk, float="12,34,5").status_code == 422
    assert open_shift(client, desk, float="0", witness="").status_code == 303
    drop = post(client, "/cashier/shifts/drop", **{"count-20000": "many", "bag": "B-9"})
    assert drop.status_code == 422
    assert 'value="many"' in drop.get_data(as_text=True)
    assert 'value="B-9"' in drop.get_data(as_text=True)
    count = post(client, "/cashier/shifts/close", act="count", **{"sum-card": "-5"})
    assert count.status_code == 422
    assert 'value="-5"' in count.get_data(as_text=True)


def test_a_colleague_relieves_in_two_steps_at_the_same_till(site: Flask, desk: Desk) -> None:
    first = sign_in(site, "cashier")
    open_shift(first, desk)
    relief = site.test_client()
    page = relief.get("/sign-in?next=/cashier/shifts/open").get_data(as_text=True)
    entered = relief.post(
        "/sign-in",
        data={
            "csrf_token": form_word(page),
            "name": "pieter",
            "password": "lantern-relief",
            "next": "/cashier/shifts/open",
        },
    )
    assert entered.location == "/cashier/shifts/open"
    assert "You relieve Thandi Nkosi" in text_of(relief.get("/cashier/shifts/open"))
    assert open_shift(relief, desk).status_code == 303
    assert sell(relief, desk, "100").status_code == 303
    assert sell(first, desk, "100", another="1").status_code == 303
    with desk.shop.db.reading() as session:
        assert [one.drawer for one in queries.list_shifts(session, desk.site)] == ["n1.b", "n1"]


def test_the_supervisor_sees_decides_and_banks(app: Flask, desk: Desk) -> None:
    cashier = sign_in(app, "cashier")
    open_shift(cashier, desk)
    sell(cashier, desk, "300")
    boss = sign_in(app, "supervisor")
    with desk.shop.db.reading() as session:
        (shift,) = queries.list_shifts(session, desk.site)
    address = f"/supervisor/shifts/{shift.key}"
    assert shift.number in text_of(boss.get("/supervisor/shifts"))
    blind = text_of(boss.get(address))
    assert "300.00" not in blind
    assert "300.00" not in text_of(boss.get(f"{address}/paper"))
    post(cashier, "/cashier/shifts/close", act="count", **{"count-20000": "3", "count-10000": "1"})
    post(cashier, "/cashier/shifts/close", act="lock")
    post(cashier, "/cashier/shifts/close", act="close", reason="One note is gone")
    assert "R 100.00 short" in text_of(boss.get(address))
    assert post(boss, address, decision="accept", reason=" ").status_code == 422
    assert post(boss, address, decision="charge", reason="It happens too often").status_code == 303
    assert "The cashier owes it" in text_of(boss.get(address))
    assert post(boss, address, decision="accept", reason="Changed my mind").status_code == 409
    packed = post(boss, "/supervisor/bags/pack", shift=shift.key, bag="S-2", **{"count-20000": "1"})
    bag = packed.location.removesuffix("/slip")
    assert "200.00" in text_of(boss.get(packed.location))
    line = {"way": "cash", "amount": "190", "reference": "BANK 1", "day": "2026-11-21"}
    assert post(boss, f"{bag}/lines", **{**line, "day": "soon"}).status_code == 422
    assert post(boss, f"{bag}/lines", **line).status_code == 303
    assert "difference open" in text_of(boss.get(bag))
    manager = sign_in(app, "manager")
    assert post(manager, f"{bag}/explanations", explained_way="cash", reason="A torn note").status_code == 303
    assert "bag and bank agree" in text_of(manager.get(bag))
    assert "Thandi Nkosi" in text_of(manager.get("/supervisor/shifts/people"))


def test_who_read_the_sums_does_not_count(app: Flask, desk: Desk) -> None:
    cashier = sign_in(app, "cashier")
    open_shift(cashier, desk)
    sell(cashier, desk, "300")
    boss, manager = sign_in(app, "supervisor"), sign_in(app, "manager")
    with desk.shop.db.reading() as session:
        (shift,) = queries.list_shifts(session, desk.site)
    address = f"/supervisor/shifts/{shift.key}"
    assert "300.00" in text_of(post(boss, f"{address}/sums"))
    desk.shop.clock.advance(timedelta(minutes=1))
    refused = post(boss, f"{address}/count", reason="Went home", **{"count-20000": "4"})
    assert refused.status_code == 403
    assert post(manager, f"{address}/count", reason="Went home", **{"count-20000": "4"}).status_code == 303
    assert "fits" in text_of(manager.get(address))


def test_limits_and_the_safe_are_the_managers(app: Flask, desk: Desk) -> None:
    manager = sign_in(app, "manager")
    assert (
        post(
            manager, "/supervisor/cash/limit", subject="till:N1", takings="1 000", reason="A small till"
        ).status_code
        == 303
    )
    page = text_of(manager.get("/supervisor/cash"))
    assert "1,000.00" in page
    assert (
        post(manager, "/supervisor/cash/limit", subject="", float="-1", reason="A small till").status_code
        == 422
    )
    assert post(manager, "/supervisor/cash/safe", amount="250", reason="Change").status_code == 303
    assert "10,250.00" in text_of(manager.get("/supervisor/cash"))
    assert sign_in(app, "supervisor").get("/supervisor/cash").status_code == 403


def test_nobody_else_reads_a_cashiers_papers(site: Flask, desk: Desk) -> None:
    client = sign_in(site, "cashier")
    open_shift(client, desk)
    other = site.test_client()
    page = other.get("/sign-in").get_data(as_text=True)
    other.post(
        "/sign-in", data={"csrf_token": form_word(page), "name": "pieter", "password": "lantern-relief"}
    )
    with desk.shop.db.reading() as session:
        (shift,) = queries.list_shifts(session, desk.site)
    assert other.get(f"/cashier/shifts/{shift.key}/paper").status_code == 404
    assert client.get("/supervisor/shifts").status_code == 403
