"""A second person decides on a page: with a confirmation, with a reason for no, never on what is his own."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from shop import Shop
from web_app import form_word, sign_in, sign_in_as

from keystore import acts as module_texts
from vending.access import approvals, people
from vending.access.policy import Actor, Grant


def post(client: FlaskClient, path: str, **fields: str) -> tuple[int, str]:
    word = form_word(client.get("/supervisor/approvals").get_data(as_text=True) or "")
    answer = client.post(path, data={"csrf_token": word, **fields}, follow_redirects=True)
    return answer.status_code, answer.get_data(as_text=True)


@pytest.fixture
def asked(shop: Shop) -> Callable[[str], str]:
    """A manager asks that somebody be given a role."""

    def ask(role: str) -> str:
        with shop.db.reading() as session:
            maker = people.find_person(session, "john")
            who = people.find_person(session, "samuel")
        assert maker is not None
        assert who is not None
        actor = Actor(maker.key, maker.name, maker.grants)
        with shop.db.writing() as session:
            return approvals.ask_role(
                session, shop.clock, actor, who.key, role, shop.site, reason="Stands in at the desk"
            )

    return ask


def roles_of(shop: Shop, login: str) -> set[str]:
    with shop.db.reading() as session:
        person = people.find_person(session, login)
        assert person is not None
        return {grant.role for grant in person.grants}


def test_a_yes_is_confirmed_and_carried_out_at_once(
    app: Flask, shop: Shop, asked: Callable[[str], str]
) -> None:
    key = asked("cashier")
    client = sign_in_as(app, "grace")
    page = client.get("/supervisor/approvals").get_data(as_text=True)
    assert "John Mokoena asks that Samuel Okoro become cashier" in page
    assert "Stands in at the desk" in page
    status, page = post(client, f"/supervisor/approvals/{key}/yes", confirm="8415")
    assert status == 200, page
    assert "The role is given." in page
    assert roles_of(shop, "samuel") == {"engineer", "cashier"}


def test_who_rested_confirms_and_a_wrong_pin_gives_nothing(
    app: Flask, shop: Shop, asked: Callable[[str], str]
) -> None:
    from datetime import timedelta

    key = asked("cashier")
    client = sign_in_as(app, "grace")
    shop.clock.advance(timedelta(minutes=6))
    for typed in ("", "0000", "wrong words"):
        status, page = post(client, f"/supervisor/approvals/{key}/yes", confirm=typed)
        assert status == 422
        assert "Samuel Okoro" in page
    assert roles_of(shop, "samuel") == {"engineer"}
    status, _page = post(client, f"/supervisor/approvals/{key}/yes", confirm="8415")
    assert status == 200
    assert roles_of(shop, "samuel") == {"engineer", "cashier"}


def test_own_requests_are_shown_and_closed(app: Flask, shop: Shop, asked: Callable[[str], str]) -> None:
    key = asked("cashier")
    client = sign_in_as(app, "john")
    page = client.get(f"/supervisor/approvals/{key}").get_data(as_text=True)
    assert "Someone else must decide" in page
    assert f"/supervisor/approvals/{key}/yes" not in page
    status, _page = post(client, f"/supervisor/approvals/{key}/yes", confirm="7304")
    assert status == 422
    assert roles_of(shop, "samuel") == {"engineer"}
    status, page = post(client, f"/supervisor/approvals/{key}/withdraw")
    assert "withdrawn" in page


def test_a_no_needs_its_reason(app: Flask, shop: Shop, asked: Callable[[str], str]) -> None:
    key = asked("cashier")
    client = sign_in_as(app, "grace")
    status, page = post(client, f"/supervisor/approvals/{key}/no", reason="  ")
    assert status == 422
    assert "Say why not" in page
    status, page = post(client, f"/supervisor/approvals/{key}/no", reason="Ask the operator first")
    assert status == 200
    assert "Ask the operator first" in page
    assert roles_of(shop, "samuel") == {"engineer"}


def test_a_supervisor_sees_what_managers_decide_and_cannot(
    app: Flask, shop: Shop, asked: Callable[[str], str]
) -> None:
    key = asked("cashier")
    client = sign_in(app, "supervisor")
    page = client.get("/supervisor/approvals").get_data(as_text=True)
    assert "needs the right" in page
    status, _page = post(client, f"/supervisor/approvals/{key}/yes", confirm="6193")
    assert status == 422
    assert roles_of(shop, "samuel") == {"engineer"}


def test_a_request_of_another_site_is_not_there(app: Flask, shop: Shop) -> None:
    elsewhere = Actor("stranger", "Stranger", frozenset({Grant("manager", "elsewhere")}))
    with shop.db.writing() as session:
        key = approvals.ask(
            session, shop.clock, elsewhere, "period-close", {"month": "2026-10"},
            site="elsewhere", subject="period:2026-10", reason="End of the month",
        )  # fmt: skip
    client = sign_in_as(app, "grace")
    assert "Stranger" not in client.get("/supervisor/approvals").get_data(as_text=True)
    for path in ("", "/challenge", "/act.json"):
        assert client.get(f"/supervisor/approvals/{key}{path}").status_code == 404
    for path in ("yes", "no", "withdraw", "carry", "sign", "signed"):
        assert post(client, f"/supervisor/approvals/{key}/{path}", reason="because")[0] in (403, 404)


def test_an_act_of_the_module_is_not_confirmed_but_signed(app: Flask, shop: Shop) -> None:
    with shop.db.reading() as session:
        maker = people.find_person(session, "amina")
    assert maker is not None
    actor = Actor(maker.key, maker.name, maker.grants)
    text = module_texts.top_up(
        budget_id="b",
        amount=1000,
        module="ampoule/test",
        maker=maker.name,
        reason="month end",
        made=shop.clock.now(),
    )
    with shop.db.writing() as session:
        key = approvals.ask(
            session, shop.clock, actor, "top-up", {}, site=shop.site, subject="budget:b", reason="month end", text=text
        )  # fmt: skip
    client = sign_in(app, "key custodian")
    status, page = post(client, f"/supervisor/approvals/{key}/yes", confirm="9526")
    assert status == 422
    assert "counts signatures only" in page
    saved = json.loads(client.get(f"/supervisor/approvals/{key}/act.json").get_data(as_text=True))
    assert saved == {"act": text, "signatures": []}
