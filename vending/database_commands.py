"""`ampoule database`: its version, bringing it to this release's, the server's role, the move to PostgreSQL."""

from __future__ import annotations

import click

from vending import database_roles, migrating, settings
from vending.db import Database
from vending.settings import Settings


@click.group()
def database() -> None:
    """The database: its version, its roles, the move to PostgreSQL."""


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
    chosen = settings.load()
    db = Database.open(database_roles.owner_address(chosen))
    try:
        changed = migrating.bring_up_to_date(db)
        click.echo(f"{'upgraded to' if changed else 'already at'} version {migrating.revisions()[-1]}")
        if chosen.database_owner_url:
            _grant(db, chosen)
    finally:
        db.close()


@database.command()
def roles() -> None:
    """Give the server's role on PostgreSQL what it needs and no more: rows of money and trail it adds, and never changes."""
    chosen = settings.load()
    name, _password = database_roles.server_role(chosen)
    db = Database.open(database_roles.owner_address(chosen))
    try:
        migrating.refuse_unless_current(db)
        _grant(db, chosen)
    finally:
        db.close()
    click.echo(f"{name} may add rows everywhere and change none in money and trail.")


def _grant(db: Database, chosen: Settings) -> None:
    name, password = database_roles.server_role(chosen)
    if database_roles.grant(db, name, password):
        click.echo(f"The role {name} was made.")


@database.command("copy")
@click.argument("target")
def copy_(target: str) -> None:
    """Move this site's rows from SQLite into the empty PostgreSQL at TARGET, and prove that nothing changed.

    The server is stopped meanwhile. Interrupted, it begins anew; the SQLite file is never touched.
    """
    from vending import copying
    from vending.backup_commands import Progress

    source = Database.open(settings.load().database_address)
    progress = Progress()
    try:
        into = Database.open(target)
        try:
            copied = copying.copy(source, into, progress)
        finally:
            progress.end()
            into.close()
    finally:
        source.close()
    for name, found in copied.tables.items():
        if found.rows:
            click.echo(f"{found.rows:>9,} rows  {found.digest[:16]}  {name}")
    click.echo(
        f"{copied.rows:,} rows in {len(copied.tables)} tables are the same on both sides; {copied.checks} checks, no fault. "
        "Name the new database in AMPOULE_DATABASE_URL, run `ampoule database roles`, and put the old file away."
    )
