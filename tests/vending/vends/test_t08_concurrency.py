"""T-08, short form: 32 clients at once on one meter, on one account, with one order id, on two processes' worth of connections.

Identifiers are distinct and rise, one order id is one token, balances are a model's, and nobody meets an error of the
database. The module is the real one.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from counter import Counter

from keystore import acts
from keystore.module import Issued, Refused, Request
from vending.db import Database
from vending.errors import VendingError
from vending.ledger import queries as ledger
from vending.ledger import service as books
from vending.ledger.entries import transfer
from vending.payments.tender import AccountShort, Tender
from vending.vends import service as vends
from vending.vends.errors import OrderIdReused
from vending.vends.plan import Basket, VendOrder

CLIENTS = 32
Outcome = vends.SaleOutcome | Exception


class OneAtATime:
    """The module's socket takes one message after the other; so does this. It counts what it was asked to issue."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._lock = threading.Lock()

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        def ask(*words: Any) -> Any:
            with self._lock:
                return getattr(self._module, verb)(*words)

        return ask


class Forgetful(OneAtATime):
    """A planted fault: a module that does not know an order id again. Two ask it at the same moment, as a retry would."""

    def __init__(self, module: Any) -> None:
        super().__init__(module)
        self._two = threading.Barrier(2, timeout=30)

    def issue(self, requests: Sequence[Request]) -> list[Issued | Refused]:
        self._two.wait()
        with self._lock:
            return list(self._module.issue([replace(one, order_id=str(uuid.uuid4())) for one in requests]))


@pytest.fixture
def second(counter: Counter) -> Iterator[Database]:
    """Another process's connections: PostgreSQL has several servers, SQLite has one."""
    if counter.shop.db.dialect == "sqlite":
        yield counter.shop.db
        return
    database = Database.open(counter.shop.db.url.render_as_string(hide_password=False))
    yield database
    database.close()


def at_once(asks: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    together = threading.Barrier(len(asks))

    def run(ask: Callable[[], Outcome]) -> Outcome:
        together.wait()
        return ask()

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(run, asks))


def seller(counter: Counter, database: Database, module: Any, basket: Basket) -> Callable[[], Outcome]:
    return lambda: vends.sell(database, counter.clock, module, [basket])[0]


def logged(counter: Counter) -> list[dict[str, Any]]:
    size = counter.module.status().sequence
    entries = [
        json.loads(entry.leaf_data)
        for first in range(0, size, 64)
        for entry in counter.module.entries(first, 64)
    ]
    return [entry for entry in entries if entry["kind"] == "credit"]


def rows(counter: Counter, statement: str) -> list[Any]:
    with counter.shop.db.reading() as session:
        return list(session.execute(sa.text(statement)).all())


def balance(counter: Counter, account: str, unit: str = "ZAR") -> int:
    with counter.shop.db.reading() as session:
        return ledger.balance(session, account, unit)


def assert_nobody_met_the_database(outcomes: Sequence[Outcome]) -> None:
    assert [one for one in outcomes if not isinstance(one, vends.SaleOutcome | VendingError)] == []


def assert_one_token(counter: Counter, basket: Basket) -> None:
    """One order id: one entry of the log, one token, one payment, whoever asked how often."""
    order = basket.orders[0]
    assert len(logged(counter)) == 1
    assert rows(counter, "SELECT order_id FROM token") == [(order.order_id,)]
    assert rows(counter, "SELECT count(*) FROM payment") == [(1,)]
    assert balance(counter, "cash/n1") == order.money_minor


def allow_many_tokens(counter: Counter) -> None:
    """More than a small meter may have in a day: what is tried here is not that limit."""
    act = acts.set_limits(
        meter_class="small", units_a_day=100_000, tokens_a_day=2 * CLIENTS, module=counter.module.name, maker="Test", reason="T-08", made=counter.module.now()
    )  # fmt: skip
    counter.module.act(act)


def test_one_meter(counter: Counter, second: Database) -> None:
    allow_many_tokens(counter)
    module = OneAtATime(counter.module)
    baskets = [counter.shop.basket(counter.shop.order("G-03", 5_000 + 100 * n)) for n in range(CLIENTS)]
    outcomes = at_once(
        [
            seller(counter, second if n % 2 else counter.shop.db, module, basket)
            for n, basket in enumerate(baskets)
        ]
    )
    assert_nobody_met_the_database(outcomes)
    sold = [one for one in outcomes if isinstance(one, vends.SaleOutcome)]
    assert len(sold) == CLIENTS, [one for one in outcomes if one not in sold]
    entries = logged(counter)
    given = {entry["order"]: entry for entry in entries}
    assert set(given) == {basket.orders[0].order_id for basket in baskets}
    minutes = [entry["tid"] for entry in entries]
    assert all(earlier < later for earlier, later in pairwise(minutes))
    assert rows(
        counter, "SELECT count(*), count(DISTINCT digits), count(DISTINCT absolute_minute) FROM token"
    ) == [(CLIENTS, CLIENTS, CLIENTS)]
    # The model: what was handed over is in the drawer, what was given is on the meter, nothing is held.
    meter = counter.shop.meter("G-03")
    assert balance(counter, "cash/n1") == sum(basket.orders[0].money_minor or 0 for basket in baskets)
    assert balance(counter, f"energy/meter/{meter}", "electricity") == sum(
        entry["units"] for entry in entries
    )
    assert rows(counter, "SELECT count(*) FROM vend WHERE state <> 'issued'") == [(0,)]
    numbers = sorted(receipt for (receipt,) in rows(counter, "SELECT receipt FROM sale"))
    assert numbers == [f"N1-{n:06d}" for n in range(1, CLIENTS + 1)]


def test_one_order_id(counter: Counter, second: Database) -> None:
    module = OneAtATime(counter.module)
    basket = counter.shop.basket(counter.shop.order("G-03", 20_000))
    outcomes = at_once(
        [seller(counter, second if n % 2 else counter.shop.db, module, basket) for n in range(CLIENTS)]
    )
    assert_nobody_met_the_database(outcomes)
    # Who comes in the same instant may be told to look again; looking again is the same sale.
    assert all(isinstance(one, vends.SaleOutcome | OrderIdReused) for one in outcomes)
    again = vends.sell(second, counter.clock, module, [basket])[0]
    assert isinstance(again, vends.SaleOutcome)
    assert again.states == ("issued",)
    assert_one_token(counter, basket)


def test_one_account(counter: Counter, second: Database) -> None:
    module = OneAtATime(counter.module)
    tenant = counter.sell(counter.shop.order("G-03", 1_000)).vends[0].tenant_key
    assert tenant
    with counter.shop.db.writing() as session:
        books.post(
            session, counter.clock,
            [transfer("payment", "payment/t08", "ZAR", 50_000, debited="bank/main", credited=f"customer/{tenant}")],
        )  # fmt: skip

    def basket() -> Basket:
        order = VendOrder(str(uuid.uuid4()), counter.shop.meter("G-03"), money_minor=5_000)
        tenders = (Tender("account", None, tenant),)
        return Basket(str(uuid.uuid4()), (order,), tenders, counter.shop.site, "N1", "c", "Thandi Nkosi")

    outcomes = at_once(
        [seller(counter, second if n % 2 else counter.shop.db, module, basket()) for n in range(CLIENTS)]
    )
    assert_nobody_met_the_database(outcomes)
    sold = [one for one in outcomes if isinstance(one, vends.SaleOutcome)]
    short = [one for one in outcomes if isinstance(one, AccountShort)]
    assert (len(sold), len(short)) == (10, CLIENTS - 10), outcomes
    assert balance(counter, f"customer/{tenant}") == 0
    assert rows(counter, "SELECT count(*) FROM token") == [(11,)]


def test_the_battery_sees_a_module_that_forgets_an_order(counter: Counter, second: Database) -> None:
    """The planted fault: without the module's memory of order ids the same sale leaves several entries in the log."""
    basket = counter.shop.basket(counter.shop.order("G-03", 20_000))
    (key,) = vends.place(counter.shop.db, counter.clock, counter.module, [basket])
    assert isinstance(key, str)
    module = Forgetful(counter.module)
    outcomes = at_once([seller(counter, db, module, basket) for db in (counter.shop.db, second)])
    assert_nobody_met_the_database(outcomes)
    # The database holds its wall all the same: one of the two is released.
    assert rows(counter, "SELECT count(*) FROM token") == [(1,)]
    with pytest.raises(AssertionError):
        assert_one_token(counter, basket)
