"""`ampoule seller`: third-party sellers, their money and their statements, for the site's office.

Commission and credit cost money, so once a site has two managers they are agreed by two people; until then, and in a
demonstration, the command sets them.
"""

from __future__ import annotations

from datetime import UTC, datetime

import click

from vending.access import people
from vending.access.policy import SYSTEM
from vending.errors import InvalidInput
from vending.estate import queries as estate
from vending.money import parse_amount, plain
from vending.payments import sellers
from vending.user_commands import looking, opened, refuse_alone


@click.group()
def seller() -> None:
    """Third-party sellers: enter, pay in, terms, block, statement."""


@seller.command()
@click.argument("code")
@click.option("--name", required=True)
@click.option("--site", default="", help="The name of the site; needed where there are several.")
def add(code: str, name: str, site: str) -> None:
    """Enter a seller. He sells from what he pays in, until he is given credit."""
    with opened() as (db, clock), db.writing() as session:
        found = [one for one in estate.list_sites(session) if not site or one.name == site]
        if len(found) != 1:
            raise InvalidInput("Name the site with --site; `ampoule estate` shows them.", "site")
        sellers.register(
            session, clock, SYSTEM, code=code, name=name, site=found[0].key, currency=found[0].currency
        )
    click.echo(f"{name} is seller {code.upper()} now.")


@seller.command("list")
def list_sellers() -> None:
    """Every seller with his money. Works while the server runs."""
    with looking() as db, db.reading() as session:
        for one in sellers.list_sellers(session, ("*",)):
            at = sellers.position(session, one)
            state = f"; blocked: {one.blocked_why}" if one.blocked_why else ""
            click.echo(
                f"{one.code:<12} {one.name}: can sell {plain(at.remaining_minor, one.currency)} "
                f"(deposit {plain(at.deposit_minor, one.currency)}, credit {plain(at.credit_limit_minor, one.currency)}), "
                f"commission {one.commission}, earned {plain(at.commission_minor, one.currency)}{state}"
            )


@seller.command("pay-in")
@click.argument("code")
@click.argument("amount")
@click.option("--reference", required=True, help="The number of the bank's line; each is booked once.")
def pay_in(code: str, amount: str, reference: str) -> None:
    """Book money that the seller paid to the site's bank."""
    with opened() as (db, clock), db.writing() as session:
        currency = sellers.one(session, code).currency
        minor = parse_amount(amount, currency)
        sellers.pay_in(session, clock, SYSTEM, code, minor, reference=reference)
    click.echo(f"{plain(minor, currency)} is paid in for {code.upper()}.")


@seller.command()
@click.argument("code")
@click.option("--commission", required=True, help="With its sign: “1.5 %”.")
@click.option("--credit", default="0", show_default=True, help="How much he may owe.")
def terms(code: str, commission: str, credit: str) -> None:
    """Set commission and credit, while the site is being set up. Later two managers agree on them."""
    with opened() as (db, clock), db.writing() as session:
        refuse_alone(people.grants_of(session))
        found = sellers.one(session, code)
        wanted = sellers.terms(
            found,
            commission=sellers.Commission.read(commission),
            credit_limit_minor=parse_amount(credit, found.currency) if credit.strip() != "0" else 0,
        )
        sellers.put_terms(session, clock, SYSTEM, wanted, reason="set-up")
    click.echo(f"{code.upper()} earns {commission} and may owe {credit}.")


@seller.command()
@click.argument("code")
@click.option("--reason", required=True)
@click.option("--lift", is_flag=True, help="Let him sell again.")
def block(code: str, reason: str, lift: bool) -> None:
    """Let a seller sell nothing more, or lift that."""
    with opened() as (db, clock), db.writing() as session:
        (sellers.unblock if lift else sellers.block)(session, clock, SYSTEM, code, reason=reason)
    click.echo(f"{code.upper()} can sell again." if lift else f"{code.upper()} sells nothing from now on.")


@seller.command()
@click.argument("code")
@click.argument("amount")
@click.option("--reference", required=True)
def settle(code: str, amount: str, reference: str) -> None:
    """Put commission that was earned onto the seller's deposit."""
    with opened() as (db, clock), db.writing() as session:
        currency = sellers.one(session, code).currency
        minor = parse_amount(amount, currency)
        sellers.settle_commission(session, clock, SYSTEM, code, minor, reference=reference)
    click.echo(f"{plain(minor, currency)} of commission is on the deposit of {code.upper()}.")


@seller.command()
@click.argument("code")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The first day, in UTC.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day after the last.")
def statement(code: str, since: datetime, until: datetime) -> None:
    """The settlement statement of a span. Works while the server runs."""
    with looking() as db, db.reading() as session:
        found = sellers.one(session, code)
        told = sellers.settlement(session, found, since.replace(tzinfo=UTC), until.replace(tzinfo=UTC))
    for label, minor in (
        ("opening", told.opening_minor),
        ("paid in", told.paid_in_minor),
        ("sold", -told.sold_minor),
        ("returned", told.returned_minor),
        ("commission and others", told.other_minor),
        ("closing", told.closing_minor),
        ("commission earned", told.commission_earned_minor),
        ("commission paid out", -told.commission_paid_minor),
        ("commission open", told.commission_closing_minor),
    ):
        click.echo(f"{label:<22} {plain(minor, found.currency):>18}")
    for row in told.rows:
        click.echo(
            f"{row.at:%Y-%m-%d %H:%M}  {row.kind:<18} {plain(row.amount_minor, found.currency):>16} "
            f"{plain(row.balance_minor, found.currency):>16}  {row.source}"
        )
