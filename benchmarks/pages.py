"""Every page of the product on the demonstration data: how long the server takes, to the last byte, as p50 and p95.

The mall with ten weeks of sales, in a folder of its own, with a security module that lives in this process; each page is
fetched by a person who may open it. Prints the pages by their p95, and each as a ratio to the till's (the page that must
be fastest), both measured in the same run. `--keep FOLDER` leaves the site there for a look at it.

    PYTHONPATH=tests .venv/bin/python benchmarks/pages.py
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from fakes import FakeModule
from flask import Flask
from flask.testing import FlaskClient
from shop import Shop, open_shop
from web_app import open_app, sign_in

from keystore.module import Issued, Refused, Request
from vending import demonstrating, migrating
from vending.clock import FixedClock
from vending.db import Database
from vending.demonstration import loader
from vending.estate import queries as estate
from vending.payments.tender import Tender
from vending.vends import service as vends
from vending.vends.errors import SaleTooSmall
from vending.vends.plan import Basket, VendOrder
from vending.web import gate

END = datetime(2026, 11, 20, 8, 42, tzinfo=UTC)
DAYS = 70
CASHIERS = (("thandi-key", "Thandi Nkosi"), ("pieter-key", "Pieter Botha"))


class Timed(FakeModule):
    """The module of the tests, with the time of the history that is made."""

    def __init__(self, clock: FixedClock) -> None:
        super().__init__()
        self.clock, self.minute = clock, 0

    def _one(self, request: Request) -> Issued | Refused:
        since = self.clock.now() - datetime(2014, 1, 1, tzinfo=UTC)
        self.minute = max(self.minute + 1, int(since.total_seconds() // 60))
        issued = super()._one(request)
        return replace(issued, logged_at=self.clock.now()) if isinstance(issued, Issued) else issued


def furnish(path: Path, *, days: int = DAYS, name: str = "mall") -> None:
    """A site with its history, made through the services that a real one uses."""
    database = Database.open(f"sqlite:///{path}")
    migrating.bring_up_to_date(database)
    begin = END - timedelta(days=days)
    clock = FixedClock(begin)
    demonstrating.publish_tariffs(database, clock)
    loaded = loader.load(database, clock, name)
    shop = open_shop(database, clock)
    shop.module = Timed(clock)
    chance = random.Random(7)
    with database.reading() as session:
        meters = [
            meter
            for meter in estate.meters_of_site(session, clock, loaded.site_key, most=100_000)
            if meter.not_for_sale is None and meter.credit_in == "meter"
        ]
    # Each meter buys on a rhythm of its own; one in twenty stopped buying three weeks ago.
    rhythm = {meter.key: chance.uniform(2.5, 11) for meter in meters}
    size = {meter.key: chance.choice((60_000, 90_000, 90_000, 150_000, 300_000)) for meter in meters}
    quiet = {meter.key for meter in meters if chance.random() < 0.05}
    due = {meter.key: begin + timedelta(days=chance.uniform(0, rhythm[meter.key])) for meter in meters}
    for day in range(days):
        now = begin + timedelta(days=day)
        baskets = []
        for meter in meters:
            if due[meter.key] > now or (meter.key in quiet and day > days - 21):
                continue
            due[meter.key] = now + timedelta(days=rhythm[meter.key] * chance.uniform(0.6, 1.5))
            amount = int(size[meter.key] * chance.uniform(0.5, 1.6)) // 100 * 100
            cashier = chance.choice(CASHIERS)
            order = VendOrder(str(uuid.UUID(int=chance.getrandbits(128))), meter.key, money_minor=amount)
            baskets.append(
                Basket(
                    str(uuid.UUID(int=chance.getrandbits(128))),
                    (order,),
                    (Tender(chance.choice(("cash", "cash", "card")), reference="4711"),),
                    loaded.site_key,
                    chance.choice(("N1", "N2")),
                    *cashier,
                )
            )
        for start in range(0, len(baskets), 8):
            clock.set(now + timedelta(minutes=7 * start // 8))
            for sold in vends.sell(database, clock, shop.module, baskets[start : start + 8]):
                # A purchase that does not cover its fixed charges is refused, as at a till.
                if isinstance(sold, Exception) and not isinstance(sold, SaleTooSmall):
                    raise sold
    database.close()


def pages(app: Flask, shop: Shop) -> list[tuple[str, str]]:
    """(role, path) of every page that is opened by a GET, with the key of something that is there."""
    with shop.db.reading() as session:
        row = session.execute(
            sa.text(
                "SELECT vend.meter_key, vend.tenant_key, vend.sale_key, meter.space_key FROM vend "
                "JOIN meter ON meter.key = vend.meter_key ORDER BY vend.id DESC LIMIT 1"
            )
        ).one()
    keys = {
        "meters": row[0],
        "tenants": row[1],
        "sales": row[2],
        "vends": row[2],
        "receipts": row[2],
        "units": row[3],
    }
    found = []
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint in ("static", "htmx_script"):
            continue
        path = str(rule)
        if "<" in path:
            name = path.split("/<")[0].split("/")[-1]
            if name not in keys or path.count("<") > 1 or "<int" in path or "<any" in path:
                continue
            path = path.split("<")[0] + keys[name] + path.split(">", 1)[1]
        permission = gate.permission_of(app, rule.endpoint)
        role = next((one for one in ROLES if _may(one, permission)), None)
        if role is not None:
            found.append((role, path))
    # The till with a customer on it, and what a search and a search by hand find.
    found += [
        ("cashier", f"/cashier/till?meter={row[0]}&another=1"),
        ("cashier", "/cashier/till?find=coffee"),
    ]
    return sorted(set(found))


def sale_page(client: FlaskClient, shop: Shop, times: int) -> tuple[float, float, int, int, str, str]:
    """The page while somebody types: the amount counted with all its lines, as the till asks for it at each key."""
    with shop.db.reading() as session:
        meter = session.execute(sa.text("SELECT meter_key FROM vend ORDER BY id DESC LIMIT 1")).scalar_one()
    page = client.get(f"/cashier/till?meter={meter}&another=1").get_data(as_text=True)
    form = dict(re.findall(r'name="(csrf_token|order_id|basket_id|meter|customer)" value="([^"]*)"', page))
    spent = []
    for amount in range(times):
        began = time.perf_counter()
        answer = client.post(
            "/cashier/till/quote", data={**form, "amount": f"{500 + amount}", "tender": "cash"}
        )
        size = len(answer.get_data())
        spent.append(1000 * (time.perf_counter() - began))
    spent.sort()
    p95 = spent[min(len(spent) - 1, int(len(spent) * 0.95))]
    return p95, spent[len(spent) // 2], answer.status_code, size, "cashier", "/cashier/till/quote"


ROLES = ("manager", "auditor", "cashier", "engineer", "key custodian", "supervisor")


def _may(role: str, permission: str | None) -> bool:
    from vending.access import policy

    return permission in (gate.PUBLIC, gate.SIGNED_IN) or permission in policy.ROLES[role]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--times", type=int, default=25)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ampoule-pages-") as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "ampoule.db"
        if not path.exists():
            began = time.monotonic()
            furnish(path)
            print(f"A mall with {DAYS} days of sales, made in {time.monotonic() - began:.0f} s.")
        clock = FixedClock(END)
        shop = open_shop(Database.open(f"sqlite:///{path}"), clock)
        app = open_app(shop, folder)
        clients = {role: sign_in(app, role) for role in ROLES}
        measured = []
        for role, address in pages(app, shop):
            times = []
            for _index in range(arguments.times):
                began = time.perf_counter()
                answer = clients[role].get(address)
                answer.get_data()
                times.append(1000 * (time.perf_counter() - began))
            times.sort()
            p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
            measured.append(
                (p95, times[len(times) // 2], answer.status_code, len(answer.data), role, address)
            )
        measured.append(sale_page(clients["cashier"], shop, arguments.times))
        till = next(one[0] for one in measured if one[-1] == "/cashier/till")
        print(f"{'p95 ms':>8} {'p50 ms':>8} {'to till':>8} {'kB':>6}  page")
        for p95, middle, status, size, role, address in sorted(measured, reverse=True):
            print(
                f"{p95:8.1f} {middle:8.1f} {p95 / till:8.2f} {size / 1000:6.1f}  {status} {address} ({role})"
            )
        print(f"Pages above 200 ms p95: {sum(one[0] > 200 for one in measured)} of {len(measured)}.")
        shop.db.close()


if __name__ == "__main__":
    main()
