"""`ampoule demo`: demonstrations, each a command that shows what it claims."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

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


@demo.command()
def ghost() -> None:
    """A script with the web server's rights mints to the budget and stops; the log then names every token.

    On a security module of its own with public test keys, so that the site's budgets stay as they are.
    """
    import subprocess
    import tempfile
    import time

    keystore = str(_program("keystore"))
    with tempfile.TemporaryDirectory(prefix="ampoule-ghost-") as name:
        folder = Path(name)
        subprocess.run(
            [keystore, "demo-init", "--into", str(folder / "module")], check=True, capture_output=True
        )
        place = folder / "module.sock"
        files = ["--file", str(folder / "module" / "keys.stsks"), "--log", str(folder / "module" / "log")]
        serve = [keystore, "serve", *files, "--socket", str(place), "--unlock-test-keys"]
        module = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 30
            while not place.exists() and module.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            shown = [
                keystore,
                "demo",
                "ghost",
                "--socket",
                str(place),
                "--log",
                str(folder / "module" / "log"),
            ]
            raise SystemExit(subprocess.run(shown, check=False).returncode)
        finally:
            module.terminate()
            module.wait(10)


@demo.command()
def crash() -> None:
    """Kill the server between payment and token; started again, the page shows the same 20 digits by itself."""
    from vending import crash_demonstration

    crash_demonstration.demonstrate(click.echo)


@demo.command()
@click.option(
    "--days", type=click.IntRange(1, 3660), default=365, show_default=True, help="How many days to live."
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed, the same books."
)
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="The day after the last one; default: today."
)
def history(days: int, seed: int, until: datetime | None) -> None:
    """Live a year of the demonstration mall: simulated tenants buy from the real sale. Needs an empty folder."""
    from vending import history_demonstration as shown

    span = shown.Span(days, until.date() if until else datetime.now(UTC).date())
    shown.make(settings_module.load(), span, seed, click.echo)


@demo.command("history-seller", hidden=True)
@click.option("--seed", type=click.IntRange(0), required=True)
@click.option("--days", type=click.IntRange(1), required=True)
def history_seller(seed: int, days: int) -> None:
    """What `demo history` starts between the simulator and the sale: lines in, lines out."""
    from vending import history_demonstration as shown

    shown.sell_lines(
        settings_module.load(), seed, days, sys.stdin, sys.stdout, lambda line: click.echo(line, err=True)
    )


@demo.command()
def rollover() -> None:
    """A meter of 1993 at its last minute: sold to, refused, and changed to a key of 2014."""
    import subprocess

    raise SystemExit(subprocess.run([str(_program("keystore")), "demo", "rollover"], check=False).returncode)


def _program(name: str) -> Path:
    """A command of ours, beside the interpreter that runs this one. Keys are not for this package, so it asks by command."""
    return Path(sys.executable).parent / name
