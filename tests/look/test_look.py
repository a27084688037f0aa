"""Every page in every state can be used by everyone, stays inside its screen and breaks no rule of the content policy."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from look.stage import all_samples, make_stage
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

CHROMIUM = "/usr/bin/chromium"
AXE = Axe()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, make_stage(), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def grave_findings(browser: Browser, url: str, width: int = 1440) -> list[str]:
    """What axe calls serious or critical, and what the browser itself complains about."""
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.goto(url)
    page.wait_for_load_state()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        found.append(f"the page is {wide} px wider than a screen of {width} px")
    for violation in AXE.run(page, options={"resultTypes": ["violations"]}).response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            found += [
                f"{violation['id']}: {node['target']} {node['failureSummary']}" for node in violation["nodes"]
            ]
    context.close()
    return found


@pytest.mark.parametrize(
    ("query", "width"),
    [
        ("theme=light", 1440),
        ("theme=dark&lang=ar&dir=rtl", 390),
        pytest.param("theme=dark", 1440, marks=pytest.mark.long),
        pytest.param("theme=light", 390, marks=pytest.mark.long),
        pytest.param("theme=light&lang=ar&dir=rtl", 1024, marks=pytest.mark.long),
    ],
)
def test_every_page_is_free_of_grave_accessibility_findings(
    browser: Browser, address: str, query: str, width: int
) -> None:
    found = {name: grave_findings(browser, f"{address}/look/{name}?{query}", width) for name in all_samples()}
    assert {name: list_ for name, list_ in found.items() if list_} == {}


def test_the_check_finds_a_planted_fault(browser: Browser, address: str) -> None:
    """A battery that never failed proves nothing: grey on grey and a nameless field must be found."""
    page = "<html lang=en><title>x</title><main><p style='color:#bbb;background:#ccc'>faint</p><input></main>"
    found = grave_findings(browser, "data:text/html," + quote(page))
    assert any("color-contrast" in one for one in found)
    assert any("label" in one for one in found)


def test_the_token_is_twenty_digits_with_single_spaces(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/look/token")
    assert page.locator("#token").text_content() == "4927 1035 8846 2071 3359"
    page.locator("#token").click()
    assert page.evaluate("getSelection().toString()") == "4927 1035 8846 2071 3359"
    page.close()
