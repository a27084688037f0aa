"""`ampoule receipt`: a receipt counted again, made again, read as text, printed, and what its squares say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from vending import bootstrap, settings
from vending.db import Database
from vending.languages import LANGUAGES, tongue
from vending.receipts import explain as explaining
from vending.receipts import message, pdf, roll, thermal
from vending.receipts import service as receipts
from vending.receipts.slip import squares_of
from vending.user_commands import opened
from vending.vends import queries


@click.group()
def receipt() -> None:
    """Receipts: explain, make again, print, verify."""


@contextmanager
def _looking() -> Iterator[Database]:
    """The site's database, for reading, while the server works on it."""
    db = Database.open(settings.load().database_address, writable=False)
    try:
        yield db
    finally:
        db.close()


@receipt.command()
@click.argument("number")
@click.option("--language", type=click.Choice(list(LANGUAGES)), default="en", show_default=True)
def explain(number: str, language: str) -> None:
    """Count a receipt again from the stored inputs. Exit status 1 if it does not end with the same cent."""
    with _looking() as db, db.reading() as session:
        lines, same = explaining.told(session, queries.one_by_receipt(session, number), tongue(language))
    click.echo("\n".join(lines))
    sys.exit(0 if same else 1)


@receipt.command("pdf")
@click.argument("number")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--paper", "size", type=click.Choice(pdf.PAPERS), default="a4", show_default=True)
@click.option("--copy", type=click.IntRange(0, 999), default=0, help="0 is the first print.")
@click.option(
    "--credit-note", "note", default="", help="The number of one of its credit notes, instead of the receipt."
)
def make_pdf(number: str, path: Path, size: str, copy: int, note: str) -> None:
    """Make a receipt's PDF again and say whether its bytes are those that were given. The server must be stopped."""
    test = settings.load().is_demonstration
    with opened() as (db, clock):
        with db.reading() as session:
            key = queries.one_by_receipt(session, number).key
        made = (
            receipts.make_credit_note(db, clock, key, note, size, test=test)
            if note
            else receipts.make_pdf(db, clock, key, size, test=test, copy=copy)
        )
    if made is None:
        raise click.ClickException(f"Receipt {number} has no credit note {note}. The sale's page lists them.")
    path.write_bytes(made.data)
    if made.same_bytes:
        click.echo(f"{path}: {len(made.data):,} bytes, SHA-256 {made.sha256}, as it was given.")
    elif made.same_tools:
        raise click.ClickException(
            f"The bytes are not those of the paper that was given (SHA-256 {made.first}): its stored content was altered."
        )
    else:
        click.echo(
            f"{path}: the same content in other bytes, because fonts or libraries were updated since "
            f"(then {made.first[:16]}, now {made.sha256[:16]})."
        )


@receipt.command("text")
@click.argument("number")
@click.option("--sms", is_flag=True, help="As a text message; otherwise as a letter.")
def as_text(number: str, sms: bool) -> None:
    """A receipt as text. The server must be stopped."""
    with opened() as (db, clock):
        with db.reading() as session:
            key = queries.one_by_receipt(session, number).key
        paper = receipts.paper(db, clock, key, test=settings.load().is_demonstration)
    if sms:
        text = message.sms(paper)
        click.echo(text)
        click.echo(f"({message.parts_of(text)} parts)", err=True)
    else:
        click.echo(message.letter(paper).text, nl=False)


@receipt.command("print")
@click.argument("number")
@click.option(
    "--printer",
    required=True,
    help="tcp://host:9100, usb://04b8:0e15, serial:///dev/ttyUSB0 or file:///dev/usb/lp0",
)
@click.option("--roll", "name", type=click.Choice(list(roll.ROLLS)), default="80", show_default=True)
def print_roll(number: str, printer: str, name: str) -> None:
    """Print a receipt as a copy on a thermal printer. The server must be stopped; the till's page prints while it runs."""
    with opened() as (db, clock):
        with db.reading() as session:
            sale = queries.one_by_receipt(session, number)
        paper = receipts.paper(
            db, clock, sale.key, test=settings.load().is_demonstration, copy=max(sale.copies, 1)
        )
    bootstrap.open_printer(printer).send(thermal.render(paper, name))
    click.echo(f"{number} was sent to {printer}.")


@receipt.command()
@click.argument("number")
def squares(number: str) -> None:
    """The texts of a receipt's squares, one a line: what verify_receipt.py reads."""
    with _looking() as db, db.reading() as session:
        sale = queries.one_by_receipt(session, number)
    found = squares_of(sale)
    if not found:
        raise click.ClickException(
            f"{number} has no token, so no entry of the issuance log stands behind it."
        )
    click.echo("\n".join(found))
