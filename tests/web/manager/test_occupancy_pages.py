"""Moving out and swapping a meter as pages: what is settled is seen first, a second person agrees, and it happens once."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest
from flask import Flask
from shop import Shop
from web_app import key_in, post, sign_in, sign_in_as

from sts import drn
from vending.access.policy import SYSTEM
from vending.estate import meters as estate_meters
from vending.estate import queries as estate
from vending.estate.views import MeterView


def meter_of(shop: Shop, unit: str) -> MeterView:
    with shop.db.reading() as session:
        return estate.list_meters(session, shop.clock, [shop.meter(unit)])[0]


def token_meters(shop: Shop, of: MeterView) -> list[MeterView]:
    assert of.space is not None
    with shop.db.reading() as session:
        return [
            one
            for one in estate.meters_of_space(session, shop.clock, of.space.key)
            if one.credit_in == "meter"
        ]


def seen_in(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]+)"', page)
    assert found, page
    return found[1]


def approve(app: Flask, login: str = "grace") -> None:
    second = sign_in_as(app, login)
    waiting = second.get("/supervisor/approvals").get_data(as_text=True)
    key = re.search(r'id="act-([0-9a-f]+)"', waiting)
    assert key is not None
    answer = post(second, f"/supervisor/approvals/{key[1]}/yes", confirm="8415")
    assert answer.status_code == 303, answer.get_data(as_text=True)


def test_a_tenant_moves_out_after_what_is_settled_was_seen_and_agreed_to(app: Flask, shop: Shop) -> None:
    shop.sell(shop.basket(shop.order("G-03", 50_000)))
    here = meter_of(shop, "G-03")
    assert here.lease is not None
    assert here.space is not None
    client = sign_in(app, "manager")
    unit = client.get(f"/manager/units/{here.space.key}").get_data(as_text=True)
    address = f"/manager/occupancy/move-out/{here.lease.key}"
    assert address in unit
    typed: dict[str, object] = {"reason": "The lease ends", "evidence": "Read with the tenant, photo 12"}
    for one in token_meters(shop, here):
        typed |= {f"total:{one.key}": "0", f"credit:{one.key}": "0", f"credit-goes:{one.key}": "leave"}
    refused = post(client, address, **{**typed, f"total:{here.key}": "12,34,5"})
    assert refused.status_code == 422
    assert 'value="12,34,5"' in refused.get_data(as_text=True)
    shown = post(client, address, step="look", **typed).get_data(as_text=True)
    assert "Sold and not entered" in shown
    assert "Deposit and debts" in shown
    # Figures that changed since they were shown are shown again, not agreed to unseen.
    again = post(client, address, step="do", seen=seen_in(shown), **{**typed, f"total:{here.key}": "0.5"})
    assert again.status_code == 200
    act = key_in(post(client, address, step="do", seen=seen_in(shown), **typed))
    page = client.get(f"/manager/occupancy/move-outs/{act}").get_data(as_text=True)
    assert "waits for the second person" in page
    twice = post(client, address, step="do", seen=seen_in(shown), **typed)
    assert twice.status_code == 409
    approve(app)
    page = client.get(f"/manager/occupancy/move-outs/{act}").get_data(as_text=True)
    assert "waits for the second person" not in page
    assert meter_of(shop, "G-03").state == "blocked"
    assert "G-03" in client.get("/manager/occupancy").get_data(as_text=True)


def test_a_move_out_that_was_rejected_or_withdrawn_can_be_asked_for_again(app: Flask, shop: Shop) -> None:
    here = meter_of(shop, "G-03")
    assert here.lease is not None
    client = sign_in(app, "manager")
    address = f"/manager/occupancy/move-out/{here.lease.key}"
    typed: dict[str, object] = {"reason": "The lease ends", "evidence": "Read with the tenant, photo 12"}
    for one in token_meters(shop, here):
        typed |= {f"total:{one.key}": "0", f"credit:{one.key}": "0", f"credit-goes:{one.key}": "leave"}
    seen = seen_in(post(client, address, step="look", **typed).get_data(as_text=True))
    act = key_in(post(client, address, step="do", seen=seen, **typed))
    assert post(client, f"/manager/occupancy/move-outs/{act}/withdraw").status_code == 303
    act = key_in(post(client, address, step="do", seen=seen, **typed))
    second = sign_in_as(app, "grace")
    waiting = second.get("/supervisor/approvals").get_data(as_text=True)
    key = re.search(r'id="act-([0-9a-f]+)"', waiting)
    assert key is not None
    assert "move out of G-03" in waiting
    assert post(second, f"/supervisor/approvals/{key[1]}/no", reason="Read it again").status_code == 303
    assert "not done" in client.get(f"/manager/occupancy/move-outs/{act}").get_data(as_text=True)
    assert post(client, address, step="do", seen=seen, **typed).status_code == 303


@pytest.fixture
def spare(shop: Shop) -> str:
    """A new meter in the store room, under its own key."""
    here = meter_of(shop, "G-03")
    keying = {name: value for name, value in asdict(here.keying).items() if name != "pan"}
    with shop.db.writing() as session:
        key = estate_meters.add_meter(
            session, shop.clock, SYSTEM, site=shop.site, number=drn.of("0199990001"), service="electricity",
            keying=keying, label="spare", tariff=here.tariff,
        )  # fmt: skip
        estate_meters.commission(session, shop.clock, SYSTEM, key, evidence="display test seen")
    return key


def test_a_meter_is_swapped_and_seen_again(app: Flask, shop: Shop, spare: str) -> None:
    shop.sell(shop.basket(shop.order("G-03", 50_000)))
    old = meter_of(shop, "G-03")
    client = sign_in(app, "engineer")
    assert f"/manager/occupancy/swap/{old.key}" in client.get(f"/manager/meters/{old.key}").get_data(
        as_text=True
    )
    address = f"/manager/occupancy/swap/{old.key}"
    typed = {"new": spare, "total": "10", "credit": "", "units": "", "reason": "Dead display", "evidence": "Photo 3"}  # fmt: skip
    unchosen = post(client, address, step="look", **{**typed, "new": ""})
    assert unchosen.status_code == 422
    assert "Choose the meter that takes its place" in unchosen.get_data(as_text=True)
    too_much = post(client, address, step="look", **{**typed, "units": "99999"})
    assert too_much.status_code == 422
    shown = post(client, address, step="look", **{**typed, "units": "5"}).get_data(as_text=True)
    assert "Gets as a token" in shown
    act = key_in(post(client, address, step="do", seen=seen_in(shown), **{**typed, "units": "5"}))
    approve(app)
    page = client.get(f"/manager/occupancy/swaps/{act}").get_data(as_text=True)
    assert "Tokens of this act" in page
    gone = client.get(f"/manager/meters/{old.key}").get_data(as_text=True)
    assert f"/manager/occupancy/found/{old.key}" in gone
    back = post(client, f"/manager/occupancy/found/{old.key}", units="4.5", evidence="On the bench")
    assert back.status_code == 303
    assert "4.5 kWh" in client.get(f"/manager/occupancy/swaps/{act}").get_data(as_text=True)
    assert (
        post(client, f"/manager/occupancy/found/{old.key}", units="4", evidence="Again?").status_code == 409
    )
