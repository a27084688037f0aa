"""`ampoule doctor` itself: all looks in their order, for people or as JSON, with an exit status for timers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from vending import bootstrap, condition, settings
from vending.clock import Clock, SystemClock
from vending.condition import FAIL, OK, WARN, Finding
from vending.db import Database
from vending.doctor import looks, printers
from vending.errors import VendingError
from vending.settings import Settings

MARKS = {OK: "ok  ", WARN: "WARN", FAIL: "FAIL"}


def examine(site: Settings, clock: Clock) -> Iterator[Finding]:
    """From what everything else stands on to what stands on it; nothing is changed."""
    yield looks.of_settings(site)
    yield looks.of_folder(site)
    yield condition.of_disk(site.folder)
    yield looks.of_time_source()
    module = bootstrap.open_module(site)
    status, found = condition.ask_module(module)
    db = None
    if not site.database_url and not (site.folder / "ampoule.db").exists():
        yield Finding(
            "database",
            FAIL,
            f"There is no database in {site.folder} yet.",
            "Start the server once, which makes it, or correct AMPOULE_VAR.",
        )
    else:
        try:
            db = Database.open(site.database_address, writable=False)
        except VendingError as error:
            yield Finding("database", FAIL, error.sentence)
    if db is not None:
        try:
            yield condition.of_database(db)
            migrations = condition.of_migrations(db)
            yield migrations
            if migrations.state == OK:
                if status is not None and status.state == "ready":
                    found = looks.of_fence(db, module, status, found)
                yield condition.of_clock(db, clock, status)
                yield condition.of_jobs(db, clock)
                yield looks.of_books(db)
                yield looks.of_records(db)
                yield from printers.of_printers(db, clock.now())
        finally:
            db.close()
    yield found
    yield looks.of_users(site)
    yield from condition.of_module(status)
    yield from condition.of_budgets(status, clock.now())
    yield from condition.of_keys(status, clock.now())
    yield from looks.of_backups(site, clock.now())
    yield looks.of_tls(site, clock.now())
    yield looks.of_fonts()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def doctor(as_json: bool) -> None:
    """Look at everything that a site needs. Ends with 1 when something stops sales, with 0 otherwise; changes nothing."""
    try:
        site = settings.load()
    except VendingError as error:
        found = [Finding("settings", FAIL, error.sentence)]
    else:
        found = list(examine(site, SystemClock()))
    worst = condition.worst(found)
    if as_json:
        click.echo(json.dumps({"state": worst, "findings": [asdict(one) for one in found]}, indent=2))
    else:
        for one in found:
            click.echo(f"{MARKS[one.state]}  {one.part:<12} {one.says}")
            if one.next_step and one.state != OK:
                click.echo(f"{'':>6}{'':<12} Next: {one.next_step}")
    sys.exit(1 if worst == FAIL else 0)
