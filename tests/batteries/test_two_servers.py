"""Two web processes on one PostgreSQL with one module and one worker: both sell and print again, and the same order id meets both.

The processes are the ones that a site runs: the module, `granian` with the WSGI application twice, `ampoule worker`. What
speaks to them is a program with the demonstration's key. One of the two is killed while both sell; the module is killed in the
middle of a batch.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from product import PROGRAMS, Product, free_port, wait_for

from vending import bootstrap, demonstrating, migrating, settings
from vending.access.policy import SYSTEM
from vending.auditor.reconciliation import Window
from vending.auditor.report import run
from vending.demonstration.programs import KIOSK_KEY
from vending.estate import queries as estate
from vending.payments import sellers
from vending.reconcile_commands import look_at_all

ROOT = Path(__file__).parent.parent.parent
CLIENTS = 16
ENOUGH = 100_000_00


@dataclass
class Two:
    product: Product
    database: str
    ports: tuple[int, int]
    meters: list[str]
    processes: dict[str, subprocess.Popen[bytes]]

    def call(self, server: int, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(
            method,
            f"http://127.0.0.1:{self.ports[server]}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {KIOSK_KEY.secret}"},
            timeout=30,
        )

    def sell(self, server: int, order: dict[str, Any]) -> requests.Response | None:
        """None: no answer came, so nothing is known."""
        try:
            return self.call(server, "POST", "/vends", order)
        except requests.RequestException:
            return None

    def start(self, name: str, command: Sequence[str]) -> None:
        with open(self.product.folder / f"{name}.out", "ab") as out:
            self.processes[name] = subprocess.Popen(
                list(command), stdout=out, stderr=out, cwd=ROOT, start_new_session=True,
                env=self.product._environment(AMPOULE_DATABASE_URL=self.database),
            )  # fmt: skip

    def start_web(self, server: int) -> None:
        serve = (
            "--interface",
            "wsgi",
            "--workers",
            "1",
            "--port",
            str(self.ports[server]),
            "wsgi:application",
        )
        self.start(f"web{server}", [str(PROGRAMS / "granian"), *serve])

    def wait_for_web(self, server: int) -> None:
        def answers() -> bool:
            try:
                return self.call(server, "GET", "/status").status_code == 200
            except requests.RequestException:
                return False

        wait_for(answers, what=f"web process {server}", seconds=90)

    def kill(self, name: str) -> None:
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes.pop(name).wait(20)

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        self.product.stop()


def order(meter: str, money: int = 2_000) -> dict[str, Any]:
    return {
        "order_id": str(uuid.uuid4()),
        "meter": meter,
        "amount": {"money_minor": money, "currency": "ZAR"},
    }


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, postgresql_server: str) -> Iterator[Two]:
    import psycopg
    from sqlalchemy.engine import make_url

    name = f"two_{uuid.uuid4().hex[:10]}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    database = make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
    folder = Path("/tmp") / f"ampoule-two-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    product = Product(folder)
    product.start_module()
    services = bootstrap.open_services(settings.Settings(var=folder, database_url=database))
    migrating.bring_up_to_date(services.db)
    demonstrating.prepare(services)
    with services.db.writing() as session:
        sellers.pay_in(session, services.clock, SYSTEM, "KIOSK7", ENOUGH, reference="two-servers")
    with services.db.reading() as session:
        keys = [key for key, _pan in estate.list_numbers(session)]
        meters = [
            meter.drn
            for meter in estate.list_meters(session, services.clock, keys)
            if meter.service == "electricity"
            and meter.tenant is not None
            and meter.not_for_sale is None
            and meter.credit_in == "meter"
        ]
    bootstrap.close_services(services)
    found = Two(product, database, (free_port(), free_port()), meters, {})
    try:
        found.start_web(0)
        found.start_web(1)
        found.start("worker", [str(PROGRAMS / "ampoule"), "worker"])
        found.wait_for_web(0)
        found.wait_for_web(1)
        yield found
    finally:
        found.stop()
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def tokens(answer: requests.Response) -> list[str]:
    return [one["digits"] for one in answer.json()["tokens"]]


def test_what_one_process_sold_the_other_shows_and_prints_again(two: Two) -> None:
    wanted = order(two.meters[0])
    sold = two.call(0, "POST", "/vends", wanted)
    assert sold.status_code == 200, sold.text
    asked = two.call(1, "GET", f"/vends/{wanted['order_id']}")
    assert tokens(asked) == tokens(sold)
    copies = [two.call(server, "POST", f"/vends/{wanted['order_id']}/copies").json() for server in (1, 0, 1)]
    assert [one["copy_number"] for one in copies] == [1, 2, 3]
    assert {one["digits"] for copy in copies for one in copy["tokens"]} == set(tokens(sold))
    again = two.call(1, "POST", "/vends", wanted)
    assert again.status_code == 200
    assert tokens(again) == tokens(sold)
    other = two.call(1, "POST", "/vends", {**wanted, "amount": {"money_minor": 3_000, "currency": "ZAR"}})
    assert other.status_code == 409


def test_the_same_order_id_meets_both_at_once(two: Two) -> None:
    wanted = order(two.meters[1])
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda n: two.call(n % 2, "POST", "/vends", wanted), range(CLIENTS)))
    assert {answer.status_code for answer in answers} <= {200, 202, 409}, [one.text for one in answers]
    final = wait_for(
        lambda: (found := two.call(0, "GET", f"/vends/{wanted['order_id']}").json())["tokens"] and found,
        what="the token",
    )
    given = {tuple(tokens(answer)) for answer in answers if answer.status_code == 200}
    assert given == {tuple(one["digits"] for one in final["tokens"])}


def test_one_process_and_then_the_module_are_killed_while_both_sell(two: Two) -> None:
    """Whoever heard nothing asks again, of whoever is left; the worker ends what nobody asks for."""
    orders = [order(two.meters[n % len(two.meters)], 1_000 + 10 * n) for n in range(48)]
    with ThreadPoolExecutor(8) as pool:
        first = [pool.submit(two.sell, n % 2, one) for n, one in enumerate(orders)]
        two.kill("web0")
        answers = [future.result() for future in first]
    assert any(answer is not None and answer.status_code == 200 for answer in answers)
    two.start_web(0)
    two.wait_for_web(0)
    batch = [order(two.meters[n % len(two.meters)], 1_000 + 10 * n) for n in range(64)]
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(lambda: two.call(0, "POST", "/batches", {"orders": batch}))
        two.product.kill("module")
        asked.result()
    two.product.start_module()

    # Everybody asks again, half of them at the other process.
    def again(number: int) -> str:
        one = (orders + batch)[number]

        def sold() -> str | None:
            answer = two.sell((number + 1) % 2, one)
            found = answer.json() if answer is not None and answer.status_code == 200 else {}
            if not found.get("tokens"):
                time.sleep(0.5)  # the key's calls are counted
                return None
            return str(found["tokens"][0]["digits"])

        return str(wait_for(sold, seconds=60, what=f"the token of order {number}"))

    with ThreadPoolExecutor(8) as pool:
        digits = list(pool.map(again, range(len(orders) + len(batch))))
    assert len(set(digits)) == len(orders) + len(batch)
    for answer, number in zip(answers, range(len(orders)), strict=True):
        if answer is not None and answer.status_code == 200 and answer.json()["tokens"]:
            assert tokens(answer)[0] == digits[number], "a token that was told changed"

    services = bootstrap.open_services(settings.Settings(var=two.product.folder, database_url=two.database))
    try:
        with services.db.reading() as session:
            report = run(session.connection(), now=services.clock.now())
            paid, given, sales = (
                session.scalar(sa.text(f"SELECT count(*) FROM {table}"))
                for table in ("payment", "token", "sale")
            )
        found = look_at_all(two.database, services.module, Window())
    finally:
        bootstrap.close_services(services)
    assert [fault for result in report.results for fault in result.faults] == []
    assert (paid, given) == (sales, sales)
    assert found.clean, found.lines()
