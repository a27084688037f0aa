"""Every page as it really stands, filled by people and sales, can be used by everyone: with eyes that need contrast or a
screen reader, by a finger, on a phone, at twice the size, from right to left.

The pages are those of the URL map. A walk along the links of each role finds them with their real ids; a page that no link
leads to has its address in `corners.furnish`, and one that is found by neither fails. To each page come its forms, refused.
`tests/look/` draws the states that stay for a moment only. Light and dark, left and right are dealt out over the pages in CI;
the long form looks at every page in all four, and at a site where nothing has happened yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import corners
import pytest
from axe_playwright_python.sync_playwright import Axe
from desk_cast import Desk
from flask import Flask, template_rendered
from flask.testing import FlaskClient
from hands import FINGER
from journeys.conftest import Site, open_site
from lived_in import Form, live, walks
from playwright.sync_api import Browser, BrowserContext, Page, Route
from served import served
from shop import MORNING
from web_app import open_app, sign_in_as
from werkzeug.test import TestResponse

from vending.clock import FixedClock
from vending.demonstration.people import DEMONSTRATION_PEOPLE

AXE = Axe()
WIDE, ZOOMED, PHONE = 1280, 640, 390  # twice the size on a screen of 1280 pixels is half of it
LOGIN = {one.role: one.login for one in reversed(DEMONSTRATION_PEOPLE)}

# They answer a program, not a person, or are no page of their own; each is opened all the same, but for those of a moment.
NO_PAGES = {
    "static", "htmx_script", "favicon", "health.alive", "health.ready", "health.figures", "account.begin_passkey",
    "account.begin_sign_in", "approvals.challenge",
}  # fmt: skip
# Sent with nothing, they would be done and end what the others are looked at with.
NOT_SENT = ("sign-out", "/end", "/print", "/preferences")

SMALL = """finger => {
  const found = [];
  // A link within a sentence is as high as its line; what stands around it is text (WCAG 2.5.5).
  const sentence = link => {
    let block = link.parentElement;
    while (getComputedStyle(block).display === 'inline') block = block.parentElement;
    const around = [...block.childNodes].map(node => {
      const copy = node.cloneNode(true);
      if (node.nodeType === 3) return copy.textContent;
      if (node.nodeType !== 1 || node.matches('a, button') || !getComputedStyle(node).display.startsWith('inline')) return '';
      copy.querySelectorAll('a, button').forEach(one => one.remove());
      return copy.textContent;
    }).join(' ');
    return getComputedStyle(link).display === 'inline' && /\\p{L}{2}.*\\s.*\\p{L}{2}/su.test(around);
  };
  for (const one of document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')) {
    if (!one.checkVisibility({visibilityProperty: true}) || getComputedStyle(one).clipPath !== 'none' || one.closest('svg, .skip')) continue;
    const words = one.textContent.trim();
    if (one.tagName === 'A' && sentence(one)) continue;
    const box = (one.matches('[type=radio], [type=checkbox]') && one.closest('label') || one.closest('.box') || one).getBoundingClientRect();
    if (box.width === 0 || Math.min(box.width, box.height) < finger - 0.5)
      found.push(`${one.tagName.toLowerCase()}${one.id && '#' + one.id}.${one.className} “${words.slice(0, 30)}” ${Math.round(box.width)} × ${Math.round(box.height)}`);
  }
  return found;
}"""


@dataclass(frozen=True)
class Seen:
    """One page in one state: whose, where, what draws it, and what was sent to it when it is a refusal."""

    login: str
    path: str
    template: str
    sent: tuple[tuple[str, str], ...] | None = None
    state: bool = False

    def __str__(self) -> str:
        return f"{self.login}: {self.path}" + (" with nothing typed" if self.sent is not None else "")


@dataclass
class Building:
    """A running site, the people who are signed in, and every page that they see."""

    address: str
    app: Flask
    clients: dict[str, FlaskClient]
    seen: list[Seen] = field(default_factory=list)
    missed: set[str] = field(default_factory=set)
    broken: dict[str, int] = field(default_factory=dict)


def look_around(app: Flask, address: str, more: dict[str, str], states: list[tuple[str, str]]) -> Building:
    """Walks along the links, opens what no link leads to, and sends each form with nothing in it."""
    drawn: list[str] = []

    def note(_sender: Any, template: Any, **_more: Any) -> None:
        drawn.append(template.name)

    found = Building(address.replace("127.0.0.1", "localhost"), app, {})
    forms: dict[tuple[str, str], tuple[str, Form]] = {}
    reached: set[str] = set()

    def keep(
        login: str, path: str, answer: TestResponse, sent: dict[str, str] | None = None, state: bool = False
    ) -> None:
        saved = "attachment" in answer.headers.get("Content-Disposition", "")
        if answer.mimetype == "text/html" and drawn and not saved:
            told = None if sent is None else tuple(sorted(sent.items()))
            found.seen.append(Seen(login, path, drawn[-1], told, state))
        if answer.status_code >= 400 and sent is None and not state:
            found.broken[f"{login}: {path}"] = answer.status_code
        drawn.clear()

    with template_rendered.connected_to(note, app):
        for walk in walks(app):
            login = LOGIN[walk.role]
            found.clients[login] = walk.client
            for path, answer in walk.walk():
                keep(login, path, answer)
            reached |= {one for one, paths in walk.pages.items() if paths}
            for form in walk.forms:
                action = walk.endpoint(form.action, "POST") or ""
                if form.method == "POST" and form.texts and not any(word in form.action for word in NOT_SENT):
                    forms.setdefault((walk.endpoint(form.page) or "", action), (login, form))
        for endpoint, path in more.items():
            login = next(one for one, client in found.clients.items() if client.get(path).status_code == 200)
            drawn.clear()
            keep(login, path, found.clients[login].get(path))
            reached.add(endpoint)
        for login, path in states:
            client = found.clients.setdefault(login, found.clients.get(login) or sign_in_as(app, login))
            drawn.clear()
            keep(login, path, client.get(path), state=True)
        for login, form in forms.values():
            sent = {**form.values, **dict.fromkeys(form.texts, "")}
            answer = found.clients[login].post(form.action, data=sent)
            if answer.status_code == 422:
                keep(login, form.action, answer, sent)
            drawn.clear()
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or set())}
    found.missed = pages - reached - NO_PAGES
    return found


def complaints(
    browser: Browser, building: Building, chosen: list[Seen], *, dark: bool, rtl: bool
) -> dict[str, list[str]]:
    """What is wrong with these pages, by page. Nothing is loaded twice: the same page is made narrower."""
    found: dict[str, list[str]] = {}
    for login in dict.fromkeys(one.login for one in chosen):
        context = browser.new_context(
            viewport={"width": WIDE, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            has_touch=True,
        )
        client = building.clients[login]
        client.set_cookie("lang", "ar" if rtl else "en")
        session = client.get_cookie("ampoule")
        assert session is not None
        told = {"ampoule": session.value, "lang": "ar" if rtl else "en"}
        context.add_cookies(
            [{"name": name, "value": value, "url": building.address} for name, value in told.items()]
        )
        page = context.new_page()
        for one in (each for each in chosen if each.login == login):
            said = _open(context, page, building, one) + looked_at(page)
            if page.locator("html").get_attribute("dir") != ("rtl" if rtl else "ltr"):
                said.append("the direction is wrong")
            if said:
                found[str(one)] = said
        context.close()
    return found


def _open(context: BrowserContext, page: Page, building: Building, one: Seen) -> list[str]:
    if one.sent is None:
        answer = page.goto(building.address + one.path)
        assert answer is not None
        return [f"status {answer.status}"] if answer.status >= 500 else []

    sent = building.clients[one.login].post(one.path, data=dict(one.sent))

    def answered(route: Route) -> None:
        route.fulfill(status=200, headers=dict(sent.headers), body=sent.get_data())

    page.route(building.address + one.path, answered)
    page.goto(building.address + one.path)
    page.unroute(building.address + one.path)
    return [] if sent.status_code == 422 else [f"status {sent.status_code}"]


def looked_at(page: Page) -> list[str]:
    """By axe as wide as a desk; by measure as a phone shows it, and at twice the size."""
    said = [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in AXE.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    for width in (ZOOMED, PHONE):
        page.set_viewport_size({"width": width, "height": 844})
        more = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if more > 0:
            said.append(f"{more} px wider than a screen of {width} px")
    said += [f"too small for a finger: {one}" for one in page.evaluate(SMALL, FINGER)]
    page.set_viewport_size({"width": WIDE, "height": 900})
    return said


def states(desk: Desk, more: dict[str, str]) -> list[tuple[str, str]]:
    """What a walk does not meet: whose, and where."""
    return [
        ("thandi", "/nowhere"),
        ("thandi", "/manager/people"),
        ("thandi", f"/cashier/till?meter={desk.shop.meter('G-08')}"),  # its key change is due
        ("thandi", f"/cashier/till?meter={desk.shop.meter('G-05')}"),  # blocked
        ("thandi", "/cashier/till?find=nobody"),
        ("thandi", more["vends.show"]),  # paid, and nobody knows of a token
        ("thandi", f"{more['trouble.show']}?shown=nothing"),
        ("pieter", "/cashier/shifts/close"),  # counted, locked and short
        ("john", "/manager/sales?q=nothing-is-called-so"),
    ]


@pytest.fixture(scope="module")
def building(
    furnished: Path, made_module: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Building]:
    folder = tmp_path_factory.mktemp("pages")
    with open_site(furnished, made_module, FixedClock(MORNING), folder) as (counter, desk):
        live(desk)
        app = open_app(desk.shop, folder / "site")
        more = corners.furnish(app, desk, counter)
        with served(app) as address:
            yield look_around(app, address, more, states(desk, more))


def test_every_page_of_the_url_map_is_looked_at_and_no_link_leads_to_a_refusal(building: Building) -> None:
    assert building.missed == set()
    assert building.broken == {}
    assert len({one.template for one in building.seen}) >= 40


DEALT = [(False, False), (True, True), (True, False), (False, True)]  # dark, right to left


def test_two_pages_of_each_template_can_be_used_by_everyone(chromium: Browser, building: Building) -> None:
    """The first that is met, and the first that refuses; each in another theme and direction."""
    first: dict[tuple[str, object], Seen] = {}
    for one in building.seen:
        first.setdefault((one.template, one.path if one.state else one.sent is not None), one)
    some = list(first.values())
    for number, (dark, rtl) in enumerate(DEALT):
        assert complaints(chromium, building, some[number::4], dark=dark, rtl=rtl) == {}


@pytest.mark.long
@pytest.mark.parametrize(("dark", "rtl"), DEALT, ids=["light", "dark-rtl", "dark", "rtl"])
def test_every_page_in_every_theme_and_direction_can_be_used_by_everyone(
    chromium: Browser, building: Building, dark: bool, rtl: bool
) -> None:
    assert len(building.seen) > 400
    assert complaints(chromium, building, building.seen, dark=dark, rtl=rtl) == {}


@pytest.mark.long
def test_every_page_of_a_site_where_nothing_happened_yet_can_be_used_by_everyone(
    chromium: Browser, site: Site, tmp_path: Path
) -> None:
    app = open_app(site.desk.shop, tmp_path / "new")
    with served(app) as address:
        empty = look_around(app, address, {}, [])
        assert empty.broken == {}
        assert complaints(chromium, empty, empty.seen, dark=False, rtl=False) == {}


def test_the_look_finds_planted_faults(chromium: Browser) -> None:
    """A battery that never failed proves nothing."""
    page = chromium.new_context(viewport={"width": WIDE, "height": 900}, has_touch=True).new_page()
    page.set_content(
        "<html lang=en><title>x</title><main><p style='color:#bbb;background:#ccc'>faint</p><input>"
        "<p>A link <a href='/in'>within a sentence</a> is text.</p><a href='/x'>alone</a>"
        "<div style='inline-size:500px'>wide</div></main>"
    )
    said = " ".join(looked_at(page))
    page.context.close()
    for fault in ("color-contrast", "label:", "px wider than a screen of 390 px", "“alone”"):
        assert fault in said
    assert "within a sentence" not in said
    assert "640 px" not in said
