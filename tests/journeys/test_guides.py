"""The page that each one-page guide shows, on a site that has been worked at: it is there, it says what the guide says, nothing
fails in it. `python tools/pictures.py` makes the guides' pictures by this test.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from journeys.conftest import Screens, Site
from lived_in import live
from playwright.sync_api import Page, expect

from vending.demonstration.people import DEMONSTRATION_PEOPLE

PICTURES = Path(os.environ["AMPOULE_PICTURES"]) if os.environ.get("AMPOULE_PICTURES") else None
GUIDES = Path(__file__).parents[2] / "docs" / "guides" / "one-page"
SCREEN = {"width": 1180, "height": 960}


@pytest.fixture
def worked_at(site: Site) -> Site:
    """Two weeks of purchases, of the kiosk's and of the others', then a day with its shifts and requests."""
    shop = site.counter.shop
    units = ("G-01", "G-02", "G-03", "G-04", "G-05", "G-06", "G-08", "G-09", "1-01", "1-02", "1-03")
    for day in range(12):
        buying = [unit for at, unit in enumerate(units) if day % (2 + at % 4) == 0]
        outcomes = shop.sell(
            *(shop.basket(shop.order(unit, 9_000 + 3_500 * (len(unit) + day))) for unit in buying)
        )
        assert not any(isinstance(one, Exception) for one in outcomes), outcomes
        site.counter.pass_(days=1)
    live(site.desk)
    return site


def keep(page: Page, name: str) -> None:
    if PICTURES is not None:
        page.wait_for_timeout(700)  # the level has risen
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=str(PICTURES / f"guide-{name}.png"))


def at(screens: Screens, site: Site, role: str, path: str) -> Page:
    person = next(one for one in DEMONSTRATION_PEOPLE if one.role == role)
    page = screens.open(f"{site.address}/sign-in?next={path}", viewport=SCREEN)
    page.fill("#name", person.login)
    page.fill("#password", person.password)
    page.click("#sign-in")
    page.wait_for_selector("main h1, #find")
    return page


def test_the_cashiers_page(screens: Screens, worked_at: Site) -> None:
    page = at(screens, worked_at, "cashier", "/cashier/till")
    page.set_viewport_size({"width": 1180, "height": 1130})  # the whole sale, down to the amber button
    page.fill("#find", "G-08")
    page.keyboard.press("Enter")
    page.wait_for_selector("#amount")
    page.fill("#amount", "150")
    page.wait_for_selector("#quote")
    page.fill("#received", "200")
    expect(page.locator("#change")).to_contain_text("50.00")
    keep(page, "cashier")


@pytest.mark.parametrize(
    ("role", "path", "words"),
    [
        ("supervisor", "/supervisor/approvals", "Typed for the wrong customer"),
        ("manager", "/manager/live", "Days of credit, unit by unit"),
        ("key custodian", "/keys", "600100"),
        ("engineer", "/engineer/work", "Read it"),
        ("auditor", "/auditor/proof", "Proof"),
    ],
)
def test_the_page_of_a_role(screens: Screens, worked_at: Site, role: str, path: str, words: str) -> None:
    page = at(screens, worked_at, role, path)
    expect(page.locator("main")).to_contain_text(words)
    keep(page, role.replace(" ", "-"))


def test_the_tenants_paper(screens: Screens, worked_at: Site) -> None:
    page = at(screens, worked_at, "cashier", "/cashier/till?find=G-05")
    page.locator(".last a").first.click()
    page.wait_for_selector("#token")
    page.get_by_text("Show the receipt").click()
    page.wait_for_selector("article.paper")
    expect(page.locator("article.paper")).to_contain_text("Is this paper real?")
    keep(page, "tenant")


def test_each_role_has_its_page_with_a_picture() -> None:
    roles = {"cashier", "supervisor", "manager", "key-custodian", "engineer", "auditor", "tenant"}
    assert {path.stem for path in GUIDES.glob("*.md")} == roles
    for path in GUIDES.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        (picture,) = re.findall(r"!\[[^\]]{20,}\]\(\.\./\.\./pictures/(guide-[a-z-]+\.png)\)", text)
        assert (GUIDES.parents[1] / "pictures" / picture).stat().st_size < 90_000, picture
        assert len(text.split()) < 330, f"{path.name} is more than one page"
