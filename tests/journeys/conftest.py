"""A site on a real port with the real security module, whose clock can be moved; and the system's own Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from counter import Counter, open_counter
from desk_cast import Desk, open_desk
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from served import served
from shop import furnish, open_shop
from vending_counter import made_module
from web_app import open_app

from vending.clock import FixedClock
from vending.db import Database

__all__ = ["made_module"]

expect.set_options(timeout=15_000)  # a machine with two cores may be busy


@dataclass
class Site:
    address: str
    counter: Counter
    desk: Desk


@pytest.fixture(scope="session")
def furnished(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journeys") / "ampoule.db"
    shutil.copy(sqlite_template, path)
    database = Database.open(f"sqlite:///{path}")
    furnish(database)
    database.close()
    return path


@contextmanager
def open_site(furnished: Path, made: Path, clock: FixedClock, folder: Path) -> Iterator[tuple[Counter, Desk]]:
    """A furnished building with the real module in it, its people, and money in its safe."""
    path = folder / "ampoule.db"
    shutil.copy(furnished, path)
    database = Database.open(f"sqlite:///{path}")
    shop = open_shop(database, clock)
    counter = open_counter(shop, made, folder)
    shop.module = counter.module  # type: ignore[assignment]
    yield counter, open_desk(shop)
    counter.module.engine.log.abandon()
    database.close()


@pytest.fixture
def site(furnished: Path, made_module: Path, clock: FixedClock, tmp_path: Path) -> Iterator[Site]:
    with (
        open_site(furnished, made_module, clock, tmp_path) as (counter, desk),
        served(open_app(desk.shop, tmp_path / "site")) as address,
    ):
        yield Site(address.replace("127.0.0.1", "localhost"), counter, desk)


@dataclass
class Screens:
    """Opens browsers that are heard: an error on the console or a script that failed fails the journey."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def _hear(self, text: str) -> None:
        # A count that the next page overtook is given up by the browser; htmx says so and nothing is lost.
        if not text.startswith(("htmx:afterRequest", "htmx:sendError", "htmx:sendAbort")):
            self.complaints.append(text)

    def open(self, address: str, **options: Any) -> Page:
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.contexts.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("console", lambda line: self._hear(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(address)
        return page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("needs chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def screens(chromium: Browser) -> Iterator[Screens]:
    opened = Screens(chromium)
    yield opened
    for context in opened.contexts:
        context.close()
    assert opened.complaints == []
