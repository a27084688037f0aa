"""`ampoule backup` and `ampoule restore`: the commands round `vending.backup`, with progress for people.

A back-up only reads the database, so it neither waits for the server nor stops it. A restore works on an empty folder and
never on the one that is in use.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import click

from keystore import archive
from vending import settings as settings_module
from vending.backup import making, restoring, standing
from vending.clock import SystemClock
from vending.db import Database
from vending.errors import InvalidInput

IDENTITY = click.option(
    "--identity",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The offline age key file.",
)


class FileExists(InvalidInput):
    code = "file_exists"


class Progress:
    """One line that is written over, on a terminal; a line for each new step elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._told = ("", 0.0)

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self._terminal:
            if what != self._told[0]:
                self._told = (what, 0.0)
                click.echo(what, err=True)
            return
        now = time.monotonic()
        if what == self._told[0] and now - self._told[1] < 0.1 and done < total:
            return
        self._told = (what, now)
        share = f"{100 * done // total:3d} %" if total > 1 else ""
        click.echo(f"\r\033[K{what} {share}", nl=False, err=True)

    def end(self) -> None:
        if self._terminal:
            click.echo("\r\033[K", nl=False, err=True)


@click.group()
def backup() -> None:
    """One enciphered file that brings the whole site back."""


@backup.command("now")
@click.option("--to", type=click.Path(path_type=Path), default=None, help="Another folder than the set one.")
@click.option("--recipient", default="", help="Another public key (age1…) than the set one.")
def now(to: Path | None, recipient: str) -> None:
    """Make a back-up while sales go on, read it back, let the oldest go."""
    settings = settings_module.load()
    db = Database.open(settings.database_address, writable=False)
    progress = Progress()
    try:
        made = making.make(settings, db, SystemClock(), to=to, recipient=recipient, say=progress)
    finally:
        progress.end()
        db.close()
    told = made.standing
    click.echo(
        f"{made.path}: {told.sales} sales, {told.size:,} bytes, written and read back in {told.seconds:.1f} s."
    )
    for path in made.removed:
        click.echo(f"{path.name} was the oldest and went.")
    for warning in told.warnings():
        click.echo(f"But: {warning}")


@backup.command("show")
def show() -> None:
    """The last back-up, and what is not as it should be."""
    settings = settings_module.load()
    told = standing.last(settings)
    if told.made_at is not None:
        click.echo(
            f"{told.path}: made {told.made_at:%Y-%m-%d %H:%M} UTC, {told.size:,} bytes, {told.sales} sales."
        )
        drilled = f"{told.drilled_at:%Y-%m-%d}" if told.drilled_at else "never: ampoule restore --drill"
        click.echo(f"Read back after writing; a restore was rehearsed {drilled}.")
    for warning in told.warnings():
        click.echo(warning)
    sys.exit(1 if told.warnings() else 0)


@backup.command("key")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Where the secret half is written."
)
def key(out: Path) -> None:
    """Make the pair of keys for back-ups: the secret half for a safe, the public half for the settings."""
    secret, public = archive.new_identity()
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise FileExists(
            f"{out} exists already. A key file is never written over; choose another name."
        ) from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret)
    click.echo(f"{out} holds the secret half. Take it off this machine, twice: without it no back-up opens.")
    click.echo(f"AMPOULE_BACKUP_RECIPIENT={public}")


@backup.command("check")
@click.argument("backup_file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def check(backup_file: Path) -> None:
    """Hold a back-up against the hash beside it; needs no key. `ampoule restore --drill` proves more."""
    try:
        wanted = archive.beside(backup_file).read_text(encoding="ascii").split()[0]
    except (OSError, IndexError, UnicodeDecodeError):
        raise InvalidInput(
            f"{archive.beside(backup_file).name} is missing or empty, so only a drill can judge this back-up."
        ) from None
    if archive.digest_on_disk(backup_file) != wanted:
        raise making.BackupFailed(
            f"{backup_file} is not what was written: its disk changed it. Take another back-up, and another disk."
        )
    click.echo(f"{backup_file.name} is what was written.")


@click.command()
@click.argument("backup_file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@IDENTITY
@click.option("--into", type=click.Path(path_type=Path), required=True, help="An empty folder.")
@click.option("--database", default="", help="An empty PostgreSQL, when the back-up was made of one.")
@click.option(
    "--keep-module", is_flag=True, help="The module's own log survived: bring back the database alone."
)
@click.option(
    "--drill", is_flag=True, help="Check everything, say how long it took, and leave nothing behind."
)
def restore(
    backup_file: Path, identity: Path, into: Path, database: str, keep_module: bool, drill: bool
) -> None:
    """Bring a back-up into an empty folder and prove that it is whole."""
    progress = Progress()
    try:
        found = restoring.restore(
            backup_file,
            identity,
            into,
            database=database,
            drill=drill,
            keep_module=keep_module,
            say=progress,
        )
    finally:
        progress.end()
    log = "no log" if found.log_entries is None else f"a log of {found.log_entries} entries that verifies"
    click.echo(
        f"Back-up of {found.made_at:%Y-%m-%d %H:%M} UTC, release {found.version}: {found.sales} sales, {log}; "
        f"{found.checks} checks on {found.rows:,} rows, no fault. {found.seconds:.1f} s."
    )
    if drill:
        settings = settings_module.load()
        if settings.folder.is_dir():
            standing.note(settings, replace(standing.last(settings), drilled_at=SystemClock().now()))
        click.echo(f"The drill passed. Nothing was left in {into}.")
        return
    for step in _next_steps(into, found, keep_module=keep_module):
        click.echo(step)


def _next_steps(into: Path, found: restoring.Restored, *, keep_module: bool) -> list[str]:
    steps = [f"1. Start with AMPOULE_VAR={into}; the settings of that day are in {into / 'restored'}."]
    if found.log_entries is not None and not keep_module:
        steps.append(
            "2. What the module gave after that moment is not in this log. Let two approvers fast-forward it, which starts every "
            f"meter above whatever was lost: keystore budget fast-forward --note {into / 'module' / restoring.HEAD_NOTE} …; "
            "then open new budgets. Until then nothing is sold."
        )
    elif found.log_entries is None:
        steps.append("2. This back-up holds no key file and no log: `keystore restore` brings those back.")
    else:
        steps.append(
            "2. Start the module on its own log. Orders that the database lacks are found and named."
        )
    steps.append(
        f"3. `ampoule reconcile` names orders of the log that the database lacks ({found.beyond} in this back-up); `--adopt` takes them in."
    )
    return steps
