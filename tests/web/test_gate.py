"""T-16, as far as there are pages: role by route from the URL map, forged forms, stolen and ended sessions, headers."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from flask import Flask
from shop import Shop
from web_app import form_word, post, routes, sign_in

from vending.access import policy
from vending.demonstration.people import DEMONSTRATION_PEOPLE
from vending.vends import service as vends
from vending.web import gate

ROLES = sorted({person.role for person in DEMONSTRATION_PEOPLE})


def test_every_route_says_who_may_use_it(app: Flask) -> None:
    silent = [
        endpoint for endpoint, _method, _path in routes(app) if gate.permission_of(app, endpoint) is None
    ]
    assert silent == []
    named = {gate.permission_of(app, endpoint) for endpoint, _method, _path in routes(app)}
    known = {gate.PUBLIC, gate.SIGNED_IN, *(permission.value for permission in policy.Permission)}
    assert named <= known


def test_a_route_that_names_nobody_is_refused(app: Flask) -> None:
    """The negative control of the test above."""
    app.view_functions["silent"] = lambda: "open to all"
    app.url_map.add(app.url_rule_class("/silent", endpoint="silent", methods=["GET"]))
    assert gate.permission_of(app, "silent") is None
    assert sign_in(app, "cashier").get("/silent").status_code == 403


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_what_its_permissions_hold_and_nothing_else(
    app: Flask, shop: Shop, role: str
) -> None:
    client = sign_in(app, role)
    word = form_word(client.get("/sign-in").get_data(as_text=True))
    wrong = []
    for endpoint, method, path in routes(app):
        if endpoint in ("auth.sign_out",):
            continue
        permission = gate.permission_of(app, endpoint)
        held = permission in (gate.PUBLIC, gate.SIGNED_IN) or any(
            permission == one.value and one in policy.ROLES[role] for one in policy.Permission
        )
        answer = client.open(path, method=method, data={"csrf_token": word} if method != "GET" else None)
        broken = (
            answer.status_code >= 500 and endpoint != "health.ready"
        )  # which says 503 of a site that is not ready
        if (answer.status_code == 403) is held or broken:
            wrong.append((endpoint, method, path, answer.status_code, held))
    assert wrong == []


def test_nobody_reaches_a_page_without_signing_in(app: Flask) -> None:
    client = app.test_client()
    for endpoint, method, path in routes(app):
        if gate.permission_of(app, endpoint) == gate.PUBLIC:
            continue
        answer = client.open(path, method=method)
        assert answer.status_code in (303, 400, 401), (endpoint, answer.status_code)
        if answer.status_code == 303:
            assert answer.headers["Location"].startswith("/sign-in")


def test_a_form_without_its_word_is_refused_in_a_sentence_and_does_nothing(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "cashier")
    for data in ({}, {"csrf_token": "forged"}):
        answer = client.post("/cashier/till", data={"act": "take", "amount": "100", **data})
        assert answer.status_code == 400
        assert "Nothing was sent" in answer.get_data(as_text=True)
    with shop.db.reading() as session:
        assert session.execute(sa.text("SELECT count(*) FROM sale")).scalar_one() == 0


def test_signing_in_makes_a_new_session_and_signing_out_ends_it_on_the_server(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("ampoule", "a" * 43)
    page = client.get("/sign-in").get_data(as_text=True)
    answer = client.post(
        "/sign-in", data={"csrf_token": form_word(page), "name": "thandi", "password": "lantern-cashier"}
    )
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("ampoule="))
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    secret = cookie.split("=", 1)[1].split(";")[0]
    assert secret != "a" * 43
    post(client, "/sign-out")
    thief = app.test_client()
    thief.set_cookie("ampoule", secret)
    assert thief.get("/cashier/till").status_code in (303, 401)


def test_a_wrong_password_and_an_unknown_name_are_told_the_same(app: Flask) -> None:
    said = []
    for name in ("thandi", "nobody-at-all"):
        client = app.test_client()
        page = client.get("/sign-in").get_data(as_text=True)
        answer = client.post(
            "/sign-in", data={"csrf_token": form_word(page), "name": name, "password": "wrong"}
        )
        assert answer.status_code == 422
        text = answer.get_data(as_text=True)
        said.append(text[text.find('class="error') : text.find('class="error') + 300].replace(name, ""))
    assert said[0] == said[1]


def test_a_link_to_elsewhere_never_carries_anybody_away(app: Flask) -> None:
    for elsewhere in (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\t\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
    ):
        client = app.test_client()
        page = client.get("/sign-in").get_data(as_text=True)
        answer = client.post(
            "/sign-in",
            data={
                "csrf_token": form_word(page),
                "name": "thandi",
                "password": "lantern-cashier",
                "next": elsewhere,
            },
        )
        assert answer.headers["Location"] == "/"


def test_every_page_carries_the_headers_that_keep_it_honest(app: Flask) -> None:
    client = sign_in(app, "cashier")
    for path in ("/sign-in", "/cashier/till", "/nowhere", "/healthz"):
        headers = client.get(path).headers
        policy_text = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy_text
        assert "unsafe" not in policy_text
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Frame-Options"] == "DENY"


def test_another_sites_sale_is_not_there(app: Flask, shop: Shop) -> None:
    """The same answer for a sale of another site as for none: ids tell nothing."""
    (outcome,) = shop.sell(shop.basket(shop.order("G-03", 50_000)))
    assert isinstance(outcome, vends.SaleOutcome)
    client = sign_in(app, "cashier")
    assert client.get(f"/cashier/vends/{outcome.sale_key}").status_code == 200
    with shop.db.writing() as session:
        session.execute(sa.text("UPDATE sale SET site_key = 'elsewhere'"))
    for path in (f"/cashier/vends/{outcome.sale_key}", f"/cashier/receipts/{outcome.sale_key}"):
        assert client.get(path).status_code == 404
    assert post(client, f"/cashier/vends/{outcome.sale_key}/copies").status_code == 404
    assert client.get(f"/cashier/vends/{uuid.uuid4()}").status_code == 404


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "' OR 1=1 --", "{{7*7}}", "\u202etxt.exe", "a" * 5000]
)
def test_what_is_typed_is_shown_as_text_and_never_run(app: Flask, name: str) -> None:
    client = sign_in(app, "cashier")
    answer = client.get("/cashier/till", query_string={"find": name})
    assert answer.status_code == 200
    text = answer.get_data(as_text=True)
    assert "<script>alert(1)" not in text
    assert ">49<" not in text
    amount = post(client, "/cashier/till", act="quote", amount=name, meter="0" * 16)
    assert amount.status_code in (200, 404, 422)


@pytest.mark.parametrize("role", ROLES)
def test_everybody_lands_on_a_page_of_his_own_after_signing_in(app: Flask, role: str) -> None:
    client = sign_in(app, role)
    landed = client.get("/", follow_redirects=True)
    assert landed.status_code == 200
    assert "does not include" not in landed.get_data(as_text=True)


def test_no_form_of_any_office_is_taken_without_its_word(app: Flask, shop: Shop) -> None:
    """CSRF for every POST of the URL map, with a session that may do all of it; programs' own addresses use keys instead."""
    client = sign_in(app, "manager")
    taken = [
        (endpoint, path, answer.status_code)
        for endpoint, method, path in routes(app)
        if method == "POST" and path.split("/")[1] not in ("api", "sandbox", "print-agent")
        for answer in [client.post(path, data={"reason": "forged from elsewhere"})]
        if answer.status_code != 400
    ]
    assert taken == []
