"""The matching in two processes finds what it finds in one, and does it alone when the other is not there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from honest_log import HonestLog
from shop import Shop

from vending.auditor import opening, records, second_process
from vending.auditor.reconciliation import Log, Reconciled, Window, reconcile
from vending.vends import service as vends


@pytest.fixture
def sold(shop: Shop) -> Shop:
    shop.module = HonestLog(shop.clock)
    for unit in ("G-01", "G-02", "G-03"):
        sell(shop, unit)
    return shop


def sell(shop: Shop, unit: str) -> None:
    (outcome,) = shop.sell(shop.basket(shop.order(unit, 20_000)))
    assert isinstance(outcome, vends.SaleOutcome), outcome


def address_of(shop: Shop) -> str:
    return shop.db.url.render_as_string(hide_password=False)


def look(shop: Shop, *, worth_it: int, spoil: bool = False) -> tuple[Reconciled, bool]:
    """What was found, and whether another process was asked."""

    def fetch(first: int, limit: int) -> list[bytes]:
        return [entry.leaf_data.encode() for entry in shop.module.entries(first, limit)]

    size, now = shop.module.size, shop.clock.now()
    log = Log("ampoule/test", now, lambda since, until: records.log_of_module(fetch, size, 64, since, until))
    with (
        opening.opened(address_of(shop)) as connection,
        second_process.beside(
            address_of(shop), connection, now=now, window=Window(), worth_it=worth_it
        ) as beside,
    ):
        if spoil:
            for child in multiprocessing.active_children():
                assert child.pid is not None
                os.kill(child.pid, signal.SIGKILL)
                child.join()
        return reconcile(
            connection, log, now=now + timedelta(minutes=30), window=Window(), beside=beside
        ), beside is not None


def plant(shop: Shop) -> None:
    """A payment taken out, by somebody with the database's own rights."""
    with shop.db.migrating() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("ALTER TABLE payment DISABLE TRIGGER USER"))
        else:
            connection.execute(sa.text("DROP TRIGGER payment_no_delete"))
        connection.execute(sa.text("DELETE FROM payment WHERE id = (SELECT min(id) FROM payment)"))
        connection.commit()


def test_two_processes_find_what_one_finds(sold: Shop) -> None:
    alone, two = look(sold, worth_it=10**9), look(sold, worth_it=0)
    assert (alone[1], two[1]) == (False, True)
    assert alone[0].clean
    assert alone[0] == two[0]
    plant(sold)
    alone, two = look(sold, worth_it=10**9), look(sold, worth_it=0)
    assert [one.code for one in two[0].differences] == ["unpaid"]
    assert alone[0] == two[0]


def test_a_process_that_is_killed_leaves_its_half_to_this_one(sold: Shop) -> None:
    plant(sold)
    found, asked = look(sold, worth_it=0, spoil=True)
    assert asked
    assert [one.code for one in found.differences] == ["unpaid"]


def test_both_see_one_state_though_a_sale_comes_between(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.module = HonestLog(shop.clock)
    sell(shop, "G-01")
    ours, theirs = multiprocessing.Pipe()
    seen: dict[str, Any] = {}

    def other() -> None:
        first = theirs.recv()
        sell(shop, "G-02")
        theirs.send(False)  # what it sees is not what the first look saw any more
        with opening.opened(address_of(shop)) as there:
            seen["agreed"] = second_process._agreed_there(theirs, there)
            seen["rows"] = there.execute(sa.text("SELECT count(*) FROM token")).scalar_one()
        assert first != second_process_state(shop)

    def second_process_state(shop: Shop) -> list[int]:
        with opening.opened(address_of(shop)) as connection:
            return second_process._state(connection)

    thread = threading.Thread(target=other)
    with opening.opened(address_of(shop)) as here:
        thread.start()
        assert second_process._agreed(ours, here)
        thread.join()
        assert here.execute(sa.text("SELECT count(*) FROM token")).scalar_one() == seen["rows"] == 2
    assert seen["agreed"]
