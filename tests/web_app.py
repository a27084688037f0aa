"""The web application over a furnished shop and a module that lives in the test: for tests of pages without processes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from shop import Shop
from werkzeug.routing import AnyConverter, IntegerConverter
from werkzeug.test import TestResponse

from vending.access.site_secret import SiteSecret
from vending.demonstration.people import DEMONSTRATION_PEOPLE
from vending.services import Services
from vending.settings import Settings
from vending.vends import ordering
from vending.vends import service as vends
from vending.vends.groups import Groups
from vending.vends.plan import Basket
from vending.web.app import create_app


def open_app(shop: Shop, folder: Path, **settings: Any) -> Flask:
    groups = shop.db.for_groups()

    def sell(baskets: Sequence[Basket]) -> list[vends.SaleOutcome | Exception]:
        return vends.sell(groups, shop.clock, shop.module, baskets)

    services = Services(
        settings=Settings(var=folder, **settings),
        clock=shop.clock,
        db=shop.db,
        module=shop.module,  # type: ignore[arg-type]
        vault=SiteSecret.of_folder(folder),
        sales=Groups(sell),
        quotes=Groups(partial(ordering.quote_all, groups, shop.clock)),
    )
    app = create_app(services)
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


def form_word(page: str) -> str:
    """The page's secret word against forged forms."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, "the page has no form"
    return found[1]


def sign_in(app: Flask, role: str) -> FlaskClient:
    return sign_in_as(app, next(one.login for one in DEMONSTRATION_PEOPLE if one.role == role))


def sign_in_as(app: Flask, login: str) -> FlaskClient:
    person = next(one for one in DEMONSTRATION_PEOPLE if one.login == login)
    client = app.test_client()
    page = client.get("/sign-in").get_data(as_text=True)
    answer = client.post(
        "/sign-in", data={"csrf_token": form_word(page), "name": person.login, "password": person.password}
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return client


def post(client: FlaskClient, path: str, **fields: Any) -> TestResponse:
    """A form of any page, sent; everybody who is signed in has the account's page with the word against forged forms."""
    page = client.get("/account").get_data(as_text=True)
    return client.post(path, data={"csrf_token": form_word(page), **fields})


def key_in(answer: TestResponse) -> str:
    """The key of what was made: where a form that was done leads."""
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"].rstrip("/").split("/")[-1].split("?")[0]


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Endpoint, method, path with made-up arguments."""
    found = []
    for rule in app.url_map.iter_rules():
        path = str(rule)
        for name, converter in rule._converters.items():
            value = "favicon.svg" if name == "filename" else "0" * 16
            if isinstance(converter, IntegerConverter):
                value = "1"
            elif isinstance(converter, AnyConverter):
                value = min(converter.items)
            path = path.replace(f"<{_spelt(rule, name)}>", value)
        assert "<" not in path, path
        found += [(rule.endpoint, method, path) for method in sorted(rule.methods - {"HEAD", "OPTIONS"})]
    return found


def _spelt(rule: Any, name: str) -> str:
    start = str(rule).find(f"{name}>")
    return str(rule)[str(rule).rfind("<", 0, start) + 1 : start + len(name)]
