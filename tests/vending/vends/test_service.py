"""The sale: money and token move together, once, whatever fails in between."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from shop import Shop

from keystore.module import Issued, Refused
from vending.estate import queries as estate
from vending.estate.errors import MeterUnknown
from vending.ledger import queries as ledger
from vending.ledger import service as ledger_service
from vending.ledger.entries import transfer
from vending.payments.tender import AccountShort, Tender, TenderUnknown
from vending.vends import queries
from vending.vends import service as vends
from vending.vends.errors import ModuleNotReady, OrderIdReused, SaleTooSmall
from vending.vends.plan import VendOrder
from vending.vends.tables import Token, Vend


def totals(shop: Shop) -> dict[tuple[str, str], int]:
    """Every account's first word with the sum of its legs, debit positive."""
    with shop.db.reading() as session:
        lines = ledger.trial_balance(session)
    found: dict[tuple[str, str], int] = {}
    for line in lines:
        root = line.account.split("/")[0]
        found[root, line.unit] = found.get((root, line.unit), 0) + line.debits - line.credits
    return {place: amount for place, amount in found.items() if amount}


def one(shop: Shop, key: str) -> queries.SaleView:
    with shop.db.reading() as session:
        return queries.one_sale(session, key)


def test_a_sale_takes_the_money_once_and_gives_one_token(shop: Shop) -> None:
    before = totals(shop)
    basket = shop.basket(shop.order("G-03", 50000))
    (outcome,) = shop.sell(basket)
    assert isinstance(outcome, vends.SaleOutcome)
    sale = one(shop, outcome.sale_key)
    assert sale.state == "issued"
    assert len(sale.tokens) == 1
    assert sale.receipt == "N1-000001"
    units = sale.vends[0].units
    after = totals(shop)
    assert after["cash", "ZAR"] - before.get(("cash", "ZAR"), 0) == 50000
    assert after.get(("held", "ZAR"), 0) == 0
    assert sum(amount for (_root, unit), amount in after.items() if unit == "ZAR") == 0
    with shop.db.reading() as session:
        assert ledger.balance(session, f"energy/meter/{sale.vends[0].meter_key}", "electricity") == units
    lines = sale.content["orders"][0]["lines"]
    assert sum(line["amount_minor"] for line in lines) == 50000


def test_the_same_order_again_is_the_same_sale_with_the_same_token(shop: Shop) -> None:
    basket = shop.basket(shop.order("G-03", 50000))
    (first,) = shop.sell(basket)
    booked = totals(shop)
    (again,) = shop.sell(basket)
    assert again == first
    assert totals(shop) == booked
    with shop.db.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Token)) == 1


def test_the_same_id_with_another_amount_is_refused_and_books_nothing(shop: Shop) -> None:
    order = shop.order("G-03", 50000)
    basket = shop.basket(order)
    shop.sell(basket)
    booked = totals(shop)
    changed = shop.basket(VendOrder(order.order_id, order.meter, money_minor=60000), sale_id=basket.sale_id)
    elsewhere = shop.basket(order)
    for wrong in (changed, elsewhere):
        (refused,) = shop.sell(wrong)
        assert isinstance(refused, OrderIdReused)
    assert totals(shop) == booked


def test_two_clicks_that_travel_in_one_group_are_one_sale(shop: Shop) -> None:
    basket = shop.basket(shop.order("G-03", 50000))
    answers = shop.sell(basket, basket)
    assert sum(isinstance(answer, vends.SaleOutcome) for answer in answers) >= 1
    with shop.db.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Vend)) == 1
    assert totals(shop)["cash", "ZAR"] == 50000


def test_one_bad_basket_never_fails_its_neighbours(shop: Shop) -> None:
    good, small = shop.basket(shop.order("G-03", 50000)), shop.basket(shop.order("G-05", 1))
    unknown = shop.basket(VendOrder(str(uuid.uuid4()), "0" * 16, money_minor=10000))
    first, second, third = shop.sell(good, small, unknown)
    assert isinstance(first, vends.SaleOutcome)
    assert isinstance(second, SaleTooSmall)
    assert isinstance(third, MeterUnknown)
    assert totals(shop)["cash", "ZAR"] == 50000


def test_a_basket_that_was_refused_for_a_neighbour_who_then_fails_is_told_as_sold(shop: Shop) -> None:
    """Both pay the same debt, and only one can; the one that came first has no money after all."""
    with shop.db.reading() as session:
        debtor = estate.one_meter(session, shop.clock, shop.meter("G-04")).tenant
    assert debtor is not None
    poor, good = (
        shop.basket(VendOrder(str(uuid.uuid4()), kind="charge", tenant=debtor.key, charge="debt/last-year"))
        for _ in range(2)
    )
    short, paid = shop.sell(replace(poor, tenders=(Tender("account"),)), good)
    assert isinstance(short, AccountShort)
    assert isinstance(paid, vends.SaleOutcome)
    assert totals(shop)["cash", "ZAR"] == 128_460


def test_no_money_is_taken_while_the_module_is_away(shop: Shop) -> None:
    shop.module.away = True
    (refused,) = shop.sell(shop.basket(shop.order("G-03", 50000)))
    assert isinstance(refused, ModuleNotReady)
    assert "no money is due" in refused.sentence
    assert ("cash", "ZAR") not in totals(shop)


def test_a_lost_answer_leaves_the_sale_open_and_the_worker_finds_the_same_token(shop: Shop) -> None:
    shop.module.lose_answer = True
    (outcome,) = shop.sell(shop.basket(shop.order("G-03", 50000)))
    assert isinstance(outcome, vends.SaleOutcome)
    assert outcome.is_open
    assert one(shop, outcome.sale_key).tokens == ()
    held = totals(shop)["held", "ZAR"]
    assert held == -50000
    shop.module.lose_answer = False
    logged = [entry for entry in shop.module.log.values() if isinstance(entry, Issued)]
    assert len(logged) == 1
    shop.clock.advance(timedelta(seconds=10))
    vends.complete(shop.db, shop.clock, shop.module, vends.list_open(shop.db, shop.clock))
    sale = one(shop, outcome.sale_key)
    assert [token.digits for _vend, token in sale.tokens] == list(logged[0].tokens)
    assert ("held", "ZAR") not in totals(shop)
    assert vends.list_open(shop.db, shop.clock) == []


def test_a_refused_order_is_cancelled_in_the_module_before_the_money_is_given_back(shop: Shop) -> None:
    order = shop.order("G-03", 50000)
    shop.module.refuse[order.order_id] = Refused(order.order_id, "budget-spent", "The budget is spent.")
    (outcome,) = shop.sell(shop.basket(order))
    assert isinstance(outcome, vends.SaleOutcome)
    sale = one(shop, outcome.sale_key)
    assert sale.state == "refused"
    assert sale.vends[0].refusal_code == "budget-spent"
    assert type(shop.module.log[order.order_id]).__name__ == "Cancelled"
    tenant = sale.vends[0].tenant_key
    with shop.db.reading() as session:
        assert ledger.balance(session, f"kept/{tenant}", "ZAR") == 50000
    # The next purchase spends it first: the customer pays nothing and gets the energy.
    shop.module.refuse.clear()
    (again,) = shop.sell(shop.basket(shop.order("G-03", 10)))
    assert isinstance(again, vends.SaleOutcome)
    assert one(shop, again.sale_key).vends[0].units > 0


def test_what_a_purchase_leaves_over_is_kept_and_spent_first_by_the_next(shop: Shop) -> None:
    (first,) = shop.sell(shop.basket(shop.order("G-03", 50000)))
    assert isinstance(first, vends.SaleOutcome)
    tenant = one(shop, first.sale_key).vends[0].tenant_key
    with shop.db.reading() as session:
        kept = ledger.balance(session, f"kept/{tenant}", "ZAR")
    assert 0 <= kept < 260
    (second,) = shop.sell(shop.basket(shop.order("G-03", 50000)))
    assert isinstance(second, vends.SaleOutcome)
    lines = one(shop, second.sale_key).content["orders"][0]["lines"]
    assert [line["amount_minor"] for line in lines if line["id"] == "kept-before"] == (
        [-kept] if kept else []
    )
    assert sum(line["amount_minor"] for line in lines) == 50000


def test_several_lines_of_one_basket_share_a_receipt_and_know_of_each_other(shop: Shop) -> None:
    """Two lines for one meter climb the same ladder of prices, and the daily charge is taken once."""
    meter = shop.meter("G-03")
    orders = tuple(VendOrder(str(uuid.uuid4()), meter, money_minor=100_000) for _ in range(2))
    (outcome,) = shop.sell(shop.basket(*orders))
    assert isinstance(outcome, vends.SaleOutcome)
    sale = one(shop, outcome.sale_key)
    assert sale.total_minor == 200_000
    assert len(sale.tokens) == 2
    first, second = (order["lines"] for order in sale.content["orders"])
    assert "service" in [line["id"] for line in first]
    assert "service" not in [line["id"] for line in second]
    rates = {part[2] for line in second if "parts" in line for part in line["parts"]}
    assert "2.64" in rates


def test_debts_are_recovered_at_a_sale_and_go_down(shop: Shop) -> None:
    (outcome,) = shop.sell(shop.basket(shop.order("G-04", 150_000)))
    assert isinstance(outcome, vends.SaleOutcome)
    tenant = one(shop, outcome.sale_key).vends[0].tenant_key
    with shop.db.reading() as session:
        assert ledger.balance(session, f"debt/{tenant}/last-year", "ZAR") == 128_460 - 15_000


def test_receipt_numbers_have_no_gaps_even_when_a_basket_is_refused(shop: Shop) -> None:
    for money in (50000, 1, 50000, 1, 50000):
        shop.sell(shop.basket(shop.order("G-03", money)))
    with shop.db.reading() as session:
        found = queries.list_last_of_till(session, shop.site, "N1")
    assert sorted(sale.receipt for sale in found) == ["N1-000001", "N1-000002", "N1-000003"]


def test_a_copy_is_counted_and_changes_nothing_else(shop: Shop) -> None:
    from vending.audit import SYSTEM

    (outcome,) = shop.sell(shop.basket(shop.order("G-03", 50000)))
    assert isinstance(outcome, vends.SaleOutcome)
    booked, before = totals(shop), one(shop, outcome.sale_key)
    assert [vends.reprint(shop.db, shop.clock, outcome.sale_key, actor=SYSTEM) for _ in range(3)] == [1, 2, 3]
    after = one(shop, outcome.sale_key)
    assert after.tokens == before.tokens
    assert totals(shop) == booked


@pytest.mark.parametrize(
    "statement", ["UPDATE token SET digits = '0'", "DELETE FROM token", "DELETE FROM payment"]
)
def test_tokens_and_payments_are_never_edited(shop: Shop, statement: str) -> None:
    shop.sell(shop.basket(shop.order("G-03", 50000)))
    with pytest.raises(sa.exc.DBAPIError, match="append only"), shop.db.writing() as session:
        session.execute(sa.text(statement))


def test_orders_that_wait_have_set_aside_what_they_spend_so_all_of_them_can_be_booked(shop: Shop) -> None:
    """A debt is recovered once and kept money is spent once, however many orders are paid before the first is released."""
    shop.module.lose_answer = True
    keys = []
    for _ in range(12):
        (outcome,) = shop.sell(shop.basket(shop.order("G-04", 150_000)))
        assert isinstance(outcome, vends.SaleOutcome)
        keys.append(outcome.sale_key)
    tenant = one(shop, keys[0]).vends[0].tenant_key
    shop.module.lose_answer = False
    shop.clock.advance(timedelta(seconds=10))
    vends.complete(shop.db, shop.clock, shop.module, vends.list_open(shop.db, shop.clock))
    assert {one(shop, key).state for key in keys} == {"issued"}
    with shop.db.reading() as session:
        assert ledger.balance(session, f"debt/{tenant}/last-year", "ZAR") == 0
    recovered = sum(
        line["amount_minor"]
        for key in keys
        for line in one(shop, key).content["orders"][0]["lines"]
        if line["id"].startswith("arrears")
    )
    assert recovered == 128_460
    assert ("held", "ZAR") not in totals(shop)
    assert ("suspense", "ZAR") not in totals(shop)


def test_two_baskets_of_one_tenant_in_one_group_spend_kept_money_once(shop: Shop) -> None:
    refused = shop.order("G-03", 15_000)
    shop.module.refuse[refused.order_id] = Refused(refused.order_id, "budget-spent", "The budget is spent.")
    shop.sell(shop.basket(refused))
    answers = shop.sell(*[shop.basket(shop.order("G-03", 20_000)) for _ in range(2)])
    sales = [one(shop, answer.sale_key) for answer in answers if isinstance(answer, vends.SaleOutcome)]
    assert [sale.state for sale in sales] == ["issued", "issued"]
    spent = [
        -line["amount_minor"]
        for sale in sales
        for line in sale.content["orders"][0]["lines"]
        if line["id"] == "kept-before"
    ]
    carried = [
        line["amount_minor"]
        for sale in sales
        for line in sale.content["orders"][0]["lines"]
        if line["id"] == "kept"
    ]
    assert spent[0] == 15_000
    with shop.db.reading() as session:
        left = ledger.balance(session, f"kept/{sales[0].vends[0].tenant_key}", "ZAR")
    assert left == 15_000 - sum(spent) + sum(carried)
    assert 0 <= left < 1000


def test_an_order_that_cannot_be_booked_is_released_with_its_money_in_suspense(shop: Shop) -> None:
    """Its token is in the module's log, so it must be shown; and its neighbours do not wait for it."""
    shop.module.lose_answer = True
    (bad,) = shop.sell(shop.basket(shop.order("G-03", 50_000)))
    (good,) = shop.sell(shop.basket(shop.order("G-05", 50_000)))
    assert isinstance(bad, vends.SaleOutcome)
    assert isinstance(good, vends.SaleOutcome)
    with shop.db.writing() as session:
        row = session.scalars(sa.select(Vend).where(Vend.sale_key == bad.sale_key)).one()
        row.settlement = {
            "legs": [
                *row.settlement["legs"],
                ["deposit/nobody", "ZAR", 10**9],
                ["rounding/cash", "ZAR", -(10**9)],
            ]
        }
    shop.module.lose_answer = False
    vends.complete(shop.db, shop.clock, shop.module, vends.list_open(shop.db, shop.clock))
    assert one(shop, bad.sale_key).state == one(shop, good.sale_key).state == "issued"
    assert totals(shop)["suspense", "ZAR"] == -50_000


def test_a_production_site_sells_nothing_with_test_keys(shop: Shop) -> None:
    (refused,) = vends.sell(
        shop.db, shop.clock, shop.module, [shop.basket(shop.order("G-03", 50_000))], live_only=True
    )
    assert isinstance(refused, ModuleNotReady)
    assert "test keys" in refused.sentence


@pytest.mark.parametrize("order", [{"units": 10**10}, {"money_minor": 10**12}])
def test_more_than_a_token_can_hold_is_refused_in_one_sentence(shop: Shop, order: dict[str, int]) -> None:
    (refused,) = shop.sell(
        shop.basket(VendOrder(str(uuid.uuid4()), shop.meter("G-03"), **order), received=10**13)
    )
    assert isinstance(refused, SaleTooSmall)
    assert "1,820,162.4" in refused.sentence


def test_one_sale_is_paid_in_several_ways_and_each_lands_in_its_own_account(shop: Shop) -> None:
    before = totals(shop)
    basket = replace(
        shop.basket(shop.order("G-03", 50_002)),
        tenders=(Tender("card", 20_000, "T-9"), Tender("cheque", 10_000, "000123"), Tender("cash", 30_000)),
    )
    (outcome,) = shop.sell(basket)
    assert isinstance(outcome, vends.SaleOutcome)
    after = totals(shop)
    moved = {root: after.get((root, "ZAR"), 0) - before.get((root, "ZAR"), 0) for root, _unit in after}
    assert (moved["card"], moved["cheque"], moved["cash"], moved["rounding"]) == (20_000, 10_000, 20_000, 2)
    sale = one(shop, outcome.sale_key)
    assert [(taken.way, taken.amount_minor, taken.change_minor) for taken in sale.taken] == [
        ("card", 20_000, 0),
        ("cheque", 10_000, 0),
        ("cash", 20_000, 10_000),
    ]
    assert shop.sell(basket) == [outcome]


def test_an_account_pays_for_its_own_tenant_and_never_below_zero(shop: Shop) -> None:
    order = shop.order("G-03", 50_000)
    with shop.db.reading() as session:
        meter = estate.one_meter(session, shop.clock, order.meter)
        stranger = estate.one_meter(session, shop.clock, shop.meter("G-04"))
    assert meter.tenant is not None
    assert stranger.tenant is not None
    with shop.db.writing() as session:
        ledger_service.post(
            session,
            shop.clock,
            [
                transfer(
                    "opening",
                    "test/1",
                    "ZAR",
                    60_000,
                    debited="bank/main",
                    credited=f"customer/{meter.tenant.key}",
                )
            ],
        )
    (outcome,) = shop.sell(replace(shop.basket(order), tenders=(Tender("account"),)))
    assert isinstance(outcome, vends.SaleOutcome)
    with shop.db.reading() as session:
        assert ledger.balance(session, f"customer/{meter.tenant.key}", "ZAR") == 10_000
    (short,) = shop.sell(replace(shop.basket(shop.order("G-03", 50_000)), tenders=(Tender("account"),)))
    assert isinstance(short, AccountShort)
    (foreign,) = shop.sell(
        replace(
            shop.basket(shop.order("G-03", 1_000)), tenders=(Tender("account", None, stranger.tenant.key),)
        )
    )
    assert isinstance(foreign, TenderUnknown)
