"""Statements with charts: how long a thousand tenants take, against the same drawing without looking anything up.

A database of N tenants with a year of purchases each is made of copies of one real sale, and `ampoule statement`'s own work
writes every statement as an A4 PDF, in as many processes as are given. The other side lays one worded statement out again
and again in one process, so that the ratio says what rows, sums, words and files cost beside the drawing. Goal: 1,000 in
60 s on two cores.
Run: .venv/bin/python benchmarks/statements.py [--tenants 1000] [--processes 2]
"""

import argparse
import resource
import sys
import tempfile
import time
import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))

import sqlalchemy as sa
from shop import MORNING, furnish, open_shop

from vending import schema
from vending.clock import FixedClock
from vending.db import Database
from vending.estate.tables import Tenant
from vending.receipts import papers, statement, statement_sheet
from vending.statement_commands import Work, write_all
from vending.vends import service as vends
from vending.vends.tables import Sale, Vend

GOAL_S, PURCHASES = 60.0, 24
FIRST, LAST = date(2025, 12, 1), date(2026, 11, 20)


def columns(session: Any, table: Any, **where: Any) -> dict[str, Any]:
    row = session.execute(sa.select(table.__table__).filter_by(**where).limit(1)).mappings().one()
    return {name: value for name, value in row.items() if name != "id"}


def fill(db: Database, sale_key: str, tenants: int) -> list[str]:
    """Tenants with a year of purchases, each a copy of one sale under its own numbers."""
    keys = [str(uuid.uuid4()) for _ in range(tenants)]
    with db.writing() as session:
        sale = columns(session, Sale, key=sale_key)
        vend = columns(session, Vend, sale_key=sale_key)
        tenant = columns(session, Tenant, key=vend["tenant_key"])
        people, sales, vended = [], [], []
        for number, key in enumerate(keys):
            language = ("en", "fr", "zh", "ar")[number % 4]
            people.append({**tenant, "key": key, "number": f"X{number:06d}", "language": language})
            for place in range(PURCHASES):
                at = MORNING - timedelta(days=14 * place)
                own, order = str(uuid.uuid4()), str(uuid.uuid4())
                content = {**sale["content"], "orders": [{**sale["content"]["orders"][0], "order": order}]}
                sales.append(
                    {
                        **sale,
                        "key": own,
                        "receipt": f"B-{number:06d}-{place:02d}",
                        "sold_at": at,
                        "content": content,
                    }
                )
                vended.append({**vend, "order_id": order, "sale_key": own, "tenant_key": key, "paid_at": at})
        session.execute(sa.insert(Tenant), people)
        session.execute(sa.insert(Sale), sales)
        session.execute(sa.insert(Vend), vended)
    return keys


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--tenants", type=int, default=1000)
    options.add_argument("--processes", type=int, default=2)
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        schema.metadata()
        address = f"sqlite:///{folder}/ampoule.db"
        db = Database.open(address)
        db.create_all()
        furnish(db)
        shop = open_shop(db, FixedClock(MORNING))
        (outcome,) = shop.sell(shop.basket(shop.order("G-04", 150_000)))
        assert isinstance(outcome, vends.SaleOutcome)
        keys = fill(db, outcome.sale_key, wanted.tenants)
        with db.reading() as session:
            content = papers.statement(session, shop.clock, keys[0], FIRST, LAST, test=True)
        assert len(content.purchases) == PURCHASES
        into = Path(folder) / "statements"
        into.mkdir()
        begin, done = time.perf_counter(), 0
        for number, _made in write_all(
            Work(address, str(into), FIRST, LAST, "a4", True), keys, wanted.processes
        ):
            done += number
            print(f"\r{done:,} of {len(keys):,}", end="", flush=True)
        ours = time.perf_counter() - begin
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = used.ru_utime + used.ru_stime
        count = len(list(into.glob("*.pdf")))
        assert count == len(keys), "a statement is missing"
        db.close()
    words = statement.worded(content)
    begin = time.perf_counter()
    for _ in range(50):
        statement_sheet.draw(words, "a4")
    alone = (time.perf_counter() - begin) / 50
    print(
        f"\r{count:,} statements with {PURCHASES} purchases and 3 charts each: {ours:.1f} s in {wanted.processes} processes, "
        f"{ours / count * 1000:.1f} ms each; the drawing alone {alone * 1000:.1f} ms in one process: "
        f"{ours / count * wanted.processes / alone:.1f} times"
    )
    if wanted.processes > 1:
        print(
            f"{cpu:.1f} s of processor time in all: what two cores with nothing else to do need is half of it"
        )
    whole = ours / count * 1000
    print(f"1,000 take {whole:.0f} s: {'within' if whole <= GOAL_S else 'OVER'} the goal of {GOAL_S:.0f} s")


if __name__ == "__main__":
    main()
