"""The manager's acts as pages, from the form to its effect: estate, tariffs, people, keys of programs, lists brought in."""

from __future__ import annotations

import io
import re
import uuid

import pytest
import sqlalchemy as sa
from flask import Flask
from shop import Shop
from web_app import key_in, post, sign_in, sign_in_as
from werkzeug.test import TestResponse

from sts import drn
from vending.estate import queries as estate
from vending.payments import sellers
from vending.tariffs import document, fees, service
from vending.vends import service as vends
from vending.vends.plan import VendOrder


def test_a_unit_is_let_a_meter_registered_and_commissioned_and_the_till_can_sell(
    app: Flask, shop: Shop
) -> None:
    client = sign_in(app, "manager")
    unit = key_in(
        post(client, "/manager/estate/units/add", code="X-01", format="shop", area="55.5", floor="")
    )
    tenant = key_in(
        post(
            client, "/manager/estate/tenants/add", name="New Tenant", kind="company", phone="+27 82 555 0999"
        )
    )
    record = "600727" + drn.of("0700000055") + "0"
    refused = client.get("/manager/meters/add", query_string={"record": record})
    assert "not the record of a label" in refused.get_data(as_text=True)
    keying = {"sgc": "600100", "krn": "1", "key_type": "2", "ti": "01", "ea": "11", "dkga": "04", "tct": "02", "ken": "255", "base_date": "2014"}  # fmt: skip
    meter = key_in(
        post(
            client, "/manager/meters/add", number=drn.of("0700000055"), service="electricity", space=unit, label="",
            credit_in="meter", meter_class="small", profile="single-phase", ct="1/1", **keying,
        )
    )  # fmt: skip
    with shop.db.reading() as session:
        view = estate.list_meters(session, shop.clock, [meter])[0]
        assert view.label == "X-01"
        assert view.not_for_sale is not None
        tariff = next(one.code for one in service.list_versions(session) if one.service == "electricity")
    wrong = post(
        client, f"/manager/meters/{meter}/commission", evidence="", factory_credit="0", power_limit_w=""
    )
    assert wrong.status_code == 422
    post(
        client,
        f"/manager/meters/{meter}/commission",
        evidence="Display test seen, KRN 1",
        factory_credit="2.5",
        power_limit_w="",
    )
    moved = post(
        client, f"/manager/units/{unit}/move-in",
        **{"tenant": tenant, "starts_on": "2026-11-20", "ends_on": "", "deposit": "1500", "tariff:electricity": tariff},
    )  # fmt: skip
    assert moved.status_code == 303, moved.get_data(as_text=True)
    with shop.db.reading() as session:
        view = estate.list_meters(session, shop.clock, [meter])[0]
        assert view.not_for_sale is None
        assert view.tenant is not None
        assert view.tenant.name == "New Tenant"
    page = client.get(f"/manager/meters/{meter}").get_data(as_text=True)
    assert "Meter commissioned" in page
    assert post(client, f"/manager/meters/{meter}/block", reason="Cover is open").status_code == 303
    assert "Cover is open" in client.get(f"/manager/units/{unit}").get_data(as_text=True)


def test_what_was_typed_is_kept_and_refused_beside_its_field(app: Flask) -> None:
    client = sign_in(app, "manager")
    answer = post(client, "/manager/estate/units/add", code="X-02", format="shop", area="0", floor="")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'value="X-02"' in page
    assert re.search(r'id="area"[^>]*aria-invalid="true"', page)


def test_a_tariff_is_drafted_by_one_tried_and_published_by_another(app: Flask, shop: Shop) -> None:
    shop.sell(shop.basket(shop.order("G-03", 50_000)))
    with shop.db.reading() as session:
        meter = shop.meter("G-03")
        code = estate.list_meters(session, shop.clock, [meter])[0].tariff
        assert code is not None
        (old,) = service.list_versions(session, code)
    text = document.written(old.document)
    dearer = re.sub(r"^valid_from = .*$", "valid_from = 2026-12-01", text, flags=re.M)
    rate = re.search(r"rate = ([0-9.]+)", dearer)
    assert rate is not None
    dearer = dearer.replace(rate[0], rate[0].replace(rate[1], str(float(rate[1]) * 2)), 1)
    client = sign_in(app, "manager")
    broken = post(client, "/manager/tariffs/draft", text="code = 3")
    assert broken.status_code == 422
    answer = post(client, "/manager/tariffs/draft", text=dearer)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    address = answer.headers["Location"]
    version = address.split("version=")[1]
    page = client.get(f"/manager/tariffs/{code}", query_string={"version": version, "effect": "1"}).get_data(
        as_text=True
    )
    assert "would have cost" in page
    assert re.search(r"1 tenants pay more, 0 pay less", page)
    tried = client.get(
        f"/manager/tariffs/{code}", query_string={"version": version, "customer": meter, "amount": "500"}
    )
    assert "gives" in tried.get_data(as_text=True)
    assert (
        post(client, f"/manager/tariffs/{code}/{version}/publish", reason="Council decision 14").status_code
        == 303
    )
    second = sign_in_as(app, "grace")
    waiting = second.get("/supervisor/approvals").get_data(as_text=True)
    key = re.search(r'id="act-([0-9a-f]+)"', waiting)
    assert key is not None
    assert post(second, f"/supervisor/approvals/{key[1]}/yes", confirm="8415").status_code == 303
    with shop.db.reading() as session:
        assert service.one_version(session, version).state == service.PUBLISHED
        assert (
            service.list_in_force(
                session, [code], shop.clock.now(), estate.one_site(session, shop.site).zone
            )[code].key
            == old.key
        )


def test_a_list_is_tried_first_and_then_brought_in_whole(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "manager")

    def tried(text: str) -> TestResponse:
        return post(client, "/manager/import", kind="units", file=(io.BytesIO(text.encode()), "units.csv"))

    bad = tried("unit,area_m2,format\nY-01,0,shop\n=1+1,20,shop\n")
    page = bad.get_data(as_text=True)
    assert bad.status_code == 422
    assert "B2" in page
    assert "formula" in page
    good = tried("unit,area_m2,format\nY-01,20,shop\nY-02,35.5,office\n").get_data(as_text=True)
    name = re.search(r'name="file" value="([^"]+)"', good)
    assert name is not None, good
    for forged in ("../../etc/passwd", name[1].replace("units", "meters"), "0" * 32 + "-units.csv"):
        assert post(client, "/manager/import/run", file=forged).status_code == 422
    assert post(client, "/manager/import/run", file=name[1]).status_code == 303
    assert post(client, "/manager/import/run", file=name[1]).status_code == 422
    with shop.db.reading() as session:
        assert session.execute(sa.text("SELECT count(*) FROM space WHERE code LIKE 'Y-%'")).scalar_one() == 2


def test_a_program_that_sells_gets_its_key_by_two_and_sees_it_once(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "manager")
    reads = post(
        client, "/manager/api-keys/new", name="Books", days="30", calls_a_minute="60", sale_limit="",
        **{"scope:ledger.read": "1"},
    )  # fmt: skip
    assert "shown this once" in reads.get_data(as_text=True)
    sells = post(
        client, "/manager/api-keys/new", name="Kiosk", days="30", calls_a_minute="60", sale_limit="500", reason="Kiosk at the gate",
        **{"scope:sale.make": "1"},
    )  # fmt: skip
    assert sells.status_code == 303
    second = sign_in_as(app, "grace")
    key = re.search(r'id="act-([0-9a-f]+)"', second.get("/supervisor/approvals").get_data(as_text=True))
    assert key is not None
    assert post(second, f"/supervisor/approvals/{key[1]}/yes", confirm="8415").status_code == 303
    assert post(second, f"/manager/api-keys/{key[1]}/take").status_code == 404
    shown = post(client, f"/manager/api-keys/{key[1]}/take")
    assert "shown this once" in shown.get_data(as_text=True)
    assert post(client, f"/manager/api-keys/{key[1]}/take").status_code == 403


def test_a_person_is_added_and_his_session_ends_when_the_account_closes(app: Flask) -> None:
    client = sign_in(app, "manager")
    page = post(
        client,
        "/manager/people/add",
        name="Sizwe Dube",
        login="sizwe",
        role="cashier",
        reason="New at the desk",
    )
    assert "shown this once" in page.get_data(as_text=True)
    cashier = sign_in(app, "cashier")
    listed = client.get("/manager/people", query_string={"q": "Thandi"}).get_data(as_text=True)
    key = re.search(r"/manager/people/([0-9a-f]{16})", listed)
    assert key is not None
    assert post(client, f"/manager/people/{key[1]}/close", reason="x").status_code == 422
    assert post(client, f"/manager/people/{key[1]}/close", reason="Left the company").status_code == 303
    assert cashier.get("/cashier/till").status_code in (303, 401)


@pytest.mark.parametrize("role", ["manager", "supervisor", "key custodian", "engineer", "auditor"])
def test_the_menu_has_at_most_six_words_and_each_leads_to_a_page(app: Flask, role: str) -> None:
    client = sign_in(app, role)
    page = client.get("/rooms").get_data(as_text=True)
    menu = re.search(r'<nav class="menu".*?</nav>', page, re.DOTALL)
    assert menu is not None
    words = re.findall(r'href="([^"]+)"', menu[0])
    assert 2 <= len(words) <= 6
    assert [client.get(word).status_code for word in words] == [200] * len(words)


def agree(app: Flask) -> str:
    """The other manager's yes on what waits; what his page then says."""
    second = sign_in_as(app, "grace")
    key = re.search(r'id="act-([0-9a-f]+)"', second.get("/supervisor/approvals").get_data(as_text=True))
    assert key is not None
    page = second.get(f"/supervisor/approvals/{key[1]}").get_data(as_text=True)
    answer = post(second, f"/supervisor/approvals/{key[1]}/yes", confirm="8415")
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return page + second.get(answer.headers["Location"]).get_data(as_text=True)


def test_a_fee_is_changed_by_two_and_holds_at_the_next_basket(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "manager")

    def fee(code: str) -> fees.FeeView | None:
        with shop.db.reading() as session:
            return next((one for one in fees.list_fees(session, shop.site) if one.code == code), None)

    told = {"label": "Lost card", "amount": "115.00", "tax_code": "vat", "tax_label": "VAT", "tax_percent": "15", "tax_included": "1", "reason": "Cards are lost daily"}  # fmt: skip
    for wrong, field in (({"code": "Lost Card"}, "small letters"), ({"code": "debt"}, "small letters"), ({"code": "lost-card", "tax_percent": "120"}, "between 0 and 100"), ({"code": "lost-card", "tax_percent": "x"}, "percentage")):  # fmt: skip
        refused = post(client, "/manager/fees/change", **(told | wrong))
        assert refused.status_code == 422
        assert field in refused.get_data(as_text=True)
    assert post(client, "/manager/fees/change", code="lost-card", **told).status_code == 303
    assert fee("lost-card") is None, "one person publishes nothing"
    assert "115.00" in agree(app)
    made = fee("lost-card")
    assert made is not None
    assert (made.amount_minor, made.tax_code, made.tax_included) == (11_500, "vat", True)
    order = VendOrder(str(uuid.uuid4()), shop.meter("G-03"), kind="charge", charge="lost-card")
    (outcome,) = shop.sell(shop.basket(order))
    assert isinstance(outcome, vends.SaleOutcome), outcome
    assert "Lost card" in client.get("/manager/fees").get_data(as_text=True)
    assert (
        post(client, "/manager/fees/change?code=lost-card", code="lost-card", retired="1", **told).status_code
        == 303
    )
    assert "no longer" in agree(app)
    assert fee("lost-card") is None


def test_a_seller_is_entered_by_one_and_gets_credit_by_two(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "manager")
    assert post(client, "/manager/sellers/new", code="kiosk9", name="Kiosk at the gate").status_code == 303
    paid = {"amount": "1000.00", "reference": "line-17"}
    assert post(client, "/manager/sellers/KIOSK9/pay-in", **paid).status_code == 303
    assert post(client, "/manager/sellers/KIOSK9/pay-in", **paid).status_code == 303, (
        "the same line is booked once"
    )
    refused = post(
        client, "/manager/sellers/KIOSK9/terms", commission="1.5", credit_limit="0", reason="Agreed by letter"
    )
    assert "per cent sign" in refused.get_data(as_text=True)
    asked = post(client, "/manager/sellers/KIOSK9/terms", commission="1.5 %", credit_limit="250.00", reason="Agreed by letter")  # fmt: skip
    assert asked.status_code == 303

    def position() -> tuple[int, int, int]:
        with shop.db.reading() as session:
            one = sellers.one(session, "KIOSK9")
            at = sellers.position(session, one)
        return at.deposit_minor, at.credit_limit_minor, one.commission.basis_points

    assert position() == (100_000, 0, 0)
    assert "other terms wait" in client.get("/manager/sellers/KIOSK9").get_data(as_text=True).lower()
    assert "1.5 %" in agree(app)
    assert position() == (100_000, 25_000, 150)
    too_much = post(client, "/manager/sellers/KIOSK9/settle", amount="5.00", reference="c-1")
    assert "has earned" in too_much.get_data(as_text=True)
    assert post(client, "/manager/sellers/KIOSK9/block", reason="Did not settle").status_code == 303
    with shop.db.reading() as session:
        assert sellers.one(session, "KIOSK9").blocked_why == "Did not settle"
    assert "Kiosk at the gate" in client.get("/manager/sellers").get_data(as_text=True)
    assert client.get("/manager/sellers/NOBODY").status_code == 404
