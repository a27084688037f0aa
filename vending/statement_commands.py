"""`ampoule statement`: statements of purchases with charts, of one tenant or of all, as PDF files in a folder.

Reads only, so the server may go on working. Several processes share the tenants; a line of progress goes to stderr. A file
is written beside its place and moved there whole, so that a run that was stopped leaves no half paper.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import click

from vending import settings
from vending.clock import SystemClock
from vending.db import Database
from vending.estate import queries as estate
from vending.receipts import papers, statement_sheet
from vending.receipts import statement as stating

AT_ONCE = 20  # tenants that a process takes at a time


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--first", type=click.DateTime(["%Y-%m-%d"]), help="The first day; else twelve months back.")
@click.option("--last", type=click.DateTime(["%Y-%m-%d"]), help="The last day; else yesterday.")
@click.option(
    "--tenant", "numbers", multiple=True, help="A tenant's number, such as C00012; else all of them."
)
@click.option("--paper", "size", type=click.Choice(["a4", "a5"]), default="a4", show_default=True)
@click.option(
    "--processes", type=click.IntRange(1, 64), default=os.cpu_count() or 1, help="How many at once."
)
def statement(
    folder: Path, first: date | None, last: date | None, numbers: tuple[str, ...], size: str, processes: int
) -> None:
    """Write the statements of purchases into FOLDER, one PDF for each tenant who bought something."""
    site = settings.load()
    through = _day(last) or SystemClock().now().astimezone().date() - timedelta(days=1)
    begin = _day(first) or (through.replace(day=1) - timedelta(days=335)).replace(day=1)
    keys = _tenants(site.database_address, numbers)
    folder.mkdir(parents=True, exist_ok=True)
    started, written, done = time.monotonic(), 0, 0
    work = Work(site.database_address, str(folder), begin, through, size, site.is_demonstration)
    for number, made in write_all(work, keys, processes):
        done, written = done + number, written + made
        click.echo(f"\r{done:,} of {len(keys):,} tenants", nl=False, err=True)
    click.echo(err=True)
    took = time.monotonic() - started
    click.echo(
        f"{written:,} statements in {folder}, {begin} to {through}, in {took:.1f} s; "
        f"{done - written:,} tenants bought nothing."
    )


class Work:
    """What a process must know; plain values, because it is handed to it."""

    def __init__(self, address: str, folder: str, first: date, last: date, size: str, test: bool) -> None:
        self.address, self.folder, self.first, self.last = address, folder, first, last
        self.size, self.test = size, test


def write_all(work: Work, keys: list[str], processes: int) -> Iterator[tuple[int, int]]:
    """(how many tenants, how many statements), group by group as they are finished."""
    groups = [keys[begin : begin + AT_ONCE] for begin in range(0, len(keys), AT_ONCE)]
    if processes == 1 or len(groups) < 2:
        for group in groups:
            yield len(group), write_group(work, group)
        return
    with ProcessPoolExecutor(processes) as pool:
        for group, made in zip(groups, pool.map(write_group, [work] * len(groups), groups), strict=True):
            yield len(group), made


def write_group(work: Work, keys: list[str]) -> int:
    db = Database.open(work.address, writable=False)
    made = 0
    try:
        for key in keys:
            with db.reading() as session:
                content = papers.statement(session, SystemClock(), key, work.first, work.last, test=work.test)
            if not content.purchases:
                continue
            name = re.sub(r"[^\w-]", "_", content.buyer.number or key)
            path = Path(work.folder) / f"statement-{name}-{work.last}.pdf"
            half = path.with_suffix(".part")
            half.write_bytes(statement_sheet.draw(stating.worded(content), work.size))
            half.replace(path)
            made += 1
    finally:
        db.close()
    return made


def _tenants(address: str, numbers: tuple[str, ...]) -> list[str]:
    db = Database.open(address, writable=False)
    try:
        with db.reading() as session:
            found = [
                tenant
                for site in estate.list_sites(session)
                for tenant in estate.list_tenants(session, site.key, most=1_000_000)
                if not numbers or tenant.number in numbers
            ]
    finally:
        db.close()
    missing = sorted(set(numbers) - {tenant.number for tenant in found})
    if missing:
        raise click.ClickException(
            f"There is no tenant {', '.join(missing)}. Their numbers stand in the list of tenants."
        )
    return [tenant.key for tenant in found]


def _day(typed: date | None) -> date | None:
    return date(typed.year, typed.month, typed.day) if typed else None
