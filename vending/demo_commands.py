"""`ampoule demo`: demonstrations, each a command that shows what it claims."""

from __future__ import annotations

import shutil

import click

from vending import settings as settings_module
from vending.errors import VendingError
from vending.supervisor import take_folder


class NotADemonstration(VendingError):
    code = "not_a_demonstration"


@click.group()
def demo() -> None:
    """Demonstrations on public test keys."""


@demo.command()
def reset() -> None:
    """Start over: removes everything that the demonstration keeps."""
    settings = settings_module.load()
    folder = settings.folder
    if not settings.is_demonstration:
        raise NotADemonstration("This site is not a demonstration, so nothing is removed.")
    folder.mkdir(parents=True, exist_ok=True)
    lock = take_folder(folder)
    kept = ["ampoule.db", "ampoule.db-wal", "ampoule.db-shm", "ampoule.db.lock", "site.secret"]
    removed = 0
    for name in kept:
        path = folder / name
        if path.exists():
            path.unlink()
            removed += 1
    for name in ("module", "building", "run"):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
            removed += 1
    (folder / "supervisor.lock").unlink()
    lock.close()
    click.echo(
        f"The demonstration in {folder} is empty again. `make run` begins a new one."
        if removed
        else f"There was nothing in {folder}."
    )


@demo.command()
def takeover() -> None:
    """Take over 150 meters from another vendor's list with ten planted faults."""
    import tempfile
    from pathlib import Path

    from vending import migrating
    from vending.clock import SystemClock
    from vending.db import Database
    from vending.demonstration import takeover as shown

    # A database of its own: nothing of the site is touched.
    with tempfile.TemporaryDirectory(prefix="ampoule-takeover-") as name:
        db = Database.open(f"sqlite:///{name}/ampoule.db")
        try:
            migrating.bring_up_to_date(db)
            shown.demonstrate(db, SystemClock(), Path(name), click.echo)
        finally:
            db.close()
