"""Every kind of order goes the one way: charges, top-ups, free units, several tokens, and what is refused of them."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import sqlalchemy as sa
from shop import Shop

from keystore.module import Budget, LimitLine, Refused
from sts import amount
from vending.access.policy import SYSTEM
from vending.auditor.report import run
from vending.errors import VendingError
from vending.estate import meters as estate_meters
from vending.estate import queries as estate
from vending.estate import service as estate_service
from vending.ledger import queries as ledger
from vending.vends import ordering, queries, splitting
from vending.vends import service as vends
from vending.vends.errors import AllowanceNotDue, BudgetTooSmall, ChargeUnfit, ModuleNotReady, TooManyTokens
from vending.vends.plan import VendOrder
from vending.vends.tables import AllowanceClaim, Token


def new_id() -> str:
    return str(uuid.uuid4())


def sold(shop: Shop, *orders: VendOrder) -> queries.SaleView:
    (outcome,) = shop.sell(shop.basket(*orders))
    assert isinstance(outcome, vends.SaleOutcome), outcome
    with shop.db.reading() as session:
        return queries.one_sale(session, outcome.sale_key)


def refused(shop: Shop, *orders: VendOrder) -> VendingError:
    (outcome,) = shop.sell(shop.basket(*orders))
    assert isinstance(outcome, VendingError), outcome
    return outcome


def balance(shop: Shop, account: str, unit: str = "ZAR") -> int:
    with shop.db.reading() as session:
        return ledger.balance(session, account, unit)


def tenant_of(shop: Shop, unit: str) -> str:
    with shop.db.reading() as session:
        meter = estate.one_meter(session, shop.clock, shop.meter(unit))
    assert meter.tenant is not None
    return meter.tenant.key


def without_day_limits(shop: Shop) -> None:
    shop.module.limits = (LimitLine("small", 10**9, 10**4), LimitLine("large", 10**9, 10**4))


def limit(shop: Shop, unit: str, units: int) -> None:
    with shop.db.writing() as session:
        estate_meters.set_token_limit(
            session, shop.clock, SYSTEM, shop.meter(unit), units, reason="register holds no more"
        )


def audited(shop: Shop) -> list[str]:
    with shop.db.reading() as session:
        report = run(session.connection(), now=shop.clock.now())
    return [fault for result in report.results for fault in result.faults]


def charge(shop: Shop, unit: str, code: str, money_minor: int | None = None, **more: object) -> VendOrder:
    return VendOrder(
        new_id(),
        shop.meter(unit),
        kind="charge",
        charge=code,
        money_minor=money_minor,
        **more,  # type: ignore[arg-type]
    )


def test_a_fee_is_paid_with_its_tax_and_without_a_token(shop: Shop) -> None:
    sale = sold(shop, charge(shop, "G-03", "parking", quantity=2))
    assert sale.state == "issued"
    assert sale.tokens == ()
    assert sale.total_minor == 138_000
    assert [line["amount_minor"] for line in sale.content["orders"][0]["lines"]] == [120_000, 18_000]
    assert balance(shop, "fees/parking") == 120_000
    assert balance(shop, "tax/vat") == 18_000
    assert balance(shop, f"held/{tenant_of(shop, 'G-03')}") == 0
    assert shop.module.log == {}
    assert audited(shop) == []


def test_charges_are_taken_while_the_module_is_away_and_tokens_are_not(shop: Shop) -> None:
    shop.module.away = True
    assert sold(shop, charge(shop, "G-03", "deposit", 100_000)).state == "issued"
    assert balance(shop, f"deposit/{tenant_of(shop, 'G-03')}") == 100_000
    wrong = refused(shop, charge(shop, "G-03", "deposit", 100_000), shop.order("G-03", 10_000))
    assert isinstance(wrong, ModuleNotReady)
    assert balance(shop, f"deposit/{tenant_of(shop, 'G-03')}") == 100_000


def test_a_debt_is_paid_in_parts_and_never_twice(shop: Shop) -> None:
    debt = f"debt/{tenant_of(shop, 'G-04')}/last-year"
    sale = sold(shop, charge(shop, "G-04", "debt/last-year", 28_460))
    assert sale.content["orders"][0]["debt"] == {"before_minor": 128_460, "after_minor": 100_000}
    assert balance(shop, debt) == 100_000
    too_much = refused(shop, charge(shop, "G-04", "debt/last-year", 100_001))
    assert isinstance(too_much, ChargeUnfit)
    twice = refused(
        shop, charge(shop, "G-04", "debt/last-year", 100_000), charge(shop, "G-04", "debt/last-year", 1)
    )
    assert isinstance(twice, ChargeUnfit)
    sold(shop, charge(shop, "G-04", "debt/last-year"))
    assert balance(shop, debt) == 0
    assert isinstance(refused(shop, charge(shop, "G-04", "debt/last-year", 1)), ChargeUnfit)
    assert audited(shop) == []


def test_an_account_is_topped_up_with_the_balance_before_and_after(shop: Shop) -> None:
    tenant = tenant_of(shop, "G-03")
    first = VendOrder(new_id(), tenant=tenant, kind="account", money_minor=30_000)
    second = VendOrder(new_id(), tenant=tenant, kind="account", money_minor=20_000)
    sale = sold(shop, first, second)
    assert [order["account"] for order in sale.content["orders"]] == [
        {"before_minor": 0, "after_minor": 30_000},
        {"before_minor": 30_000, "after_minor": 50_000},
    ]
    assert balance(shop, f"customer/{tenant}") == 50_000
    assert [vend.state for vend in sale.vends] == ["issued", "issued"]
    assert audited(shop) == []


def test_credit_for_a_meter_on_account_becomes_a_top_up(shop: Shop) -> None:
    with shop.db.migrating() as connection:
        connection.execute(
            sa.text("UPDATE meter SET credit_in = 'account' WHERE key = :key"), {"key": shop.meter("G-03")}
        )
        connection.commit()
    sale = sold(shop, shop.order("G-03", 75_000))
    assert [vend.kind for vend in sale.vends] == ["account"]
    assert shop.module.log == {}
    assert balance(shop, f"customer/{tenant_of(shop, 'G-03')}") == 75_000
    by_energy = VendOrder(new_id(), shop.meter("G-03"), units=100)
    assert "by an amount of money" in refused(shop, by_energy).sentence
    assert audited(shop) == []


def allowance_unit(shop: Shop, unit: str = "G-05") -> str:
    """A unit whose lease gives twenty kilowatt-hours free each month."""
    with shop.db.writing() as session:
        meter = estate.one_meter(session, shop.clock, shop.meter(unit))
        assert meter.lease is not None
        estate_service.set_lease_tariff(
            session,
            shop.clock,
            SYSTEM,
            meter.lease.key,
            service="electricity",
            tariff="mall-allowance",
            reason="a store now",
        )
    return unit


def test_free_units_come_with_the_first_purchase_of_the_month_on_a_token_of_their_own(shop: Shop) -> None:
    unit = allowance_unit(shop)
    sale = sold(shop, shop.order(unit, 20_000))
    assert [(token.kind, token.units) for _vend, token in sale.tokens] == [
        ("allowance", 200),
        ("credit", sale.vends[0].units),
    ]
    assert sale.vends[0].free_units == 200
    again = sold(shop, shop.order(unit, 20_000))
    assert [token.kind for _vend, token in again.tokens] == ["credit"]
    meter = sale.vends[0].meter_key
    given = sum(token.units or 0 for one in (sale, again) for _vend, token in one.tokens)
    assert balance(shop, f"energy/meter/{meter}", "electricity") == given
    assert balance(shop, "energy/free/electricity", "electricity") == 200
    shop.clock.advance(timedelta(days=12))
    later = sold(shop, VendOrder(new_id(), shop.meter(unit), kind="allowance"))
    assert [token.kind for _vend, token in later.tokens] == ["allowance"]
    assert later.total_minor == 0
    twice = refused(shop, VendOrder(new_id(), shop.meter(unit), kind="allowance"))
    assert isinstance(twice, AllowanceNotDue)
    assert audited(shop) == []


def test_two_orders_of_one_basket_share_one_allowance(shop: Shop) -> None:
    unit = allowance_unit(shop)
    sale = sold(shop, shop.order(unit, 20_000), shop.order(unit, 20_000))
    assert [token.kind for _vend, token in sale.tokens] == ["allowance", "credit", "credit"]


def test_a_large_purchase_is_several_tokens_under_one_order(shop: Shop) -> None:
    limit(shop, "G-03", 1_000)
    sale = sold(shop, VendOrder(new_id(), shop.meter("G-03"), units=2_345))
    assert [token.units for _vend, token in sale.tokens] == [1_000, 1_000, 345]
    assert [token.position for _vend, token in sale.tokens] == [1, 2, 3]
    assert sale.content["orders"][0]["tokens"] == [["credit", 1_000], ["credit", 1_000], ["credit", 345]]
    assert len(shop.module.log) == 3
    assert audited(shop) == []


@pytest.mark.parametrize(("second", "tokens"), [(True, [20_004, 1]), (False, [20_004])])
def test_a_step_of_the_amount_is_a_second_token_or_money_kept(
    shop: Shop, second: bool, tokens: list[int]
) -> None:
    without_day_limits(shop)
    with shop.db.reading() as session:
        asked = VendOrder(new_id(), shop.meter("G-03"), units=20_005, second_token=True)
        cost = ordering.trial(session, shop.clock, shop.basket(asked)).total_minor
    order = VendOrder(new_id(), shop.meter("G-03"), money_minor=cost, second_token=second)
    sale = sold(shop, order)
    assert [token.units for _vend, token in sale.tokens] == tokens
    assert (balance(shop, f"kept/{tenant_of(shop, 'G-03')}") > 0) is not second
    assert audited(shop) == []


def test_what_was_paid_for_a_token_that_is_refused_is_kept_for_the_customer(shop: Shop) -> None:
    limit(shop, "G-03", 1_000)
    order = VendOrder(new_id(), shop.meter("G-03"), units=3_000)
    with shop.db.reading() as session:
        (plan,) = ordering.trial(session, shop.clock, shop.basket(order)).planned
    third = plan.parts[2].part_id
    shop.module.refuse[third] = Refused(third, "day-limit", "The meter had enough today.")
    sale = sold(shop, order)
    vend = sale.vends[0]
    assert (vend.state, vend.units, vend.refusal_code) == ("partly", 2_000, "day-limit")
    assert [token.units for _vend, token in sale.tokens] == [1_000, 1_000]
    kept = balance(shop, f"kept/{tenant_of(shop, 'G-03')}")
    assert kept == vend.returned_minor > 0
    assert balance(shop, f"held/{tenant_of(shop, 'G-03')}") == 0
    assert balance(shop, f"energy/meter/{vend.meter_key}", "electricity") == 2_000
    assert audited(shop) == []
    # The price of the two tokens that came is what they alone would have cost, on top of what the month had before.
    alone = plan.pays_minor - kept
    with shop.db.reading() as session:
        fresh = VendOrder(new_id(), shop.meter("G-05"), units=2_000)
        assert ordering.trial(session, shop.clock, shop.basket(fresh)).total_minor > 0
    assert 0 < alone < plan.pays_minor


def test_free_units_that_are_refused_can_be_claimed_again(shop: Shop) -> None:
    unit = allowance_unit(shop)
    order = shop.order(unit, 20_000)
    shop.module.refuse[order.order_id] = Refused(order.order_id, "day-limit", "Enough for today.")
    sale = sold(shop, order)
    assert [vend.state for vend in sale.vends] == ["partly"]
    assert [token.kind for _vend, token in sale.tokens] == ["credit"]
    assert sale.vends[0].returned_minor == 0
    assert audited(shop) == []
    later = sold(shop, VendOrder(new_id(), shop.meter(unit), kind="allowance"))
    assert [token.kind for _vend, token in later.tokens] == ["allowance"]
    with shop.db.reading() as session:
        given_back = session.scalars(
            sa.select(AllowanceClaim.given_back_at).order_by(AllowanceClaim.id)
        ).all()
    assert [moment is None for moment in given_back] == [False, True]
    assert audited(shop) == []


def test_nothing_comes_when_the_first_token_is_refused(shop: Shop) -> None:
    limit(shop, "G-03", 1_000)
    order = VendOrder(new_id(), shop.meter("G-03"), units=2_000)
    shop.module.refuse[order.order_id] = Refused(order.order_id, "budget-exhausted", "The budget is spent.")
    sale = sold(shop, order)
    assert [vend.state for vend in sale.vends] == ["refused"]
    assert (
        balance(shop, f"kept/{tenant_of(shop, 'G-03')}") == sale.total_minor == sale.vends[0].returned_minor
    )
    assert all(type(answer).__name__ == "Cancelled" for answer in shop.module.log.values())
    assert audited(shop) == []


def test_a_lost_answer_between_two_tokens_is_found_again(shop: Shop) -> None:
    limit(shop, "G-03", 1_000)
    shop.module.lose_answer = True
    order = VendOrder(new_id(), shop.meter("G-03"), units=3_000)
    sale = sold(shop, order)
    assert sale.state == "paid"
    assert sale.tokens == ()
    shop.module.lose_answer = False
    shop.clock.advance(timedelta(seconds=10))
    vends.complete(shop.db, shop.clock, shop.module, vends.list_open(shop.db, shop.clock))
    with shop.db.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Token)) == 3
    assert len(shop.module.log) == 3
    assert audited(shop) == []


def test_the_budget_is_looked_at_before_money_moves(shop: Shop) -> None:
    now = shop.clock.now()
    with shop.db.reading() as session:
        sgc = estate.one_meter(session, shop.clock, shop.meter("G-03")).keying.sgc
    budget = Budget(
        "b", "units", sgc, "electricity", 1_000, 0, 1_000, "once", now, now + timedelta(days=1), None, ()
    )
    shop.module.budgets = (budget,)
    first, second = (VendOrder(new_id(), shop.meter("G-03"), units=units) for units in (600, 500))
    one, two = shop.sell(shop.basket(first), shop.basket(second))
    assert isinstance(one, vends.SaleOutcome)
    assert isinstance(two, BudgetTooSmall)
    assert "40.0 more" in two.sentence


def test_token_time_is_looked_at_before_money_moves(shop: Shop) -> None:
    without_day_limits(shop)
    limit(shop, "G-03", 10)
    for _ in range(3):
        sold(shop, VendOrder(new_id(), shop.meter("G-03"), units=180))
    assert isinstance(refused(shop, VendOrder(new_id(), shop.meter("G-03"), units=180)), TooManyTokens)
    shop.clock.advance(timedelta(hours=1))
    assert sold(shop, VendOrder(new_id(), shop.meter("G-03"), units=180)).state == "issued"


@pytest.mark.parametrize("units", [1, 16_383, 16_384, 20_005, 180_225, 200_123, 1_800_000])
@pytest.mark.parametrize("limit", [None, 5_000, 123_456])
def test_tokens_of_an_amount_sum_to_it_and_each_is_encodable(units: int, limit: int | None) -> None:
    tokens = splitting.split(units, limit)
    assert sum(tokens) == units
    assert all(amount.is_exact(token) for token in tokens)
    assert max(tokens) <= splitting.largest_token(limit)
    down = splitting.quantiser(limit)(units, "down")
    up = splitting.quantiser(limit)(units, "up")
    assert down <= units <= up
    assert up - down < 10_000
