"""A day at the till by keyboard alone, in a real browser on a running server: shift, sales of every kind, copy, reversal, count.

Prints how many keys each sale took beyond the meter's number and the amount. The hand never leaves the keyboard: there is no
click and no fill here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from desk_cast import Desk, open_desk
from shop import Shop
from web_app import open_app
from werkzeug.serving import make_server

from vending.estate import queries as estate
from vending.shifts import queries as shifts
from vending.vends import queries, reversing

playwright = pytest.importorskip("playwright.sync_api")

MOST_KEYS = 12  # of a cash sale, beyond number and amount


@dataclass
class Hand:
    """Ten fingers on a keyboard: every key is counted, what is typed from a paper or a wish is not."""

    page: playwright.Page  # type: ignore[name-defined]
    keys: int = 0

    def given(self, text: str) -> None:
        """The meter's number, the amount: nobody can spare these."""
        self.page.keyboard.type(text)

    def type(self, text: str) -> None:
        self.keys += len(text)
        self.page.keyboard.type(text)

    def press(self, key: str) -> None:
        self.keys += 1
        self.page.keyboard.press(key)

    def at(self, name: str) -> None:
        """Waits until the focus stands there: a key pressed earlier would land elsewhere."""
        playwright.expect(self.page.locator(f"#{name}")).to_be_focused()

    def tab_to(self, text: str) -> None:
        for _step in range(80):
            self.press("Tab")
            here = self.page.evaluate("[document.activeElement.id, document.activeElement.textContent]")
            if text == here[0] or (" " in text and text in here[1]):
                return
        raise AssertionError(f"{text} cannot be reached by Tab")

    def take(self) -> int:
        taken, self.keys = self.keys, 0
        return taken


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return open_desk(shop)


@pytest.fixture
def hand(desk: Desk, tmp_path: Path) -> Iterator[Hand]:
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("needs chromium")
    app = open_app(desk.shop, tmp_path / "site", profile="production")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(15_000)
        complaints: list[str] = []
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"http://localhost:{server.server_port}/cashier/till")
        yield Hand(page)
        assert complaints == []
        browser.close()
    server.shutdown()
    thread.join()


def find(hand: Hand, text: str) -> None:
    hand.at("find")
    hand.given(text)
    hand.press("Enter")
    hand.at("amount")


def finish(hand: Hand, key: str) -> None:
    """Money in, token out, next customer."""
    hand.press(key)
    hand.at("next-customer")
    hand.press("Enter")
    hand.at("find")


def test_a_day_at_the_till_by_keyboard_alone(
    hand: Hand, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    page, shop = hand.page, desk.shop
    counted: dict[str, int] = {}
    hand.at("name")
    hand.type("thandi")
    hand.press("Tab")
    hand.type("lantern-cashier")
    hand.press("Enter")
    hand.at("find")

    # The shift: the float, and the supervisor's own word for it.
    hand.tab_to("Open the shift")
    hand.press("Enter")
    hand.at("float")
    hand.type("500")
    hand.tab_to("witness")
    names = page.locator("#witness option").all_inner_texts()
    for _step in range(next(at for at, name in enumerate(names) if "Amina" in name)):
        hand.press("ArrowDown")
    hand.press("Tab")
    hand.type("6193")
    hand.press("Enter")
    hand.at("find")
    counted["open the shift"] = hand.take()

    with shop.db.reading() as session:
        numbers = {
            unit: estate.one_meter(session, shop.clock, shop.meter(unit)).drn
            for unit in ("G-03", "G-04", "G-05")
        }

    find(hand, numbers["G-03"])
    hand.given("100")
    hand.press("Enter")
    hand.at("received")
    hand.type("200")
    hand.press("Enter")
    hand.at("take-money")
    playwright.expect(page.locator("#change")).to_contain_text("100.00")
    finish(hand, "Enter")
    counted["cash, with change"] = hand.take()

    find(hand, numbers["G-05"])
    hand.given("150")
    finish(hand, "F9")
    counted["cash, exact"] = hand.take()
    assert max(counted["cash, with change"], counted["cash, exact"]) <= MOST_KEYS

    # By card, by energy, with the debt on the same receipt: "*" opens what needs no token.
    find(hand, numbers["G-04"])
    hand.given("60k")
    hand.press("*")
    hand.at("charge")
    hand.press("ArrowDown")
    hand.press("Enter")
    hand.at("charge-amount")
    hand.given("50")
    hand.press("Enter")
    page.wait_for_selector(".basket li:nth-child(2)")
    hand.at("amount")
    hand.press("F8")
    hand.press("Enter")
    hand.at("received")
    playwright.expect(page.locator("#received-label")).to_contain_text("terminal")
    hand.type("4711")
    finish(hand, "F9")
    counted["energy and a debt, by card"] = hand.take()

    # The printer jammed: the same meter shows its token, and Enter prints a copy.
    hand.given(numbers["G-03"])
    hand.press("Enter")
    hand.at("print-again")
    assert "Print that slip again" in page.inner_text("main")
    hand.press("Enter")
    page.wait_for_selector("article.paper")
    counted["print a copy"] = hand.take()

    # The customer wanted another amount: asked for on the page of the sale, which the till still lists.
    with shop.db.reading() as session:
        sold = queries.list_last_of_till(session, shop.site, "N1")
    page.goto(page.url.split("/cashier/")[0] + f"/cashier/vends/{sold[-1].key}")
    hand.at("next-customer")
    hand.tab_to("Ask to reverse this sale")
    hand.press("Enter")
    hand.page.wait_for_selector("#reason")
    hand.tab_to("reason")
    hand.type("Typed for the wrong customer")
    hand.tab_to("Ask for the reversal")
    hand.press("Enter")
    page.wait_for_selector("text=until then the sale stands")
    counted["ask for a reversal"] = hand.take()

    # The blind count: five notes of R 100 as the float, and R 250 of two sales.
    page.goto(page.url.split("/cashier/")[0] + "/cashier/shifts/close")
    hand.at("count-20000")
    for pieces in ("1", "5", "1"):
        hand.type(pieces)
        hand.press("Enter")
    hand.tab_to("counted-on")
    hand.press("Enter")
    hand.page.wait_for_selector("#lock-count")
    assert "expected" not in page.inner_text("form").lower().replace("books expect", "")
    hand.tab_to("lock-count")
    hand.press("Enter")
    page.wait_for_selector("#close-shift")
    counted["count and lock"] = hand.take()

    with shop.db.reading() as session:
        sales = queries.list_last_of_till(session, shop.site, "N1")
        taken_back = reversing.of_orders(session, [vend.order_id for sale in sales for vend in sale.vends])
        shift = shifts.open_of(session, desk.thandi.key)
    assert sorted(len(sale.vends) for sale in sales) == [1, 1, 2]
    assert [one.way for one in sales[0].taken] == ["card"]
    assert sales[0].vends[0].units == 600
    assert [sale.copies for sale in sales] == [0, 0, 1]
    assert [one.state for one in taken_back.values()] == ["asked"]
    assert shift is not None
    assert shift.state == "counted"
    with capsys.disabled():
        print(
            "\nkeys beyond number and amount: "
            + ", ".join(f"{what} {keys}" for what, keys in counted.items())
        )
