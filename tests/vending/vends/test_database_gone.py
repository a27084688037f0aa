"""The database goes away in mid-sale: every order is sold whole and once, or not at all, and says which as soon as it can be known.

A connection that breaks at a commit leaves open what became of it (I-30): the answer is *unknown*, never *failed*, and asking
again with the same ids resolves it. PostgreSQL's sessions are ended from outside, at named steps and at any moment.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from fakes import FakeModule
from shop import Shop

from keystore.module import Issued, Refused, Request
from vending.auditor.report import run
from vending.errors import VendingError
from vending.ledger import queries as ledger
from vending.vends import service as vends
from vending.vends.plan import Basket


def end_all_sessions(shop: Shop) -> None:
    """As an administrator would, or a server that is stopped: every session of this database ends at once."""
    url = shop.db.url.set(drivername="postgresql")
    with psycopg.connect(
        url.set(database="postgres").render_as_string(hide_password=False), autocommit=True
    ) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [url.database]
        )


class Ending(FakeModule):
    """Between the payment and the release: the sessions end while the module is asked, before or after its answer."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self._shop = shop
        self.ends = ""

    def issue(self, requests: Sequence[Request]) -> list[Issued | Refused]:
        ends, self.ends = self.ends, ""
        if ends == "before":
            end_all_sessions(self._shop)
        answers = super().issue(requests)
        if ends == "after":
            end_all_sessions(self._shop)
        return answers


def calm(shop: Shop) -> None:
    """A session that was ended is found out by its next use; the pool then opens others."""
    for _ in range(10):
        try:
            with shop.db.reading() as session:
                session.execute(sa.text("SELECT 1"))
            with shop.db.writing() as session:
                session.execute(sa.text("SELECT 1"))
        except sa.exc.DBAPIError:
            continue
        return


def state_of(shop: Shop, basket: Basket) -> tuple[list[str], int, int]:
    """The order's state, its payments, its tokens."""
    with shop.db.reading() as session:
        found = {"id": basket.orders[0].order_id, "sale": basket.sale_id}
        states = session.scalars(sa.text("SELECT state FROM vend WHERE order_id = :id"), found).all()
        paid = session.scalar(sa.text("SELECT count(*) FROM payment WHERE sale_key = :sale"), found)
        tokens = session.scalar(sa.text("SELECT count(*) FROM token WHERE order_id = :id"), found)
    return list(states), int(paid or 0), int(tokens or 0)


def finish(shop: Shop) -> None:
    vends.complete(shop.db, shop.clock, shop.module, vends.list_open(shop.db, shop.clock))


def assert_whole(shop: Shop, baskets: Sequence[Basket]) -> None:
    """One payment, one token, a balanced entry, nothing held, for each; and nothing besides."""
    assert [state_of(shop, basket) for basket in baskets] == [(["issued"], 1, 1)] * len(baskets)
    with shop.db.reading() as session:
        report = run(session.connection(), now=shop.clock.now())
        drawer = ledger.balance(session, "cash/n1", "ZAR")
        total = session.scalar(sa.text("SELECT sum(total_minor) FROM sale"))
        suspense = session.scalar(sa.text("SELECT count(*) FROM ledger_account WHERE path LIKE 'suspense/%'"))
    assert [fault for result in report.results for fault in result.faults] == []
    assert (drawer, suspense) == (total, 0)
    assert len(shop.module.log) == len(baskets)


@pytest.mark.parametrize("ends", ["before", "after"])
def test_the_sessions_end_between_payment_and_token(postgresql_shop: Shop, ends: str) -> None:
    shop = postgresql_shop
    module = Ending(shop)
    shop.module = module
    basket = shop.basket(shop.order("G-03", 5_000))
    module.ends = ends
    with suppress(sa.exc.DBAPIError):  # not known: the page asks again, and the worker comes by
        shop.sell(basket)
    calm(shop)
    assert state_of(shop, basket)[1] == 1
    finish(shop)
    shop.sell(basket)
    assert_whole(shop, [basket])


@contextmanager
def ending_at_any_moment(shop: Shop, every_s: float) -> Iterator[list[int]]:
    stop, ended = threading.Event(), [0]

    def run_it() -> None:
        while not stop.wait(every_s):
            end_all_sessions(shop)
            ended[0] += 1

    thread = threading.Thread(target=run_it)
    thread.start()
    try:
        yield ended
    finally:
        stop.set()
        thread.join()


def test_the_sessions_end_at_any_moment_and_asking_again_resolves_every_order(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    baskets = [
        shop.basket(shop.order(unit, 1_000 + 10 * n)) for n in range(8) for unit in ("G-03", "G-05", "G-04")
    ]
    errors: list[BaseException] = []
    with ending_at_any_moment(shop, 0.03) as ended:
        for begin in range(0, len(baskets), 3):
            group = baskets[begin : begin + 3]
            for _ in range(3):
                try:
                    outcomes: Sequence[Any] = shop.sell(*group)
                except sa.exc.DBAPIError as error:
                    errors.append(error)
                else:
                    assert not [
                        one
                        for one in outcomes
                        if isinstance(one, Exception) and not isinstance(one, VendingError)
                    ]
                    break
            time.sleep(0.02)
    assert ended[0] > 3
    calm(shop)
    # Nothing that happened meanwhile may have left a half: money without an order, an order without money.
    for basket in baskets:
        states, paid, tokens = state_of(shop, basket)
        assert len(states) == paid
        assert tokens <= paid
    finish(shop)
    again = shop.sell(*baskets)
    assert [one for one in again if not isinstance(one, vends.SaleOutcome)] == []
    assert_whole(shop, baskets)


def test_a_commit_whose_answer_was_lost_is_found_when_the_same_sale_is_asked_for_again(
    postgresql_shop: Shop,
) -> None:
    """The worst moment: PostgreSQL has committed, and nobody heard of it."""
    shop = postgresql_shop
    basket = shop.basket(shop.order("G-03", 5_000))

    lost: list[bool] = []

    def lose(connection: Any) -> None:
        if not lost and not connection.connection.dbapi_connection.read_only:
            lost.append(True)
            connection.connection.dbapi_connection.commit()
            end_all_sessions(shop)
            raise sa.exc.OperationalError("COMMIT", {}, psycopg.OperationalError("the connection is lost"))

    sa.event.listen(shop.db._writer, "commit", lose)
    with pytest.raises(sa.exc.DBAPIError):
        shop.sell(basket)
    calm(shop)
    assert state_of(shop, basket) == (["paid"], 1, 0)
    (outcome,) = shop.sell(basket)
    assert isinstance(outcome, vends.SaleOutcome)
    finish(shop)
    assert_whole(shop, [basket])


@pytest.mark.parametrize("grouped", [False, True])
def test_a_session_that_ended_while_it_was_idle_fails_no_request(
    postgresql_shop: Shop, monkeypatch: pytest.MonkeyPatch, grouped: bool
) -> None:
    """PostgreSQL was started anew: what has not begun anything gets another connection, without a message more each time."""
    db = postgresql_shop.db.for_groups() if grouped else postgresql_shop.db

    def use() -> None:
        with db.reading() as session:
            session.execute(sa.text("SELECT 1"))
        with db.writing() as session:
            session.execute(sa.text("SELECT 1"))

    def end() -> None:
        end_all_sessions(postgresql_shop)
        time.sleep(0.2)  # the server has ended them when each of its processes has

    use()
    end()
    use()
    # The negative control: without the look the next request hears of it.
    monkeypatch.setattr("vending.db._has_something_to_say", lambda _connection: False)
    use()
    end()
    with pytest.raises(sa.exc.OperationalError):
        use()


def test_the_battery_sees_a_retry_under_a_new_id(postgresql_shop: Shop) -> None:
    """The planted fault: who makes a new sale of what may be sold already pays twice, and the count shows it."""
    shop = postgresql_shop
    first = shop.basket(shop.order("G-03", 5_000))
    shop.module.lose_answer = True
    shop.sell(first)
    shop.module.lose_answer = False
    second = shop.basket(shop.order("G-03", 5_000))
    shop.sell(second)
    finish(shop)
    with pytest.raises(AssertionError):
        assert_whole(shop, [first])
