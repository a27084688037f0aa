"""Any history of operations against a simple model: the auditor finds nothing, and money and energy are where they belong.

Hypothesis chooses the operations: sales of every kind, lost answers, refusals, a module that is away, cancels, reversals,
retries of what was done before. The model is a handful of sums. A planted fault shows that the comparison can fail.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fakes import FakeModule
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from shop import MORNING, Shop, open_shop

from keystore.module import Issued, Refused
from vending.access.policy import SYSTEM
from vending.auditor.report import run
from vending.clock import FixedClock
from vending.db import Database
from vending.errors import VendingError
from vending.estate import meters as estate_meters
from vending.estate import queries as estate
from vending.ledger import queries as ledger
from vending.vends import queries, reversing
from vending.vends import service as vends
from vending.vends.plan import VendOrder

UNITS = ("G-03", "G-04", "G-05")
TEMPLATE: list[Path] = []


class Histories(RuleBasedStateMachine):
    """The model: cash taken, and what each order must have become."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ampoule-history-"))
        shutil.copy(TEMPLATE[0], self.folder / "ampoule.db")
        self.db = Database.open(f"sqlite:///{self.folder / 'ampoule.db'}")
        self.shop: Shop = open_shop(self.db, FixedClock(MORNING))
        self.module: FakeModule = self.shop.module
        self.meters = {unit: self.shop.meter(unit) for unit in UNITS}
        self.baskets: list = []
        self.cash = 0
        self.refuse_next = False

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.db.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def sell(self, *orders: VendOrder) -> None:
        basket = self.shop.basket(*orders)
        if self.refuse_next:
            self.module.refuse[orders[-1].order_id] = Refused(
                orders[-1].order_id, "day-limit", "Enough today."
            )
            self.refuse_next = False
        (outcome,) = self.shop.sell(basket)
        if isinstance(outcome, vends.SaleOutcome):
            self.baskets.append(basket)
            with self.db.reading() as session:
                sale = queries.one_sale(session, outcome.sale_key)
            self.cash += sum(taken.amount_minor for taken in sale.taken)
        else:
            assert isinstance(outcome, VendingError)

    @rule(unit=st.sampled_from(UNITS), money=st.integers(1, 80_000))
    def credit_by_money(self, unit: str, money: int) -> None:
        self.sell(VendOrder(str(uuid.uuid4()), self.meters[unit], money_minor=money))

    @rule(unit=st.sampled_from(UNITS), units=st.integers(1, 30_000), second=st.booleans())
    def credit_by_energy(self, unit: str, units: int, second: bool) -> None:
        self.sell(VendOrder(str(uuid.uuid4()), self.meters[unit], units=units, second_token=second))

    @rule(money=st.integers(1, 50_000))
    def a_basket_of_all_kinds(self, money: int) -> None:
        self.sell(
            VendOrder(str(uuid.uuid4()), self.meters["G-03"], kind="charge", charge="parking"),
            VendOrder(
                str(uuid.uuid4()), self.meters["G-04"], kind="charge", charge="deposit", money_minor=money
            ),
            VendOrder(str(uuid.uuid4()), self.meters["G-05"], kind="account", money_minor=money),
            VendOrder(str(uuid.uuid4()), self.meters["G-05"], money_minor=money + 5_000),
        )

    @rule(unit=st.sampled_from(UNITS), limit=st.sampled_from([None, 500, 4_000]))
    def another_token_limit(self, unit: str, limit: int | None) -> None:
        with self.db.writing() as session:
            estate_meters.set_token_limit(
                session, self.shop.clock, SYSTEM, self.meters[unit], limit, reason="model"
            )

    @rule(lost=st.booleans())
    def answers_are_lost_or_not(self, lost: bool) -> None:
        self.module.lose_answer = lost

    @rule()
    def the_next_is_refused(self) -> None:
        self.refuse_next = True

    @rule(minutes=st.integers(1, 3_000))
    def time_passes(self, minutes: int) -> None:
        self.shop.clock.advance(timedelta(minutes=minutes))

    @precondition(lambda self: self.baskets)
    @rule(data=st.data())
    def a_page_is_sent_again(self, data: st.DataObject) -> None:
        self.shop.sell(data.draw(st.sampled_from(self.baskets)))

    @rule()
    def the_worker_comes_by(self) -> None:
        vends.complete(self.db, self.shop.clock, self.module, vends.list_open(self.db, self.shop.clock))

    @precondition(lambda self: self.baskets)
    @rule(data=st.data())
    def a_sale_is_taken_back(self, data: st.DataObject) -> None:
        basket = data.draw(st.sampled_from(self.baskets))
        order = data.draw(st.sampled_from(basket.orders))
        with suppress(VendingError):
            reversing.reverse(
                self.db, self.shop.clock, self.module, SYSTEM, str(uuid.uuid4()), order.order_id,
                why="other", reason="the model wants it",
            )  # fmt: skip

    @rule(unit=st.sampled_from(UNITS))
    def the_meter_is_seen_under_another_key(self, unit: str) -> None:
        with self.db.writing() as session:
            (meter,) = estate.list_meters(session, self.shop.clock, [self.meters[unit]])
            if meter.keying.krn < 9:
                estate_meters.change_key_data(
                    session, self.shop.clock, SYSTEM, meter.key, {"krn": meter.keying.krn + 1},
                    evidence="read on the line", reason="model",
                )  # fmt: skip

    @invariant()
    def the_auditor_finds_nothing(self) -> None:
        if not hasattr(self, "db"):
            return
        with self.db.reading() as session:
            report = run(session.connection(), now=self.shop.clock.now())
            assert [fault for result in report.results for fault in result.faults] == []

    @invariant()
    def money_and_tokens_are_where_the_model_says(self) -> None:
        if not hasattr(self, "db"):
            return
        with self.db.reading() as session:
            assert ledger.balance(session, "cash/n1", "ZAR") == self.cash
            sales = queries.list_sales(session, [basket.sale_id for basket in self.baskets])
            tokens = [token for sale in sales for vend in sale.vends for token in vend.tokens]
        issued = {order: answer for order, answer in self.module.log.items() if isinstance(answer, Issued)}
        given = {digits for answer in issued.values() for digits in answer.tokens}
        assert {token.digits for token in tokens} <= given
        if not any(vend.state == "paid" for sale in sales for vend in sale.vends):
            assert len(tokens) == len(given)


@pytest.fixture
def template(furnished_sqlite: Path) -> None:
    TEMPLATE[:] = [furnished_sqlite]


def run_machine(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=examples < 50,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_any_history_keeps_every_promise(template: None) -> None:
    run_machine(Histories, 6, 18)


@pytest.mark.long
def test_many_long_histories_keep_every_promise(template: None) -> None:
    run_machine(Histories, 200, 60)


def test_a_token_without_a_sale_and_a_coin_without_a_booking_would_be_noticed(template: None) -> None:
    """The planted faults: a module that gave a second token for an order, and a drawer that holds a cent less."""
    machine = Histories()
    machine.begin()
    try:
        machine.credit_by_money("G-03", 5_000)
        machine.money_and_tokens_are_where_the_model_says()
        (order, answer) = next(
            (one, each) for one, each in machine.module.log.items() if isinstance(each, Issued)
        )
        machine.module.log["again"] = replace(answer, order_id=order, tokens=("1" * 20,))
        with pytest.raises(AssertionError):
            machine.money_and_tokens_are_where_the_model_says()
        del machine.module.log["again"]
        machine.cash -= 1
        with pytest.raises(AssertionError):
            machine.money_and_tokens_are_where_the_model_says()
    finally:
        machine.teardown()
