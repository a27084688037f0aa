"""T-01 through the pages: kill -9 at every step of a sale, start again, and the order ends with the same token, once.

The parts are the real processes, each started anew. The server is killed at its named points, the module at its own; a retry
by the page's own ids comes after each restart, as an impatient cashier would do it. Four points here and all of them in the
long form; `tests/vending/vends/test_t01_crash_points.py` kills at every point many times, on both databases.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from product import PROGRAMS, Desk, Product, hidden, token_on, wait_for

from keystore import verify_log
from keystore.crash import POINTS as MODULE_POINTS
from vending.crashpoints import POINTS

SERVER_POINTS = tuple(point for point in POINTS if point.startswith("sale."))
SHORT = ("sale.after-paid", "sale.before-release", "keystore.half-written", "keystore.after-append")
# The points that an issue passes, at the second append: the first is the module's own start. Those around answers and
# snapshots are in the keystore's battery; seen from the server, a kill after the append is a lost answer.
ISSUE_POINTS = (
    "keystore.before-append",
    "keystore.half-written",
    "keystore.before-sync",
    "keystore.after-append",
)


def shortly(points: tuple[str, ...]) -> list[object]:
    """Each point costs seconds here: most of them wait for the long form."""
    return [point if point in SHORT else pytest.param(point, marks=pytest.mark.long) for point in points]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration folder that was started once, so that each case begins with a copy."""
    product = Product(tmp_path_factory.mktemp("furnished"))
    product.start_module()
    product.start_server()
    product.stop()
    return product.folder


@pytest.fixture
def product(furnished: Path, tmp_path: Path) -> Iterator[Product]:
    folder = tmp_path / "var"
    subprocess.run(["cp", "-a", str(furnished), str(folder)], check=True)
    product = Product(folder)
    yield product
    product.stop()


def desk_of(product: Product) -> Desk:
    desk = Desk(product)
    desk.sign_in()
    return desk


def books(product: Product) -> dict[str, object]:
    """What the database says, by plain SQL and with nobody running."""
    database = sqlite3.connect(product.folder / "ampoule.db")
    try:
        return {
            "orders": database.execute("SELECT order_id, state FROM vend").fetchall(),
            "tokens": [row[0] for row in database.execute("SELECT digits FROM token")],
            "payments": database.execute("SELECT count(*) FROM payment").fetchone()[0],
            "cash": database.execute(
                "SELECT coalesce(sum(l.amount), 0) FROM ledger_leg l JOIN ledger_account a ON a.id = l.account_id"
                " JOIN ledger_entry e ON e.id = l.entry_id WHERE a.path LIKE 'cash/%' AND e.kind = 'payment'"
            ).fetchone()[0],
            "held": database.execute(
                "SELECT coalesce(sum(amount), 0) FROM ledger_leg JOIN ledger_account a ON a.id = account_id WHERE a.path LIKE 'held/%'"
            ).fetchone()[0],
            "unbalanced": database.execute(
                "SELECT count(*) FROM (SELECT entry_id FROM ledger_leg GROUP BY entry_id, unit HAVING sum(amount) <> 0)"
            ).fetchone()[0],
        }
    finally:
        database.close()


def logged_orders(product: Product) -> list[str]:
    """The orders that the module's log holds an issue for, from its public halves alone."""
    entries = verify_log.read_lines(str(product.folder / "module" / "log" / "entries.log"))
    publics = [json.loads(line.partition(b"\t")[0]) for line in entries]
    return [str(entry["order"]) for entry in publics if entry["kind"] == "credit"]


def finish(product: Product, page: str) -> str:
    """Everything runs again; the page asks again with the same ids; gives the token."""
    desk = desk_of(product)
    sale = hidden(page)["basket_id"]
    answer = desk.sell(page, "150", "200", form=desk.get("/cashier/till").text)
    assert answer.status_code == 303, answer.text[:1500]
    path = f"/cashier/vends/{sale}"
    return str(wait_for(lambda: token_on(desk.get(path).text), seconds=20, what="the token"))


def assert_sold_once(product: Product, token: str) -> None:
    product.stop()
    found = books(product)
    assert found["tokens"] == [token]
    assert [state for _order, state in found["orders"]] == ["issued"]  # type: ignore[attr-defined]
    assert found["payments"] == 1
    assert found["cash"] == 15000
    assert found["held"] == 0
    assert found["unbalanced"] == 0
    assert len(logged_orders(product)) == 1


@pytest.mark.parametrize("point", shortly(SERVER_POINTS))
def test_the_server_is_killed_at_each_step_and_the_order_ends_with_one_token(
    product: Product, point: str
) -> None:
    product.start_module()
    product.start_server(AMPOULE_CRASH_AT=point)
    desk = desk_of(product)
    page = desk.open_unit("G-09")
    with pytest.raises(requests.ConnectionError):
        desk.sell(page, "150", "200")
    assert product.wait_dead("server") == -9, f"the server was not killed at {point}"
    product.start_server()
    assert_sold_once(product, finish(product, page))


@pytest.mark.parametrize("point", shortly(ISSUE_POINTS))
def test_the_module_is_killed_at_each_step_and_the_order_ends_with_one_token(
    product: Product, point: str
) -> None:
    product.start_module(AMPOULE_CRASH_AT=f"{point}:2")
    product.start_server()
    desk = desk_of(product)
    page = desk.open_unit("G-09")
    answer = desk.sell(page, "150", "200")
    assert answer.status_code == 303, answer.text[:1500]
    assert product.wait_dead("module") == -9, f"the module was not killed at {point}"
    waiting = desk.get(f"/cashier/vends/{hidden(page)['basket_id']}").text
    assert 'data-state="paid"' in waiting
    assert "Do not take money again" in waiting
    assert token_on(waiting) is None
    product.start_module()
    # Nobody asks again: the worker alone finishes it.
    path = f"/cashier/vends/{hidden(page)['basket_id']}"
    token = str(wait_for(lambda: token_on(desk.get(path).text), seconds=20, what="the token"))
    assert_sold_once(product, token)


def test_both_are_killed_together_and_the_order_ends_with_the_token_that_was_logged(product: Product) -> None:
    product.start_module()
    product.start_server(AMPOULE_CRASH_AT="sale.after-issue")
    desk = desk_of(product)
    page = desk.open_unit("G-09")
    with pytest.raises(requests.ConnectionError):
        desk.sell(page, "150", "200")
    product.wait_dead("server")
    product.kill("module")
    assert len(logged_orders(product)) == 1
    product.start_module()
    product.start_server()
    assert_sold_once(product, finish(product, page))


def test_the_battery_sees_a_token_that_was_given_twice(product: Product) -> None:
    """The negative control: books with a second token, or money without a token, do not pass."""
    product.start_module()
    product.start_server()
    desk = desk_of(product)
    page = desk.open_unit("G-09")
    answer = desk.sell(page, "150", "200")
    token = str(wait_for(lambda: desk.token_of(answer.headers["Location"]), what="the token"))
    product.stop()
    database = sqlite3.connect(product.folder / "ampoule.db")
    columns = [row[1] for row in database.execute("PRAGMA table_info(token)") if row[1] != "id"]
    values = {"position": "position + 1", "absolute_minute": "absolute_minute + 1"}
    chosen = ", ".join(values.get(name, name) for name in columns)
    database.execute(f"INSERT INTO token ({', '.join(columns)}) SELECT {chosen} FROM token")
    database.commit()
    database.close()
    with pytest.raises(AssertionError):
        assert_sold_once(product, token)


def test_every_point_of_the_protocol_is_in_the_battery() -> None:
    assert len(SERVER_POINTS) >= 6
    assert set(ISSUE_POINTS) <= set(MODULE_POINTS)
    assert (PROGRAMS / "ampoule").exists()
    assert all(re.fullmatch(r"[a-z]+\.[a-z-]+", point) for point in SERVER_POINTS)
