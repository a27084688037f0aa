"""The walking skeleton, whole: `ampoule up`, a real browser at the till, the digits typed at the meter's keypad.

Signing in -> till -> token -> receipt -> keypad: credit rises, supply comes back. Its screenshots are those of the README
(`make pictures` keeps them); every page is looked at for console errors.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from product import CASHIER, Product, wait_for

playwright = pytest.importorskip("playwright.sync_api")

PICTURES = Path(os.environ.get("AMPOULE_PICTURES", "")) if os.environ.get("AMPOULE_PICTURES") else None


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("journey") / "var")
    product.start_all()
    yield product
    product.stop()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[playwright.Page]:  # type: ignore[name-defined]
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("needs chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.complaints = []
        page.on("console", lambda line: page.complaints.append(line.text) if line.type == "error" else None)
        yield page
        assert page.complaints == []
        browser.close()


def keep(page: playwright.Page, name: str, *, whole: bool = False) -> None:  # type: ignore[name-defined]
    if PICTURES is not None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(PICTURES / f"{name}.png"), full_page=whole)


def sign_in(page: playwright.Page, product: Product) -> None:  # type: ignore[name-defined]
    page.goto(product.address)
    page.fill("#name", CASHIER[0])
    page.fill("#password", CASHIER[1])
    keep(page, "sign-in")
    page.click("#sign-in")
    page.wait_for_selector("#find")


def test_a_token_sold_at_the_till_lights_the_lamp(page, product: Product) -> None:  # type: ignore[no-untyped-def]
    meter = page.context.new_page()
    meter.goto(product.keypads)
    meter.get_by_text("G-09").first.click()
    supply = meter.locator("#supply")
    assert supply.get_attribute("data-state") == "off", "the kiosk of the demonstration has just been cut off"
    keep(meter, "meter-off")

    sign_in(page, product)
    page.fill("#find", "G-09")
    page.keyboard.press("Enter")
    page.wait_for_selector("#amount")
    page.fill("#amount", "150")
    page.wait_for_selector("#quote")
    page.wait_for_selector("#units")
    sold = page.inner_text("#units")
    page.fill("#received", "200")
    playwright.expect(page.locator("#change")).to_contain_text("50.00")
    keep(page, "till")
    page.click("#take-money")
    page.wait_for_selector("#token")
    token = re.sub(r"\s+", " ", page.inner_text("#token")).strip()
    assert re.fullmatch(r"(\d{4} ){4}\d{4}", token)
    page.wait_for_timeout(600)
    keep(page, "sale")
    units = re.sub(r"[^\d.]", "", sold)
    page.get_by_text("Show the receipt").click()
    page.wait_for_selector("article.paper")
    assert "".join(token.split()) in re.sub(r"\D", "", page.inner_text("article.paper"))
    assert "150.00" in page.inner_text("article.paper")
    keep(page, "receipt", whole=True)

    meter.bring_to_front()
    meter.fill("#token", token)
    meter.click("#enter")
    playwright.expect(meter.locator("#supply")).to_have_attribute("data-state", "on")
    assert "ACCEPT" in meter.inner_text("#outcome").upper()
    assert abs(float(re.sub(r"[^\d.]", "", meter.inner_text("#credit"))) - float(units)) < 0.2
    keep(meter, "meter-on")
    meter.fill("#token", token)
    meter.click("#enter")
    playwright.expect(meter.locator("#outcome")).to_contain_text(re.compile("used", re.IGNORECASE))
    keep(meter, "meter-used")


def test_the_till_sells_without_javascript_and_a_double_click_is_one_sale(product: Product) -> None:
    from product import Desk, hidden

    desk = Desk(product)
    desk.sign_in()
    page = desk.open_unit("G-03")
    first = desk.sell(page, "80", "100")
    second = desk.sell(page, "80", "100")
    assert first.status_code == second.status_code == 303
    assert first.headers["Location"] == second.headers["Location"]
    token = wait_for(lambda: desk.token_of(first.headers["Location"]), what="the token")
    assert token == desk.token_of(second.headers["Location"])
    changed = desk.sell(page, "90", "100")
    assert changed.status_code == 409
    assert "used for another sale" in changed.text
    # A wrong amount keeps what was typed and says what is wrong beside the field.
    page = desk.open_unit("G-05")
    wrong = desk.sell(page, "12,3,4", "")
    assert wrong.status_code == 422
    assert "is not an amount" in wrong.text
    assert 'value="12,3,4"' in wrong.text
    little = desk.sell(desk.open_unit("G-05"), "100", "50")
    assert little.status_code == 422
    assert "is missing" in little.text
    assert hidden(little.text)["meter"]


def test_ctrl_c_stops_everything_and_a_second_run_continues(tmp_path: Path) -> None:
    import signal

    from product import Desk

    product = Product(tmp_path / "var")
    product.start_all()
    desk = Desk(product)
    desk.sign_in()
    answer = desk.sell(desk.open_unit("G-03"), "60", "60")
    location = answer.headers["Location"]
    token = wait_for(lambda: desk.token_of(location), what="the token")
    up = product.processes["up"]
    up.send_signal(signal.SIGINT)
    assert up.wait(30) == 0, product.said("up")
    for name in ("server", "building", "module"):
        assert re.search(rf"{name} │ stopped", product.said("up")), name
    product.start_all()
    again = Desk(product)
    again.sign_in()
    assert again.token_of(location) == token
    product.stop()
