"""`ampoule audit`: looks at the database while it is in use, prints what was checked, and exits 1 when something is wrong."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import click
import sqlalchemy as sa

from vending import settings
from vending.auditor.opening import opened
from vending.auditor.report import Report, run


def look(address: str) -> Report:
    """Every check on the database at that address, in one consistent look."""
    with opened(address) as connection:
        return run(connection, now=datetime.now(UTC))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option("--url", default=None, help="Another database than the site's, such as a restored copy.")
def audit(as_json: bool, url: str | None) -> None:
    """Check every invariant of the books, sales, tariffs, estate and people, with code of its own. Changes nothing."""
    try:
        report = look(url or settings.load().database_address)
    except sa.exc.DatabaseError as error:
        raise click.ClickException(
            f"The database could not be read: {str(error.orig).strip()}. Check AMPOULE_DATABASE_URL, or run `ampoule up` once."
        ) from None
    click.echo(json.dumps(report.as_json(), indent=2) if as_json else "\n".join(report.lines()))
    sys.exit(0 if report.clean else 1)
