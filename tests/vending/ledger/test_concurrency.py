"""Two tills at once on PostgreSQL: an account with a floor is never overdrawn, and nobody waits for a shared row."""

import threading
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from vending.clock import FixedClock
from vending.db import Database
from vending.ledger import closing, queries, service
from vending.ledger.entries import Entry, credit, debit, transfer
from vending.ledger.errors import FloorReached


def spend(number: int, tenant: str = "t1", amount: int = 100) -> Entry:
    return Entry(
        "sale",
        f"vend/{tenant}-{number}",
        (debit(f"customer/{tenant}", "ZAR", amount), credit("sales/electricity", "ZAR", amount)),
    )


def test_one_customer_is_never_overdrawn_by_many_tills(
    postgresql_database: Database, clock: FixedClock
) -> None:
    database = postgresql_database
    with database.writing() as session:
        service.post(
            session, clock,
            [transfer("payment", "payment/1", "ZAR", 1000, debited="cash/till-1", credited="customer/t1")],
        )  # fmt: skip

    def sell(number: int) -> bool:
        try:
            with database.writing() as session:
                service.post(session, clock, [spend(number)])
        except FloorReached:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        sold = sum(pool.map(sell, range(30)))
    assert sold == 10
    with database.reading() as session:
        assert queries.balance(session, "customer/t1", "ZAR") == 0


def test_the_same_sale_from_many_tills_is_one_entry(postgresql_database: Database, clock: FixedClock) -> None:
    database = postgresql_database
    entry = transfer("payment", "payment/1", "ZAR", 1000, debited="cash/till-1", credited="customer/t1")
    together = threading.Barrier(6)

    def pay(_number: int) -> int:
        together.wait()
        with database.writing() as session:
            return service.post(session, clock, [entry])[0]

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(pay, range(6)))) == 1
    with database.reading() as session:
        assert queries.balance(session, "customer/t1", "ZAR") == 1000


def test_a_sale_to_one_customer_waits_for_no_other(postgresql_database: Database, clock: FixedClock) -> None:
    """Both pay into sales/electricity; one transaction stays open while the other commits (no shared hot row, D5)."""
    database = postgresql_database
    payments = [
        transfer(
            "payment", f"payment/{tenant}", "ZAR", 500, debited="cash/till-1", credited=f"customer/{tenant}"
        )
        for tenant in ("t1", "t2")
    ]
    with database.writing() as session:
        service.post(session, clock, [*payments, spend(0, "t1")])
    with database.writing() as session:
        service.post(session, clock, [spend(1, "t1")])
        with database.writing() as other:
            other.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
            service.post(other, clock, [spend(1, "t2")])
    with database.reading() as session:
        assert queries.balance(session, "sales/electricity", "ZAR") == 300


def test_a_snapshot_beside_running_sales_misses_nothing(
    postgresql_database: Database, clock: FixedClock
) -> None:
    """Ids become visible out of order; a snapshot that ran past an open transaction would lose its legs for ever."""
    database = postgresql_database
    stop = threading.Event()

    def snap() -> None:
        while not stop.is_set():
            closing.take_snapshots(database, least=1)

    def pay(number: int) -> None:
        entry = transfer(
            "payment",
            f"payment/{number}",
            "ZAR",
            1,
            debited=f"cash/till-{number % 4}",
            credited="suspense/all",
        )
        with database.writing() as session:
            service.post(session, clock, [entry])

    with ThreadPoolExecutor(5) as pool:
        snapping = pool.submit(snap)
        list(pool.map(pay, range(120)))
        stop.set()
        snapping.result(timeout=30)
    with database.reading() as session:
        assert queries.balance(session, "suspense/all", "ZAR") == 120
        assert sum(queries.balance(session, f"cash/till-{till}", "ZAR") for till in range(4)) == 120
