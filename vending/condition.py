"""What state the site is in: small looks, each with what was found and the next step. Read by `/readyz`, `/metrics` and doctor.

Nothing here changes anything, and nothing raises: a part that is away is a finding.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from keystore.errors import KeystoreError
from keystore.module import SecurityModule, Status
from vending import jobs, migrating, timecheck
from vending.clock import Clock
from vending.db import Database
from vending.errors import VendingError

OK, WARN, FAIL = "ok", "warn", "fail"

DISK_FAIL_BYTES = 200 * 1024**2
DISK_WARN_BYTES = 2 * 1024**3
LONG_AGO = timedelta(days=31)  # what the module lets pass after a stop (decisions.md D15)
MODULE_CLOCK_APART = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Finding:
    """`part` is stable, for programs; `fail` means that selling stops or must stop, `warn` that somebody should act soon."""

    part: str
    state: str
    says: str
    next_step: str = ""


def of_database(db: Database) -> Finding:
    """It answers, and with the settings that keep an acknowledged sale."""
    try:
        with db.reading() as session:
            connection = session.connection()
            if db.dialect == "sqlite":
                journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
                version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
                if journal != "wal":
                    return Finding(
                        "database",
                        FAIL,
                        f"SQLite runs with the journal {journal}, which is not the one decided for one writer (wal).",
                        "Stop everything that opens the file, then start `ampoule serve`, which sets and checks it.",
                    )
                return Finding("database", OK, f"SQLite {version}, journal wal, one writer.")
            version = connection.exec_driver_sql("SHOW server_version").scalar_one()
            return Finding("database", OK, f"PostgreSQL {version}, durable settings.")
    except (sa.exc.SQLAlchemyError, VendingError) as error:
        return Finding(
            "database",
            FAIL,
            f"The database does not answer ({type(error).__name__}).",
            "Start it, or check AMPOULE_DATABASE_URL and who may read the file; nothing is sold until it answers.",
        )


def of_migrations(db: Database) -> Finding:
    try:
        standing = migrating.current(db)
    except VendingError as error:
        return Finding("migrations", FAIL, error.sentence)
    except sa.exc.SQLAlchemyError as error:
        return Finding("migrations", FAIL, f"The version cannot be read ({type(error).__name__}).")
    wanted = migrating.revisions()[-1]
    if standing == wanted:
        return Finding("migrations", OK, f"The tables are of version {wanted}, as this release needs.")
    if standing is not None and standing not in migrating.revisions():
        return Finding(
            "migrations",
            FAIL,
            f"The tables are of version {standing}, newer than this release knows ({wanted}).",
            "Start the release that wrote them, or restore the back-up made before the upgrade.",
        )
    return Finding(
        "migrations",
        FAIL,
        f"The tables are of version {standing or 'none'}, and this release needs {wanted}.",
        "Back up, then run `ampoule database upgrade`.",
    )


def ask_module(module: SecurityModule) -> tuple[Status | None, Finding]:
    try:
        status = module.status()
    except KeystoreError as error:
        return None, Finding("module", FAIL, error.sentence, _MODULE_NEXT)
    except OSError as error:
        return None, Finding(
            "module", FAIL, f"The security module does not answer ({error.strerror}).", _MODULE_NEXT
        )
    if status.state == "ready":
        kind = "test keys" if status.test else "live keys"
        return status, Finding("module", OK, f"Ready, {kind}, {status.sequence} entries in its log.")
    step = {
        "locked": "Custodians open it: `keystore unlock --socket …`, one after another.",
        "clock": "Set the clock right; if it is right, confirm it: `keystore budget confirm-clock` (key manager's guide).",
        "behind": "Bring the newer issuance log back, or fast-forward with two signatures (key manager's guide).",
        "closed": "Run `ampoule reconcile`, which names each order that is missing.",
    }.get(status.state, "`keystore status` says more.")
    return status, Finding("module", FAIL, f"Not ready: {status.reason or status.state}.", step)


_MODULE_NEXT = (
    "Start it (`systemctl start ampoule-module`, or `ampoule up` in a demonstration) and look whether the server's user "
    "may open its socket. Paid orders wait and are completed by themselves."
)


def of_module(status: Status | None) -> list[Finding]:
    """What the module itself warns of; its budgets are told of below."""
    if status is None:
        return []
    of_a_budget = {warning for one in status.budgets for warning in one.warnings}
    return [
        Finding(
            "module",
            WARN,
            warning,
            "The key manager's guide says what to do: `keystore status` shows the same.",
        )
        for warning in status.warnings
        if warning not in of_a_budget
    ]


def of_budgets(status: Status | None, now: datetime) -> list[Finding]:
    if status is None or status.state == "locked":
        return []
    live = [one for one in status.budgets if one.kind == "units" and one.starts <= now < one.expires]
    if not live:
        return [
            Finding(
                "budget",
                FAIL,
                "No budget for selling is open.",
                "Two approvers open one: `keystore budget open …` (key manager's guide).",
            )
        ]
    found = []
    for one in live:
        part = f"{one.left} of {one.allotted} units left in {one.budget_id} until {one.expires:%Y-%m-%d}"
        if one.left <= 0:
            found.append(
                Finding("budget", FAIL, f"Used up: {part}.", "Two approvers top it up or open the next.")
            )
        elif one.warnings or one.left * 10 < one.allotted or one.expires - now < timedelta(days=3):
            forecast = f"; at this pace it lasts until {one.lasts_until:%A %H:%M}" if one.lasts_until else ""
            found.append(
                Finding("budget", WARN, f"{part}{forecast}.", "Let two approvers open the next one.")
            )
        else:
            found.append(Finding("budget", OK, f"{part}."))
    return found


def of_keys(status: Status | None, now: datetime) -> list[Finding]:
    if status is None:
        return []
    soon = [
        f"{key.sgc}/{key.krn} until {key.last_minute:%Y-%m-%d}"
        for key in status.keys
        if key.state == "active" and key.last_minute - now < timedelta(days=365)
    ]
    if not soon:
        return []
    return [
        Finding(
            "keys",
            WARN,
            f"Keys that end within a year: {', '.join(soon)}.",
            "Plan the change of the meters' keys now: `keystore expiring`.",
        )
    ]


def of_clock(db: Database, clock: Clock, status: Status | None) -> Finding:
    now = clock.now()
    try:
        timecheck.refuse_if_behind(db, clock)
    except VendingError as error:
        return Finding("clock", FAIL, error.sentence, "timedatectl set-ntp true")
    except sa.exc.SQLAlchemyError:
        pass  # the database's own finding says so
    if status is not None and not status.simulated_clock and abs(status.now - now) > MODULE_CLOCK_APART:
        return Finding(
            "clock",
            FAIL,
            f"This server's clock and the module's are apart: {now:%Y-%m-%d %H:%M:%S} and {status.now:%Y-%m-%d %H:%M:%S} UTC.",
            "Set both by the same time server, then start the module again.",
        )
    if (last := timecheck.last_booked(db)) is not None and now - last > LONG_AGO:
        return Finding(
            "clock",
            WARN,
            f"The clock says {now:%Y-%m-%d %H:%M} UTC, and the last thing was booked {(now - last).days} days before. If nothing was sold "
            "for so long, all is well; if not, the clock is ahead, and tokens of a later date would shut out those of today.",
            "Compare the clock with another one before the first sale; timedatectl set-ntp true.",
        )
    return Finding("clock", OK, f"{now:%Y-%m-%d %H:%M:%S} UTC, not behind what is booked.")


def of_disk(folder: Path) -> Finding:
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    usage = shutil.disk_usage(there)
    free = f"{usage.free / 1024**3:.1f} GB of {usage.total / 1024**3:.0f} GB free at {folder}"
    if usage.free < DISK_FAIL_BYTES:
        return Finding(
            "disk",
            FAIL,
            f"The disk is nearly full: {free}.",
            "Free some space; sales go on by themselves, without a restart.",
        )
    if usage.free < DISK_WARN_BYTES:
        return Finding("disk", WARN, f"{free}.", "Make room before it is full: old back-ups, logs.")
    return Finding("disk", OK, f"{free}.")


def of_jobs(db: Database, clock: Clock) -> Finding:
    try:
        with db.reading() as session:
            counts = jobs.count(session, clock)
    except sa.exc.SQLAlchemyError:
        return Finding("jobs", FAIL, "The list of jobs cannot be read.", "See the database's own line.")
    if counts.oldest_due is not None and clock.now() - counts.oldest_due > timedelta(minutes=10):
        return Finding(
            "jobs",
            WARN,
            f"{counts.late} jobs are late, the oldest since {counts.oldest_due:%Y-%m-%d %H:%M} UTC.",
            "Look whether the server (on PostgreSQL: `ampoule worker`) runs; `ampoule jobs list --state waiting` says why.",
        )
    if counts.dead:
        return Finding(
            "jobs",
            WARN,
            f"{counts.dead} jobs failed for good.",
            "`ampoule jobs dead` names them and why; mend that, then `ampoule jobs again NUMBER`.",
        )
    return Finding("jobs", OK, f"{counts.waiting} wait, none failed for good.")


def worst(findings: list[Finding]) -> str:
    states = {finding.state for finding in findings}
    return FAIL if FAIL in states else WARN if WARN in states else OK
