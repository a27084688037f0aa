"""A site that has been worked at, and a walk over every page of it that a link leads to.

The addresses come from the pages themselves and are told apart by the URL map, so a new page is walked without a word in a
test; a page that no link leads to is named by who walks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from html.parser import HTMLParser
from urllib.parse import urlsplit

from desk_cast import Desk
from flask import Flask
from flask.testing import FlaskClient
from web_app import sign_in
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from vending.access import approvals, policy
from vending.demonstration.people import DEMONSTRATION_PEOPLE
from vending.shifts import banking, service
from vending.shifts.count import Count
from vending.vends import reversing
from vending.vends import service as vends
from vending.web import gate
from vending.work import service as work

ROLES = tuple(dict.fromkeys(person.role for person in DEMONSTRATION_PEOPLE if person.role != "tenant"))
STARTS = (
    "/",
    "/rooms",
    "/account",
    "/cashier/till?find=G-0",
    "/manager/live",
    "/verify",
    "/developers",
    "/sign-in",
)
EACH = 2  # addresses that are kept of one page


def live(desk: Desk) -> None:
    """A shift that is over, with its bag; one that is open; sales, one asked back; an order of work, a request."""
    shop = desk.shop
    over = desk.open("pieter", till="N2")
    vends.sell(shop.db, shop.clock, shop.module, [desk.basket(over, 10_000, who="pieter", till="N2")])
    counted = Count("ZAR", {20_000: 3}, {})
    service.lock_count(shop.db, shop.clock, desk.pieter, over, counted)
    service.close(shop.db, shop.clock, desk.pieter, over, reason="The change was wrong")
    banking.pack(shop.db, shop.clock, desk.amina, [over], bag="S-1", count=Count("ZAR", {10_000: 1}, {}))
    now = desk.open()
    outcomes = vends.sell(
        shop.db,
        shop.clock,
        shop.module,
        [
            desk.basket(now, minor, unit=unit)
            for minor, unit in ((20_000, "G-04"), (15_000, "G-05"), (9_000, "1-01"))
        ],
    )
    sold = [one for one in outcomes if isinstance(one, vends.SaleOutcome)]
    assert len(sold) == len(outcomes), outcomes
    reversing.reverse(
        shop.db, shop.clock, shop.module, desk.thandi, "11111111-1111-4111-8111-111111111111",
        _order_of(desk, sold[-1].sale_key), why="wrong-meter", reason="Typed for the wrong customer",
    )  # fmt: skip
    with shop.db.writing() as session:
        work.open_order(
            session, shop.clock, desk.john, site=shop.site, kind="reading", title="Read it", meter=shop.meter("G-03")
        )  # fmt: skip
        approvals.ask(
            session, shop.clock, desk.john, "period-close", {"month": "2026-10"},
            site=shop.site, subject="period:2026-10", reason="The month is over",
        )  # fmt: skip


def _order_of(desk: Desk, sale: str) -> str:
    from vending.vends import queries

    with desk.shop.db.reading() as session:
        return queries.one_sale(session, sale).vends[0].order_id


@dataclass
class Form:
    """One form of a page: where it goes, and what it sends if nobody touches it. `texts` are the fields that people type in."""

    page: str
    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """The links and forms of one page, fields that stand outside of their form included."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._named: dict[str, Form] = {}
        self._later: list[tuple[str, str, dict[str, str]]] = []
        self._select = ""
        self._chosen: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        elif tag == "form":
            form = Form(self.page, told.get("action") or self.page, told.get("method", "get").upper())
            self.forms.append(form)
            self._open = form
            if "id" in told:
                self._named[told["id"]] = form
        elif tag in ("input", "textarea", "select", "button") and told.get("name"):
            self._later.append(
                (told.get("form", ""), tag, told | {"#": str(len(self.forms) - 1 if self._open else -1)})
            )
            self._select = told["name"] if tag == "select" else ""
        elif (
            tag == "option"
            and self._select
            and told.get("value")
            and ("selected" in told or self._select not in self._chosen)
        ):
            self._chosen[self._select] = told["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None

    def finish(self) -> None:
        for name, tag, told in self._later:
            at = int(told["#"])
            form = self._named.get(name) if name else self.forms[at] if at >= 0 else None
            if form is None:
                continue
            kind = told.get("type", "text") if tag == "input" else tag
            key = told["name"]
            if kind == "select":
                form.values[key] = self._chosen.get(key, "")
            elif kind in ("radio", "checkbox"):
                if "checked" in told or (kind == "radio" and key not in form.values):
                    form.values[key] = told.get("value", "1")
            elif kind == "button":
                form.values.setdefault(key, told.get("value", ""))
            elif kind != "file":
                form.values[key] = told.get("value", "")
                if kind != "hidden":
                    form.texts.append(key)


@dataclass
class Walk:
    """What somebody of one role sees: pages by endpoint, and the forms on them."""

    app: Flask
    role: str
    client: FlaskClient
    pages: dict[str, list[str]] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)

    def endpoint(self, address: str, method: str = "GET") -> str | None:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            return None
        try:
            found, _values = self.app.url_map.bind("localhost").match(parts.path, method=method)
        except HTTPException:
            return None
        return str(found)

    def may(self, address: str) -> bool:
        permission = gate.permission_of(self.app, self.endpoint(address) or "static")
        return permission in (gate.PUBLIC, gate.SIGNED_IN) or permission in {
            one.value for one in policy.ROLES[self.role]
        }

    def walk(self) -> Iterator[tuple[str, TestResponse]]:
        """Gives every page with its answer; goes on with the links that are on it."""
        waiting = [one for one in STARTS if self.may(one)]
        seen: set[tuple[str, frozenset[str]]] = set()
        while waiting:
            address = waiting.pop(0)
            endpoint = self.endpoint(address)
            names = frozenset(re.findall(r"[?&]([a-z_]+)=", address))
            kept = self.pages.setdefault(endpoint or "", [])
            if (
                endpoint in (None, "static", "htmx_script")
                or address in kept
                or len(kept) >= EACH + len(names)
            ):
                continue
            if len(kept) >= EACH and (endpoint or "", names) in seen:
                continue
            seen.add((endpoint or "", names))
            kept.append(address)
            answer = self.client.get(address)
            answer.get_data()  # a file that nobody reads to its end keeps its request open
            yield address, answer
            if answer.status_code in (302, 303):
                waiting.append(answer.headers["Location"])
            elif answer.mimetype == "text/html":
                reader = _Reader(address)
                reader.feed(answer.get_data(as_text=True))
                reader.finish()
                self.forms += reader.forms
                waiting += [link for link in reader.links if link.startswith("/")]
                waiting += [address.split("?")[0] + link for link in reader.links if link.startswith("?")]


def walks(app: Flask) -> Iterator[Walk]:
    for role in ROLES:
        yield Walk(app, role, sign_in(app, role))


def plausible(name: str, today: date) -> str:
    """What somebody would write into a field of this name."""
    for part, text in (
        ("amount", "10"), ("money", "10"), ("units", "10"), ("minor", "10"), ("count-", "1"), ("sum-", "1"), ("float", "0"),
        ("date", today.isoformat()), ("_on", today.isoformat()), ("from", today.isoformat()), ("until", "2027-12-31"),
        ("email", "someone@example.org"), ("phone", "+27825550111"), ("number", "12"), ("times", "1"), ("confirm", "6193"),
        ("secret", "6193"), ("login", "newcomer"),
    ):  # fmt: skip
        if part in name:
            return text
    return "Because of this"
