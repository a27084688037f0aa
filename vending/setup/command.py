"""`ampoule setup` itself: questions or a file, then the steps, then what waits for people."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vending import bootstrap, migrating, production, settings
from vending.clock import SystemClock
from vending.db import Database
from vending.errors import VendingError
from vending.settings import Settings
from vending.setup import asking, printer, steps, trial
from vending.setup.steps import Told
from vending.setup.wishes import Wishes, of, read


class SetupIsForSites(VendingError):
    code = "setup_is_for_sites"


@click.command()
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path),
    default=None,
    help="The site's file, instead of questions.",
)
@click.option(
    "--passwords",
    type=click.Path(path_type=Path),
    default=None,
    help="Write the first passwords into this new file (mode 600) instead of showing them.",
)
@click.option(
    "--check", is_flag=True, help="Read the site's file and say whether it can be used; make nothing."
)
@click.option(
    "--trial",
    "only_trial",
    is_flag=True,
    help="Only sell once to a simulated meter, on test keys in a folder that is gone afterwards.",
)
def setup(file: Path | None, passwords: Path | None, check: bool, only_trial: bool) -> None:
    """Set a site up: operator, taxes, people, prices, supply group, first meter, printer, trial sale.

    Run again it goes on where it was, and changes nothing that is there. Ends with 2 while something waits for people.
    """
    if only_trial:
        _try_a_sale()
        return
    site = settings.load()
    if site.is_demonstration:
        raise SetupIsForSites(
            "This is a demonstration, which sets itself up. For a site: AMPOULE_PROFILE=production in the environment or in "
            "ampoule.toml (install.sh writes it), in a folder without demonstration data."
        )
    wishes = read(file) if file else _ask(site)
    if check:
        click.echo(
            f"The file can be used: {len(wishes.people)} people, {len(wishes.tariffs)} tariffs, {len(wishes.units)} units."
        )
        return
    told = _carry_out(site, wishes)
    for line in told.already:
        click.echo(f"  there    {line}")
    for line in told.done:
        click.echo(f"  made     {line}")
    _tell_passwords(told, passwords)
    click.echo(f"  printer  {printer.print_test(wishes.printer, str(wishes.site['name']))}")
    if wishes.trial:
        _try_a_sale()
    if told.waits:
        click.echo("")
        click.echo("Waiting for people (run `ampoule setup` again when it is done):")
        for line in told.waits:
            click.echo(f"  * {line}")
        sys.exit(2)
    click.echo(
        f"The site is ready: {site.address}. Set up the nightly back-up next: `ampoule backup --help`."
    )


def _ask(site: Settings) -> Wishes:
    site.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = site.folder / "setup.toml"
    answers = asking.ask_all(path)
    click.echo("")
    click.echo(f"Your answers are kept in {path}; `ampoule setup --from` uses such a file for the next site.")
    return of(answers, path.parent)


def _carry_out(site: Settings, wishes: Wishes) -> Told:
    told = Told()
    production.refuse_unsafe_settings(site)
    db = Database.open(site.database_address)
    try:
        migrating.bring_up_to_date(db)
        production.refuse_example_people(db)
        steps.carry_out(db, SystemClock(), bootstrap.open_module(site), wishes, told)
    finally:
        db.close()
    return told


def _tell_passwords(told: Told, path: Path | None) -> None:
    if not told.passwords:
        return
    if path is not None:
        steps.keep_passwords(path, told)
        click.echo(
            f"  made     First passwords in {path}. Hand each to its person alone, then delete the file."
        )
        return
    click.echo("First passwords, shown this once and changed at the first sign-in:")
    for login, word in told.passwords.items():
        click.echo(f"  {login:<24} {word}")


def _try_a_sale() -> None:
    click.echo("  trial    Starting a module with test keys and a simulated meter …")
    seen = trial.sell_to_a_twin()
    click.echo(
        f"  trial    Sold {seen.units / 10:.1f} kWh; the simulated meter took the token and shows {seen.credit}. Nothing of it is kept."
    )
