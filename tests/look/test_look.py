"""Every page in every state can be used by everyone, stays inside its screen and breaks no rule of the content policy."""

from __future__ import annotations

import gzip
import re
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from look.samples import all_samples
from look.stage import ROOT
from playwright.sync_api import Browser, Page

AXE = Axe()


def grave_findings(browser: Browser, urls: dict[str, str], width: int = 1440) -> dict[str, list[str]]:
    """By page: what axe calls serious or critical, what the browser complains about, what is wider than the screen."""
    found: dict[str, list[str]] = {}
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    for name, url in urls.items():
        page.goto(url)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            heard.append(f"the page is {wide} px wider than a screen of {width} px")
        for violation in AXE.run(page, options={"resultTypes": ["violations"]}).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                heard += [
                    f"{violation['id']}: {node['target']} {node['failureSummary']}"
                    for node in violation["nodes"]
                ]
        if heard:
            found[name] = heard.copy()
            heard.clear()
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
    urls = {name: f"{address}/look/{name}?{query}" for name in all_samples()}
    assert grave_findings(browser, urls, width) == {}


def test_the_check_finds_a_planted_fault(browser: Browser) -> None:
    """A battery that never failed proves nothing: grey on grey and a nameless field must be found."""
    page = "<html lang=en><title>x</title><main><p style='color:#bbb;background:#ccc'>faint</p><input></main>"
    found = grave_findings(browser, {"planted": "data:text/html," + quote(page)})["planted"]
    assert any("color-contrast" in one for one in found)
    assert any("label" in one for one in found)


def test_the_token_is_twenty_digits_with_single_spaces(page: Page, address: str) -> None:
    page.goto(f"{address}/look/token")
    assert page.locator("#token").text_content() == "4927 1035 8846 2071 3359"
    page.locator("#token").click()
    assert page.evaluate("getSelection().toString()") == "4927 1035 8846 2071 3359"


def test_no_page_is_wider_than_the_smallest_phone_or_a_screen_at_four_times_the_size(
    browser: Browser, address: str
) -> None:
    page = browser.new_context(viewport={"width": 320, "height": 640}).new_page()
    wide = {}
    for name in all_samples():
        page.goto(f"{address}/look/{name}")
        wide[name] = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
    page.context.close()
    assert {name: more for name, more in wide.items() if more > 0} == {}


@pytest.mark.parametrize(
    ("name", "width", "height"),
    [
        ("receipt-80", 227, 0),
        ("receipt-58", 164, 0),
        ("receipt-a5", 420, 595),
        ("receipt-a4", 595, 842),
        ("deposit", 420, 595),
    ],
)
def test_each_paper_prints_on_one_page_of_its_own_size(
    page: Page, address: str, name: str, width: int, height: int
) -> None:
    page.goto(f"{address}/look/{name}")
    pdf = page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert len(boxes) == 1
    assert round(float(boxes[0][0])) == width
    assert height in (0, round(float(boxes[0][1])))


def test_the_first_load_of_the_till_is_under_100_kb_compressed_and_all_from_here(
    page: Page, address: str
) -> None:
    seen: dict[str, int] = {}
    page.on("response", lambda answer: seen.update({answer.url: len(gzip.compress(answer.body()))}))
    page.goto(f"{address}/look/till", wait_until="networkidle")
    assert len(seen) >= 6
    assert all(url.startswith(address) for url in seen)
    assert sum(seen.values()) < 100_000


def test_the_style_of_the_till_is_small_and_written_by_hand() -> None:
    assert 10_000 < len((ROOT / "static/ampoule.css").read_bytes()) <= 25_000


def test_every_word_of_a_template_goes_through_gettext() -> None:
    """What stands between tags and outside of Jinja is punctuation, a key's name or a sign, never a word."""
    allowed = {"Enter", "Esc", "Tab", "Ampoule", "F2", "F4", "F8", "F9", "k"}
    bare = {}
    for path in sorted((ROOT / "templates").rglob("*.html")):
        if path.parent.name == "meter":  # the keypad pages of the simulator speak the meter's words
            continue
        text = re.sub(r"\{% block \w+_class %\}.*?\{% endblock %\}", " ", path.read_text())
        text = re.sub(r"<(style|script|code)\b.*?</\1>|<!--.*?-->", " ", text, flags=re.DOTALL)
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
        words = set(re.findall(r"[^\W\d_]{2,}", re.sub(r"<[^>]*>", " ", text))) | set(
            re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*[A-Za-z][^"]*)"', text)
        )
        if words - allowed:
            bare[path.name] = words - allowed
    assert bare == {}
