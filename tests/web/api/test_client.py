"""The Python client against a real server: a site with the real path of the sale, and the conformance kit."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from api_cast import add_key, add_seller, number_of
from flask import Flask
from served import served
from shop import Shop

from vending import client as client_module
from vending.client import Ampoule, OutcomeUnknown, Refused, Unavailable
from vending.client import Order as Wanted
from vending.conformance import judging
from vending.conformance import server as kit
from vending.sandbox.meters import RESERVED
from vending.web.api import sandbox_desk


@pytest.fixture
def site(app: Flask, shop: Shop) -> Iterator[Ampoule]:
    add_seller(shop)
    with served(app) as url:
        yield Ampoule(url, add_key(shop, scopes=("sale.make", "sale.reprint", "sale.reverse")))


def test_a_sale_from_look_up_to_confirmation(site: Ampoule, shop: Shop) -> None:
    assert site.status().ready
    meter = site.look_up(number_of(shop, "G-03"))
    assert meter.for_sale
    quote = site.quote_money(meter.number, 100_00, meter.currency)
    vend = site.sell(Wanted.for_money(meter.number, 100_00, meter.currency))
    assert (vend.units, vend.paid_minor) == (quote.units, 100_00)
    assert len(vend.tokens[0].digits) == 20
    assert site.confirm(vend.order_id).handed_over_at is not None
    assert site.reprint(vend.order_id).copy_number == 1
    assert site.advise(vend.order_id).tokens == site.last().tokens == vend.tokens
    assert site.request_reversal(vend.order_id, "wrong meter, says the customer").state == "asked"
    assert [one.order_id for one in site.vends()] == [vend.order_id]
    assert site.seller().position.remaining_minor == 4_900_00
    now = shop.clock.now()
    statement = site.statement(now - timedelta(days=1), now + timedelta(days=1))
    assert statement.closing_minor == 4_900_00
    batch = site.sell_many([Wanted.for_energy(meter.number, 10), Wanted.for_money("00000000018", 100, "ZAR")])
    assert [result.status for result in batch.results] == [200, 404]


def test_a_refusal_carries_its_code(site: Ampoule, shop: Shop) -> None:
    with pytest.raises(Refused) as refused:
        site.sell(Wanted.for_money(number_of(shop, "G-03"), 1, "ZAR"))
    assert refused.value.problem.code == "sale_too_small"
    with pytest.raises(Refused, match="order_unknown"):
        site.advise(str(uuid.uuid4()))


def test_an_order_that_stays_undecided_is_said_to_be_unknown_and_comes_right_later(
    app: Flask, shop: Shop
) -> None:
    add_seller(shop)
    shop.module.lose_answer = True
    with served(app) as url:
        site = Ampoule(url, add_key(shop), patience_s=2, sleep=lambda seconds: time.sleep(seconds / 10))
        wanted = Wanted.for_money(number_of(shop, "G-03"), 100_00, "ZAR")
        with pytest.raises(OutcomeUnknown) as unknown:
            site.sell(wanted)
        assert unknown.value.order_id == wanted.order_id
        shop.module.lose_answer = False
        assert site.sell(wanted).state == "issued"


def test_a_server_that_is_not_there_is_unavailable_and_a_sale_unknown() -> None:
    nobody = Ampoule("http://127.0.0.1:9", "ampoule_x", patience_s=0.2, sleep=lambda _seconds: None)
    with pytest.raises(Unavailable):
        nobody.status()
    with pytest.raises(OutcomeUnknown):
        nobody.sell(Wanted.for_money(RESERVED[0].number, 100, "ZAR"))


# --- the conformance kit ----------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_desk, "SLOW_S", 0.2)


def good(site: Ampoule) -> None:
    """Does every task as the kit asks for it."""
    first = ""
    for reserved in RESERVED:
        meter = site.look_up(reserved.number)
        if not meter.for_sale:
            continue
        try:
            vend = site.sell(Wanted.for_money(meter.number, 5000, meter.currency))
        except Refused:
            continue
        first = first or vend.order_id
        site.confirm(vend.order_id)
    site.reprint(first)


def run_kit(app_of: tuple[Flask, kit.Record], do: Callable[[Ampoule], None]) -> dict[str, judging.Verdict]:
    app, record = app_of
    with served(app) as url:
        do(Ampoule(url, kit.KEY))
    return {verdict.rule: verdict for verdict in judging.judge(record.calls)}


def test_our_own_client_conforms(app: Flask, quick: None) -> None:
    verdicts = run_kit(kit.create_kit(app.extensions["ampoule"]), good)
    assert [one for one in verdicts.values() if one.state != judging.PASSED] == []
    assert "This client conforms." in kit.told(list(verdicts.values()))


class Careless(Ampoule):
    """Makes a new order whenever an answer does not please it, and neither looks nor asks nor waits."""

    def sell(self, order: Wanted) -> client_module.Vend:
        for _ in range(2):
            try:
                return client_module._read(client_module.Vend, self._post("/vends", vars_of(order))[1])
            except Unavailable:
                order = Wanted(str(uuid.uuid4()), order.meter, order.amount)
        raise OutcomeUnknown(order.order_id)


def vars_of(order: Wanted) -> dict[str, object]:
    return {"order_id": order.order_id, "meter": order.meter, "amount": order.amount}


def careless(site: Ampoule) -> None:
    """The planted faults of the kit: each rule has somebody who breaks it."""
    bad = Careless(site._root.removesuffix("/api/v1"), kit.KEY)
    for reserved in RESERVED:
        if reserved.outcome == "blocked":
            bad.look_up(reserved.number)
        for _ in range(2 if reserved.outcome in ("refused", "limit") else 1):
            try:
                bad.sell(
                    Wanted.for_money(
                        reserved.number,
                        5000,
                        "ZAR",
                        order_id=str(uuid.UUID(int=reserved.serial)),
                    )
                )
            except (Refused, OutcomeUnknown):
                continue
    # One id for two orders, a field that nobody asked for, and a slow meter asked twice with two ids.
    for body in (
        {**vars_of(Wanted.for_money(RESERVED[1].number, 7000, "ZAR")), "order_id": str(uuid.UUID(int=1))},
        {**vars_of(Wanted.for_money(RESERVED[0].number, 7000, "ZAR")), "made": "up"},
        vars_of(Wanted.for_money(RESERVED[6].number, 7000, "ZAR")),
    ):
        try:
            bad._post("/vends", body)
        except Refused:
            continue


def test_a_careless_client_fails_every_rule_that_it_breaks(app: Flask, quick: None) -> None:
    verdicts = run_kit(kit.create_kit(app.extensions["ampoule"]), careless)
    kept = {rule for rule, verdict in verdicts.items() if verdict.state == judging.PASSED}
    assert kept == set(), kept
    assert verdicts["reprint"].state == judging.NOT_SEEN
    assert not judging.conforms(list(verdicts.values()))
    assert "pays twice" in verdicts["lost-after"].why


def test_who_does_nothing_has_passed_nothing() -> None:
    assert {verdict.state for verdict in judging.judge([])} == {judging.NOT_SEEN}


def test_the_kit_says_what_to_do(app: Flask) -> None:
    pages, _record = kit.create_kit(app.extensions["ampoule"])
    client = pages.test_client()
    assert RESERVED[7].number in client.get("/").get_data(as_text=True)
    assert "not seen" in client.get("/verdict").get_data(as_text=True)
