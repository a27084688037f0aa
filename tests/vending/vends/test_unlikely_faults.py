"""Faults that come together: a drawer that closes over an open sale, a module that starts anew within a batch, one order that
cannot be finished among many that can, and how long anything may stay undecided.

Each is a moment in which money could be taken without a token or a debt to the customer, or a token leave without money.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from counter import Counter
from desk_cast import open_desk
from shop import Shop

from keystore.errors import OutcomeUnknown
from keystore.module import Issued, Refused, Request
from vending import worker as working
from vending.access.site_secret import SiteSecret
from vending.auditor.report import run
from vending.estate import queries as estate
from vending.ledger import queries as ledger
from vending.payments.tender import Tender
from vending.services import Services
from vending.settings import Settings
from vending.shifts import queries as shift_queries
from vending.shifts import service as shifts
from vending.shifts.count import Count
from vending.vends import queries
from vending.vends import service as vends
from vending.vends.plan import VendOrder
from vending.worker import Worker

FIVE_MINUTES = timedelta(minutes=5)


def audited(shop: Shop) -> list[str]:
    with shop.db.reading() as session:
        report = run(session.connection(), now=shop.clock.now())
    return [fault for result in report.results for fault in result.faults]


def balance(shop: Shop, account: str) -> int:
    with shop.db.reading() as session:
        return ledger.balance(session, account, "ZAR")


def sale(shop: Shop, key: str) -> queries.SaleView:
    with shop.db.reading() as session:
        return queries.one_sale(session, key)


def worker_of(shop: Shop, folder: Path, module: Any = None) -> Worker:
    return Worker(
        Services(
            settings=Settings(var=folder),
            clock=shop.clock,
            db=shop.db,
            module=module or shop.module,
            vault=SiteSecret.of_folder(folder),
            sales=None,  # type: ignore[arg-type] — the worker sells nothing
            quotes=None,  # type: ignore[arg-type] — as above
        )
    )


@pytest.mark.parametrize("comes", [True, False], ids=["the token comes", "the token is refused"])
def test_a_shift_closes_while_a_sale_of_two_tenders_waits_for_its_token(
    shop: Shop, tmp_path: Path, comes: bool
) -> None:
    """The server died between the payment and the module's answer; before it is back, the drawer is counted and closed. What
    was taken is in that drawer, and what becomes of the order changes nothing in it."""
    desk = open_desk(shop)
    key = desk.open()
    basket = replace(
        desk.basket(key, 30_000), tenders=(Tender("card", 12_000, "T-1"), Tender("cash", 20_000))
    )
    (placed,) = vends.place(shop.db, shop.clock, shop.module, [basket])
    assert isinstance(placed, str), placed
    assert sale(shop, placed).state == "paid"
    count = Count("ZAR", {10: (50_000 + 18_000) // 10}, {"card": 12_000})
    shifts.lock_count(shop.db, shop.clock, desk.thandi, key, count)
    shifts.close(shop.db, shop.clock, desk.thandi, key, bag="SEAL-1", deposit_minor=10_000)
    with shop.db.reading() as session:
        closed = shift_queries.one_shift(session, key)
        assert [one.minor for one in shift_queries.differences_of(session, closed)] == [0, 0]
    before = {way: balance(shop, f"{way}/n1") for way in ("cash", "card")}
    order = basket.orders[0].order_id
    if not comes:
        shop.module.refuse[order] = Refused(order, "day-limit", "Enough for today.")
    assert worker_of(shop, tmp_path).recover(timedelta()) == 1
    done = sale(shop, placed)
    tenant = done.vends[0].tenant_key
    assert done.state == ("issued" if comes else "refused")
    assert len(done.tokens) == comes
    assert balance(shop, f"held/{tenant}") == 0
    assert balance(shop, f"kept/{tenant}") == (done.vends[0].carried_minor if comes else 30_000)
    assert {way: balance(shop, f"{way}/n1") for way in ("cash", "card")} == before
    with shop.db.reading() as session:
        again = shift_queries.one_shift(session, key)
    assert (again.state, again.counts[0].expected) == (closed.state, closed.counts[0].expected)
    assert audited(shop) == []


class StartsAnew:
    """The real module, killed after it has logged a group and before anybody has its answer; the next message finds it open."""

    def __init__(self, counter: Counter, after: int) -> None:
        self._counter = counter
        self._left = after

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._counter.module, verb)

    def issue(self, requests: Sequence[Request]) -> list[Issued | Refused]:
        answers = self._counter.module.issue(requests)
        self._left -= 1
        if self._left == 0:
            self._counter.module.restart(clean=False)
            raise OutcomeUnknown("The security module broke off.")
        return list(answers)


@pytest.mark.parametrize("after", [1, 2])
def test_the_module_starts_anew_in_the_middle_of_a_batch(
    counter: Counter, tmp_path: Path, after: int
) -> None:
    """Of a hundred orders the first group or the second has no answer: those stay paid, their neighbours are whole, and the
    worker gives to each the token that was logged for it."""
    shop = counter.shop
    with shop.db.reading() as session:
        keys = [key for key, _pan in estate.list_numbers(session)]
        meters = [
            meter.key
            for meter in estate.list_meters(session, shop.clock, keys)
            if meter.service == "electricity" and meter.not_for_sale is None and meter.credit_in == "meter"
        ]
    assert len(meters) >= 6, "each may have twenty tokens a day"
    baskets = [
        shop.basket(VendOrder(str(uuid.uuid4()), meters[n % len(meters)], money_minor=2_000 + n))
        for n in range(100)
    ]
    outcomes = vends.sell(shop.db, shop.clock, StartsAnew(counter, after), baskets)  # type: ignore[arg-type]
    sold = [one for one in outcomes if isinstance(one, vends.SaleOutcome)]
    assert len(sold) == 100
    assert sum(one.is_open for one in sold) == (64 if after == 1 else 36)
    told = {
        key: token.digits for key in [one.sale_key for one in sold] for _v, token in sale(shop, key).tokens
    }
    assert worker_of(shop, tmp_path, counter.module).recover(timedelta()) == (64 if after == 1 else 36)
    views = [sale(shop, one.sale_key) for one in sold]
    assert {view.state for view in views} == {"issued"}
    digits = [token.digits for view in views for _vend, token in view.tokens]
    assert len(set(digits)) == len(digits) == 100
    assert all(told.get(view.key, view.tokens[0][1].digits) == view.tokens[0][1].digits for view in views)
    assert audited(shop) == []


def test_one_order_that_cannot_be_finished_keeps_no_other_waiting(shop: Shop, tmp_path: Path) -> None:
    """A row that somebody damaged is told in the log of the server, and its neighbours get their tokens."""
    shop.module.away_for_issue = True
    baskets = [shop.basket(shop.order(unit, 5_000)) for unit in ("G-03", "G-05", "G-04")]
    shop.sell(*baskets)
    shop.module.away_for_issue = False
    with shop.db.writing() as session:
        session.execute(
            sa.text("UPDATE vend SET settlement = :broken WHERE order_id = :id"),
            {"broken": '{"legs": [["held/x", "ZAR", 1]]}', "id": baskets[0].orders[0].order_id},
        )
    worker = worker_of(shop, tmp_path)
    worker.recover(timedelta())
    states = [sale(shop, basket.sale_id).state for basket in baskets]
    assert states[1:] == ["issued", "issued"]


@pytest.mark.parametrize("lost", ["away", "answer"])
def test_an_order_whose_outcome_is_unknown_says_so_and_resolves_itself(
    shop: Shop, tmp_path: Path, lost: str
) -> None:
    """I-23, with the worker's own threads: once the module answers again, nobody has to ask for anything."""
    shop.module.away_for_issue, shop.module.lose_answer = lost == "away", lost == "answer"
    (outcome,) = shop.sell(shop.basket(shop.order("G-03", 5_000)))
    assert isinstance(outcome, vends.SaleOutcome)
    assert outcome.is_open
    assert sale(shop, outcome.sale_key).tokens == (), "nothing is shown before it is released"
    worker = worker_of(shop, tmp_path)
    worker.start()
    try:
        time.sleep(0.2)
        assert sale(shop, outcome.sale_key).state == "paid"
        shop.module.away_for_issue = shop.module.lose_answer = False
        shop.clock.advance(working.OPEN_AFTER)
        deadline = time.monotonic() + 60
        while sale(shop, outcome.sale_key).state == "paid" and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        worker.close()
    assert sale(shop, outcome.sale_key).state == "issued"
    assert audited(shop) == []


def test_the_worker_comes_back_long_before_five_minutes() -> None:
    """What a round waits at most, with every step of it failing, and the age at which an order is looked for."""
    steps = 5
    longest = working.OPEN_AFTER + timedelta(
        seconds=working.PAUSE_S + steps * working.PAUSE_AFTER_FAULT_S + Settings().module_timeout_s
    )
    assert longest * 3 < FIVE_MINUTES


def test_an_order_that_stays_open_is_an_alarm_after_five_minutes(shop: Shop) -> None:
    """With the module away for good: the auditor names it, so that nobody finds out from the customer."""
    shop.module.away_for_issue = True
    basket = shop.basket(shop.order("G-03", 5_000))
    shop.sell(basket)
    assert vends.list_open(shop.db, shop.clock, older_than=FIVE_MINUTES) == []
    shop.clock.advance(FIVE_MINUTES + timedelta(seconds=1))
    assert vends.list_open(shop.db, shop.clock, older_than=FIVE_MINUTES) == [basket.orders[0].order_id]


def test_a_retry_of_the_same_page_after_an_unknown_outcome_pays_once(shop: Shop) -> None:
    """The planted fault beside it: a page that makes itself a new id pays twice, which the count shows."""
    shop.module.lose_answer = True
    basket = shop.basket(shop.order("G-03", 5_000))
    for _ in range(3):
        shop.sell(basket)
    shop.module.lose_answer = False
    shop.sell(basket)
    assert balance(shop, "cash/n1") == sum(taken.amount_minor for taken in sale(shop, basket.sale_id).taken)
    other = replace(
        basket, sale_id=str(uuid.uuid4()), orders=(replace(basket.orders[0], order_id=str(uuid.uuid4())),)
    )
    shop.sell(other)
    assert balance(shop, "cash/n1") > sum(taken.amount_minor for taken in sale(shop, basket.sale_id).taken)
