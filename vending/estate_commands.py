"""`ampoule estate`: lists in and out, and a look at what is there. For big lists and for scripts; the pages do the same."""

import sys
import time
from pathlib import Path

import click

from vending.access.policy import SYSTEM
from vending.clock import SystemClock
from vending.errors import NotFound
from vending.estate import columns, exporting, importing, meters, queries
from vending.estate.importing import Report
from vending.estate.views import SiteView
from vending.user_commands import looking, opened


@click.group()
def estate() -> None:
    """Units, tenants and meters: import, export, find."""


@estate.command("token-limit")
@click.argument("meter")
@click.argument("most", type=click.IntRange(0, 1_000_000))
@click.option("--reason", required=True, help="It stays in the trail.")
@click.option("--site", default="", help="The name of the site; may be left out when there is one.")
def token_limit(meter: str, most: int, reason: str, site: str) -> None:
    """What one token may carry for this meter, in whole units; 0: what any token can. More becomes several tokens."""
    with opened() as (db, clock), db.writing() as session:
        place = _one_site(queries.list_sites(session), site)
        found = queries.one_meter(session, clock, meter, sites=(place.key,))
        meters.set_token_limit(session, clock, SYSTEM, found.key, most * 10 or None, reason=reason)
    click.echo(
        f"Meter {found.drn} takes {f'at most {most} units' if most else 'what a token can carry'} in a token."
    )


@estate.command("import")
@click.argument("kind", type=click.Choice(list(columns.LISTS)))
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--site", default="", help="The name of the site; may be left out when there is one.")
@click.option("--dry-run", is_flag=True, help="Check every cell and change nothing.")
@click.option(
    "--tid-offset",
    default=0,
    help="Minutes by which the supply group's token clock is ahead of UTC (take-over).",
)
def import_list(kind: str, path: Path, site: str, dry_run: bool, tid_offset: int) -> None:
    """Bring in a list (CSV or XLSX): all rows or none. Exit status 1 when cells are faulty."""
    with opened() as (db, clock):
        with db.reading() as session:
            place = _one_site(queries.list_sites(session), site)
        progress = _Progress()
        if dry_run:
            report = importing.dry_run(
                db,
                clock,
                SYSTEM,
                path,
                kind=kind,
                site=place.key,
                tid_offset_minutes=tid_offset,
                progress=progress.show,
            )
            progress.end()
            tell(report)
            sys.exit(0 if report.is_clean else 1)
        report = importing.run(
            db,
            clock,
            SYSTEM,
            path,
            kind=kind,
            site=place.key,
            tid_offset_minutes=tid_offset,
            progress=progress.show,
        )
        progress.end()
        click.echo(f"{report.imported:,} {kind} imported into {place.name}.")


@estate.command("export")
@click.argument("table", type=click.Choice(list(exporting.tables())))
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--site", default="", help="The name of the site; may be left out when there is one.")
def export(table: str, path: Path, site: str) -> None:
    """Save a table; the ending of PATH says the format (.csv or .xlsx)."""
    with opened() as (db, clock):
        with db.reading() as session:
            place = _one_site(queries.list_sites(session), site)
        count = exporting.export(db, clock, SYSTEM, path, table=table, site=place.key)
    click.echo(f"{count:,} rows of {table} written to {path}.")


@estate.command("columns")
@click.argument("kind", type=click.Choice(list(columns.LISTS)))
def list_columns(kind: str) -> None:
    """The columns of a list that can be imported."""
    for column in columns.LISTS[kind]:
        click.echo(f"{column.name:<18} {'needed   ' if column.needed else 'optional '} {column.says}")


@estate.command()
@click.argument("text")
def find(text: str) -> None:
    """Search meters as a till does: any part of a number, name, unit or telephone number."""
    clock = SystemClock()
    with looking() as db, db.reading() as session:
        found = queries.find_meters(session, clock, text)
        for view in found:
            unit = view.space.code if view.space else "-"
            tenant = view.tenant.name if view.tenant else "vacant"
            click.echo(f"{view.drn}  {view.service:<12} {unit:<8} {tenant:<30} {view.state}")
        if not found:
            suggested = ", ".join(view.drn for view in queries.suggest_meters(session, clock, text))
            click.echo(f"Nothing found.{f' Is {suggested} meant?' if suggested else ''}")


def tell(report: Report) -> None:
    """The dry run's answer: every faulty cell, by the name that the spreadsheet gives it."""
    if report.is_clean:
        click.echo(
            f"{report.rows:,} rows checked, none faulty. Nothing was changed; run it again without --dry-run."
        )
        return
    for fault in report.faults:
        click.echo(f"{fault.cell:<6} {fault.column:<16} {fault.value!r:<28} {fault.sentence}")
    more = report.fault_count - len(report.faults)
    click.echo(
        f"{report.rows:,} rows checked, {report.fault_count:,} cells faulty{f' ({more:,} not shown)' if more else ''}. Nothing was changed."
    )


class _Progress:
    """One line that counts, on a terminal only."""

    def __init__(self) -> None:
        self._shown = 0.0

    def show(self, stage: str, rows: int) -> None:
        if sys.stderr.isatty() and time.monotonic() - self._shown > 0.2:
            self._shown = time.monotonic()
            click.echo(f"\r{stage} {rows:,} rows ", err=True, nl=False)

    def end(self) -> None:
        if self._shown:
            click.echo("", err=True)


def _one_site(sites: list[SiteView], name: str) -> SiteView:
    if not name and len(sites) == 1:
        return sites[0]
    for site in sites:
        if site.name.casefold() == name.strip().casefold():
            return site
    raise NotFound(
        f"Name the site with --site. The sites are: {', '.join(site.name for site in sites) or 'none yet'}."
    )
