"""`ampoule tariff`: read a tariff file in words, compare two, price with one, export what is published. Sells nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click

from sts import amount
from vending import settings
from vending.db import Database
from vending.tariffs import document, service
from vending.tariffs.difference import differences
from vending.tariffs.errors import TariffNotFound
from vending.tariffs.pricing import price_energy, price_money
from vending.tariffs.quote import Refused
from vending.tariffs.situation import Situation
from vending.tariffs.text import described, explained, number

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def tariff() -> None:
    """Tariff files: read, compare, try, export."""


def _read(path: Path) -> document.Document:
    return document.parsed(path.read_text(encoding="utf-8"))


@tariff.command()
@click.argument("file", type=FILE)
def read(file: Path) -> None:
    """The tariff in words, one sentence a line; says what is wrong with it otherwise."""
    click.echo("\n".join(described(_read(file))))


@tariff.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
def diff(old: Path, new: Path) -> None:
    """What changes from one file to another, rate by rate."""
    changes = differences(_read(old), _read(new))
    click.echo("\n".join(str(change) for change in changes) or "Nothing changes.")


@tariff.command()
@click.argument("file", type=FILE)
@click.option("--money", type=Decimal, help="What is paid, such as 500 or 99.50.")
@click.option("--energy", type=Decimal, help="What is bought, in the tariff's unit.")
@click.option("--before", type=Decimal, default=Decimal(0), help="Units bought before in the month.")
@click.option("--months-due", type=int, default=0, help="Months of fixed charges that are due.")
@click.option("--channel", default="", help="How it is paid, where the tariff has channel fees.")
def price(
    file: Path, money: Decimal | None, energy: Decimal | None, before: Decimal, months_due: int, channel: str
) -> None:
    """What a purchase by token would be, every line explained."""
    if (money is None) == (energy is None):
        raise click.UsageError("Give either --money or --energy.")
    read = _read(file).tariff
    steps, minor = read.program.steps, read.program.minor
    situation = Situation(units_before=int(before * steps), months_due=months_due, channel=channel)
    if money is not None:
        quote = price_money(read, situation, int(money * minor), quantise=amount.quantise)
    else:
        assert energy is not None
        quote = price_energy(read, situation, int(energy * steps), quantise=amount.quantise)
    if isinstance(quote, Refused):
        raise click.ClickException(quote.sentence)
    paid = f"{Decimal(quote.paid_minor) / minor:,.{read.minor_digits}f}"
    click.echo(f"{number(Decimal(quote.units) / steps)} {read.unit} for {read.currency} {paid}")
    for label, shown, why in explained(quote):
        click.echo(f"  {label:<28} {shown:>14}  {why}")


@tariff.command()
@click.argument("code")
@click.option("--version", "wanted", type=int, help="Which version; the newest published one otherwise.")
def export(code: str, wanted: int | None) -> None:
    """A version of the site's database as a tariff file, ready to be changed and drafted again."""
    database = Database.open(settings.load().database_address, writable=False)
    try:
        with database.reading() as session:
            versions = [
                one
                for one in service.list_versions(session, code)
                if (one.state == service.PUBLISHED if wanted is None else one.number == wanted)
            ]
    finally:
        database.close()
    if not versions:
        raise TariffNotFound(f"There is no such version of {code}.")
    click.echo(document.written(versions[-1].document), nl=False)
