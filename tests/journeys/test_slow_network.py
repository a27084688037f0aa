"""The till on a line as bad as lines get, with Chromium's own network slowed down, cut, and losing the answer of a sale."""

from __future__ import annotations

import re
from contextlib import suppress

from hands import Keyboard
from journeys.conftest import Screens, Site
from journeys.test_month_end import CASHIERS, Forgetful
from playwright.sync_api import CDPSession, Error, Page, Request, Route, expect

from vending.vends import queries
from vending.vends import service as vends


def line_of(page: Page) -> CDPSession:
    line: CDPSession = page.context.new_cdp_session(page)
    line.send("Network.enable")
    return line


def make(line: CDPSession, *, latency_ms: int = 0, bytes_a_second: int = -1, cut: bool = False) -> None:
    line.send(
        "Network.emulateNetworkConditions",
        {"offline": cut, "latency": latency_ms, "downloadThroughput": bytes_a_second, "uploadThroughput": bytes_a_second},
    )  # fmt: skip


def at_the_till(screens: Screens, site: Site) -> Keyboard:
    hand = Keyboard(screens.open(f"{site.address}/cashier/till"))
    hand.write("name", "thandi")
    hand.write("password", CASHIERS["thandi"])
    hand.press("sign-in")
    hand.page.wait_for_selector("#find:focus")
    return hand


def sales(site: Site) -> list[queries.SaleView]:
    with site.desk.shop.db.reading() as session:
        return list(queries.list_last_of_till(session, site.desk.shop.site, "N1"))


def test_an_impatient_hand_on_a_slow_line_sells_once(screens: Screens, site: Site) -> None:
    hand = at_the_till(screens, site)
    page = hand.page
    hand.find("G-03")
    sent: list[str] = []

    def note(one: Request) -> None:
        if "act=take" in (one.post_data or ""):
            sent.append(one.url)

    page.on("request", note)
    make(line_of(page), latency_ms=900, bytes_a_second=40_000)
    hand.amount("55")
    expect(page.locator("#to-pay")).to_contain_text("55.00", timeout=30_000)
    for _again in range(3):
        hand.take()
    with suppress(Error):  # the page may be on its way already
        page.locator("#take-money").click(timeout=500, no_wait_after=True)
    page.wait_for_selector("#token", timeout=60_000)
    assert len(sent) == 1
    (sale,) = sales(site)
    assert re.sub(r"\D", "", page.inner_text("#token")) == sale.tokens[0][1].digits


def test_a_sale_whose_answer_was_lost_on_the_way_is_found_by_loading_the_page_again(
    screens: Screens, site: Site
) -> None:
    hand = at_the_till(screens, site)
    page = hand.page
    hand.find("G-03")
    hand.amount("45")
    expect(page.locator("#to-pay")).to_contain_text("45.00")

    def lose(route: Route) -> None:
        if "act=take" not in (route.request.post_data or ""):
            route.continue_()
            return
        route.fetch(max_redirects=0)  # the house has heard it and has sold
        route.abort("connectionreset")

    page.route("**/cashier/till", lose)
    with page.expect_event("requestfailed"):
        hand.take()
    screens.complaints.clear()  # the browser says itself that the line broke
    page.unroute("**/cashier/till")
    page.reload()
    page.wait_for_selector("#token")
    (sale,) = sales(site)
    assert re.sub(r"\D", "", page.inner_text("#token")) == sale.tokens[0][1].digits


def test_an_open_outcome_resolves_itself_although_the_line_was_cut_meanwhile(
    screens: Screens, site: Site
) -> None:
    shop = site.desk.shop
    module = Forgetful(shop.module)
    shop.module = module  # type: ignore[assignment]
    hand = at_the_till(screens, site)
    page = hand.page
    hand.find("G-03")
    hand.amount("60")
    expect(page.locator("#to-pay")).to_contain_text("60.00")
    hand.take()
    page.wait_for_selector("#vend[data-state=paid]")
    assert page.locator("#token").count() == 0
    line = line_of(page)
    make(line, cut=True)
    module.loses = False
    vends.complete(
        shop.db, shop.clock, shop.module, [vend.order_id for sale in sales(site) for vend in sale.vends]
    )
    page.wait_for_timeout(2_500)  # it asks once a second, in vain
    assert page.locator("#vend[data-state=paid]").count() == 1, "nothing is claimed that is not known"
    make(line)
    page.wait_for_selector("#token")
    screens.complaints.clear()  # the browser says itself that the line was cut
    (sale,) = sales(site)
    assert re.sub(r"\D", "", page.inner_text("#token")) == sale.tokens[0][1].digits
