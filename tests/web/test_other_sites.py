"""T-16, cross-site: a manager of one site reads and changes nothing of another, by any address that carries a key; and no
list, search or file shows a name from there. The routes come from the URL map, so a new one is tried without a word here."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from estate_cast import KEYING, lay
from flask import Flask
from flask.testing import FlaskClient
from shop import Shop
from web_app import form_word, sign_in

from sts import drn
from vending.access import approvals, people
from vending.access.policy import SYSTEM, Actor, Grant
from vending.estate import meters, service
from vending.vends import service as vends
from vending.web import gate
from vending.work import service as work

NAME = "Elsewhere & Daughters"
# Where a key of another site stands in an address: the part of the path before it, and what it is a key of.
KINDS = {
    "units": "unit",
    "tenants": "tenant",
    "meters": "meter",
    "swap": "meter",
    "found": "meter",
    "move-out": "lease",
    "sales": "sale",
    "vends": "sale",
    "receipts": "sale",
    "people": "person",
    "orders": "order",
    "approvals": "request",
}


@dataclass(frozen=True)
class Elsewhere:
    keys: dict[str, str]
    number: str


@pytest.fixture
def elsewhere(shop: Shop) -> Elsewhere:
    """Another site of the same installation, with one of each thing."""
    ground = lay(shop.db, shop.clock, "Elsewhere")
    number = drn.of("0709999991")
    stranger = Actor("stranger", "Stranger Elsewhere", frozenset({Grant("manager", ground.site)}))
    (outcome,) = shop.sell(shop.basket(shop.order("G-03", 50_000)))
    assert isinstance(outcome, vends.SaleOutcome)
    with shop.db.writing() as session:
        service.change_tenant(session, shop.clock, SYSTEM, ground.tenant, name=NAME)
        meter = meters.add_meter(
            session, shop.clock, SYSTEM, site=ground.site, number=number, service="electricity", keying=KEYING,
            space=ground.shop, label="Elsewhere G-12",
        )  # fmt: skip
        lease = service.move_in(
            session, shop.clock, SYSTEM, space=ground.shop, tenant=ground.tenant,
            starts_on=shop.clock.now().date(),
        )  # fmt: skip
        person = people.add_person(
            session, shop.clock, SYSTEM, login="stranger", name="Stranger Elsewhere", site=ground.site
        )
        people.grant_role(session, shop.clock, SYSTEM, person, "cashier", ground.site, approval=None)
        order = work.open_order(
            session,
            shop.clock,
            stranger,
            site=ground.site,
            kind="reading",
            title="Read Elsewhere",
            meter=meter,
        )
        request = approvals.ask(
            session, shop.clock, stranger, "period-close", {"month": "2026-10"},
            site=ground.site, subject="period:2026-10", reason="Elsewhere's month",
        )  # fmt: skip
        session.execute(
            sa.text("UPDATE sale SET site_key = :site, cashier_name = 'Stranger Elsewhere'"),
            {"site": ground.site},
        )
    keys = {
        "unit": ground.shop,
        "tenant": ground.tenant,
        "meter": meter,
        "lease": lease,
        "sale": outcome.sale_key,
        "person": person,
        "order": order,
        "request": request,
    }
    return Elsewhere(keys, number)


def addresses(app: Flask, keys: dict[str, str]) -> list[tuple[str, str, str]]:
    """(endpoint, method, path) of each route that takes a key of something, with the key of the other site's."""
    found = []
    for rule in app.url_map.iter_rules():
        parts = str(rule).split("/")
        places = [index for index, part in enumerate(parts) if part.startswith("<")]
        if not places or KINDS.get(parts[places[0] - 1]) is None:
            continue
        parts[places[0]] = keys[KINDS[parts[places[0] - 1]]]
        for index in places[1:]:
            parts[index] = "1" if "int" in parts[index] else "a4.pdf" if "pdf" in parts[index] else "0" * 16
        found += [
            (rule.endpoint, method, "/".join(parts))
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        ]
    return found


def test_the_addresses_reach_their_things_at_their_own_site(
    app: Flask, shop: Shop, elsewhere: Elsewhere
) -> None:
    """The negative control: with a role there, the same addresses are found."""
    with shop.db.writing() as session:
        session.execute(
            sa.text("UPDATE role_grant SET site = (SELECT site_key FROM tenant WHERE key = :tenant)"),
            {"tenant": elsewhere.keys["tenant"]},
        )
    client = sign_in(app, "manager")
    for kind, path in (
        ("unit", "units"),
        ("tenant", "tenants"),
        ("meter", "meters"),
        ("sale", "sales"),
        ("person", "people"),
    ):
        assert client.get(f"/manager/{path}/{elsewhere.keys[kind]}").status_code == 200, path


@pytest.mark.parametrize("role", ["manager", "engineer", "auditor", "supervisor"])
def test_no_address_leads_to_another_site(app: Flask, elsewhere: Elsewhere, role: str) -> None:
    client = sign_in(app, role)
    word = form_word(client.get("/account").get_data(as_text=True))
    tried = addresses(app, elsewhere.keys)
    assert len(tried) > 40
    leaks = []
    for endpoint, method, path in tried:
        answer = client.open(
            path,
            method=method,
            data={"csrf_token": word, "reason": "Because of this"} if method == "POST" else None,
        )
        text = answer.get_data(as_text=True)
        if answer.status_code not in (403, 404, 405) or "Elsewhere" in text:
            leaks.append((endpoint, method, path, answer.status_code))
    assert leaks == []


@pytest.mark.parametrize("role", ["manager", "auditor"])
def test_no_list_search_or_file_shows_another_site(app: Flask, elsewhere: Elsewhere, role: str) -> None:
    client = sign_in(app, role)
    leaks = []
    for rule in app.url_map.iter_rules():
        if (
            "GET" not in (rule.methods or set())
            or "<" in str(rule)
            or rule.endpoint in ("static", "htmx_script")
        ):
            continue
        if gate.permission_of(app, rule.endpoint) == gate.PUBLIC:
            continue
        for query in ({"q": "Elsewhere"}, {"q": elsewhere.number}, {"as": "csv"}):
            text = client.get(str(rule), query_string=query).get_data(as_text=True)
            # What was typed is echoed, in the field and in the address that a form comes back to.
            shown = text.replace('value="Elsewhere"', "")
            for echo in (f'value="{elsewhere.number}"', f"q={elsewhere.number}"):
                shown = shown.replace(echo, "")
            grouped = f"{elsewhere.number[:4]} {elsewhere.number[4:8]} {elsewhere.number[8:]}"
            if (
                NAME.replace("&", "&amp;") in shown
                or "Stranger Elsewhere" in shown
                or elsewhere.number in shown
                or grouped in shown
            ):
                leaks.append((str(rule), query))
    assert leaks == []


def csv_of(client: FlaskClient, path: str) -> tuple[int, str, bytes]:
    answer = client.get(path, query_string={"as": "csv"})
    table = client.get(path, query_string={"as": "xlsx"})
    return answer.status_code, answer.get_data(as_text=True), table.get_data()


def test_every_list_is_saved_as_csv_and_xlsx_without_a_formula_in_it(app: Flask, shop: Shop) -> None:
    """T-18: what people typed is never taken for a formula when the file is opened elsewhere."""
    shop.sell(shop.basket(shop.order("G-03", 50_000)))
    with shop.db.writing() as session:
        session.execute(sa.text("UPDATE tenant SET name = '=cmd|'' /C calc''!A0'"))
        session.execute(sa.text("UPDATE sale SET cashier_name = '@SUM(1+1)'"))
    client = sign_in(app, "manager")
    saved = 0
    paths = (
        "/manager/estate/units", "/manager/estate/tenants", "/manager/estate/meters", "/manager/sales", "/manager/people",
        "/manager/tariffs", "/manager/fees", "/manager/sellers", "/manager/reports/days", "/manager/reports/sums", "/manager/reports/quiet",
        "/manager/reports/dropped", "/manager/reports/tokens", "/manager/reports/shifts", "/manager/api-keys",
        "/manager/jobs", "/manager/campaign/route", "/engineer/work/orders", "/engineer/tokens", "/auditor/trail",
        "/auditor/books", "/auditor/proof/heads", "/keys/table",
    )  # fmt: skip
    for path in paths:
        status, text, book = csv_of(client, path)
        assert status == 200, path
        assert text.startswith("\ufeff"), path
        for line in text[1:].splitlines():
            for cell in line.split(","):
                assert cell.strip('"')[:1] not in ("=", "@", "+") or cell.strip('"') == "", (path, cell)
        with zipfile.ZipFile(io.BytesIO(book)) as content:
            assert b"<f>" not in content.read("xl/worksheets/sheet1.xml"), path
        saved += len(text.splitlines()) - 1
    assert saved > 100
    with shop.db.reading() as session:
        kept = session.execute(
            sa.text("SELECT count(*) FROM audit_entry WHERE act = 'table saved'")
        ).scalar_one()
    assert kept == 2 * len(paths)


def test_who_may_not_save_tables_sees_no_file(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "engineer")
    assert client.get("/manager/sales").status_code == 200
    assert client.get("/manager/sales", query_string={"as": "csv"}).status_code == 403


def test_a_person_with_two_sites_chooses_one_and_a_forged_choice_is_not_believed(
    app: Flask, shop: Shop, elsewhere: Elsewhere
) -> None:
    client = sign_in(app, "manager")
    with shop.db.reading() as session:
        other = session.execute(
            sa.text("SELECT site_key FROM tenant WHERE key = :key"), {"key": elsewhere.keys["tenant"]}
        ).scalar_one()
    word = form_word(client.get("/account").get_data(as_text=True))
    client.post("/preferences", data={"csrf_token": word, "site": other, "next": "/rooms"})
    client.set_cookie("site", other)
    assert client.get(f"/manager/tenants/{elsewhere.keys['tenant']}").status_code == 404
    with shop.db.writing() as session:
        john = people.find_person(session, "john")
        assert john is not None
        people.grant_role(session, shop.clock, SYSTEM, john.key, "manager", other, approval=None)
    assert client.get(f"/manager/tenants/{elsewhere.keys['tenant']}").status_code == 200
    assert client.get(f"/manager/meters/{shop.meter('G-03')}").status_code == 404
    client.post("/preferences", data={"csrf_token": word, "site": shop.site, "next": "/rooms"})
    assert client.get(f"/manager/meters/{shop.meter('G-03')}").status_code == 200
