"""`ampoule database`: which version a database has, and bringing it to this release's."""

from __future__ import annotations

import click

from vending import migrating, settings
from vending.db import Database


@click.group()
def database() -> None:
    """The database's version."""


@database.command()
def show() -> None:
    """The version of the database and of this release."""
    db = Database.open(settings.load().database_address, writable=False)
    try:
        click.echo(f"database {migrating.current(db) or 'empty'}, this release {migrating.revisions()[-1]}")
    finally:
        db.close()


@database.command()
def upgrade() -> None:
    """Bring the database to this release's version; nothing happens when it is there."""
    db = Database.open(settings.load().database_address)
    try:
        changed = migrating.bring_up_to_date(db)
        click.echo(f"{'upgraded to' if changed else 'already at'} version {migrating.revisions()[-1]}")
    finally:
        db.close()
