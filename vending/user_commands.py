"""`ampoule user`: people from the command line, for setting up a site and for getting back in.

Whoever can run this can read the database file anyway, so it acts as the set-up. On a production site it gives roles alone
only until there are two managers; from then on two people do, on their pages. Passwords are asked for and never shown.
"""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from vending import migrating, settings
from vending.access import passwords, people, policy, service
from vending.access.policy import EVERYWHERE, SYSTEM, Grant
from vending.clock import Clock, SystemClock
from vending.db import Database
from vending.errors import NotAllowed, NotFound
from vending.estate import queries
from vending.estate.views import SiteView

ROLE = click.Choice(list(policy.ROLES))


class TwoManagersGive(NotAllowed):
    code = "two_managers_give"


@contextmanager
def opened() -> Iterator[tuple[Database, Clock]]:
    """The site's database, brought to the present schema. Refused while the server runs: it alone writes."""
    site = settings.load()
    db = Database.open(site.database_address)
    try:
        migrating.bring_up_to_date(db)
        yield db, SystemClock()
    finally:
        db.close()


@click.group()
def user() -> None:
    """People: add, roles, passwords, sessions."""


@user.command()
@click.argument("login")
@click.option("--name", required=True, help="The person's name, as receipts and the trail show it.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=ROLE,
    help="May be given more than once.",
)
@click.option("--site", default="", help="The name of the site for the roles; empty: all sites.")
@click.option("--password-stdin", is_flag=True, help="Read the first password from standard input.")
def add(login: str, name: str, roles: tuple[str, ...], site: str, password_stdin: bool) -> None:
    """Add a person. Without --password-stdin a first password is made and shown once."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
        passwords.check(password, login, name)
    else:
        password = "-".join(secrets.token_hex(2) for _ in range(4))
    password_hash = passwords.hash_of(password)
    with opened() as (db, clock), db.writing() as session:
        place = _site(queries.list_sites(session), site)
        if roles:
            refuse_alone(people.grants_of(session))
        key = people.add_person(
            session, clock, SYSTEM, login=login, name=name, site=place, password_hash=password_hash
        )
        for role in roles:
            people.grant_role(session, clock, SYSTEM, key, role, place, approval=None)
    click.echo(f"{name} can sign in as {people.login_of(login)}.")
    if not password_stdin:
        click.echo(f"First password, shown this once and to be changed at the first sign-in: {password}")


@user.command("list")
def list_people() -> None:
    """Everybody, with roles and state."""
    with opened() as (db, _clock), db.reading() as session:
        names = {site.key: site.name for site in queries.list_sites(session)}
        for person in people.list_people(session, SYSTEM):
            held = ", ".join(
                sorted(f"{grant.role} ({names.get(grant.site, 'all sites')})" for grant in person.grants)
            )
            state = (
                "closed"
                if person.disabled_at
                else "second factor"
                if person.has_second_factor
                else "password only"
            )
            click.echo(f"{person.login:<24} {person.name:<28} {held or 'no role'}; {state}")


@user.command()
@click.argument("login")
@click.argument("role", type=ROLE)
@click.option("--site", default="", help="The name of the site; empty: all sites.")
def grant(login: str, role: str, site: str) -> None:
    """Give a role, while the site is being set up. Later two managers do, on their pages."""
    with opened() as (db, clock), db.writing() as session:
        refuse_alone(people.grants_of(session))
        place = _site(queries.list_sites(session), site)
        people.grant_role(
            session,
            clock,
            SYSTEM,
            _person(people.find_person(session, login)).key,
            role,
            place,
            approval=None,
        )
    click.echo(f"{login} is {role} now.")


@user.command()
@click.argument("login")
@click.argument("role", type=ROLE)
@click.option("--site", default="", help="The name of the site; empty: all sites.")
@click.option("--reason", required=True)
def revoke(login: str, role: str, site: str, reason: str) -> None:
    """Take a role away, at once."""
    with opened() as (db, clock), db.writing() as session:
        place = _site(queries.list_sites(session), site)
        person = _person(people.find_person(session, login))
        people.revoke_role(session, clock, SYSTEM, person.key, role, place, reason=reason)
    click.echo(f"{login} is no longer {role}.")


@user.command()
@click.argument("login")
@click.option("--reason", required=True)
def disable(login: str, reason: str) -> None:
    """Close an account and end its sessions."""
    with opened() as (db, clock), db.writing() as session:
        people.disable_person(
            session, clock, SYSTEM, _person(people.find_person(session, login)).key, reason=reason
        )
    click.echo(f"{login} cannot sign in any more, and all sessions have ended.")


@user.command()
@click.argument("login")
@click.option("--reason", required=True)
def enable(login: str, reason: str) -> None:
    """Open a closed account again."""
    with opened() as (db, clock), db.writing() as session:
        people.enable_person(
            session, clock, SYSTEM, _person(people.find_person(session, login)).key, reason=reason
        )
    click.echo(f"{login} can sign in again.")


@user.command()
@click.argument("login")
def password(login: str) -> None:
    """Set a new first password; asked for twice, never shown."""
    with opened() as (db, clock):
        with db.reading() as session:
            person = _person(people.find_person(session, login))
        wanted = click.prompt("New password", hide_input=True, confirmation_prompt=True)
        passwords.check(wanted, person.login, person.name)
        password_hash = passwords.hash_of(wanted)
        with db.writing() as session:
            people.set_password(session, clock, SYSTEM, person.key, password_hash, must_change=True)
    click.echo(f"{login} has a new password, to be changed at the next sign-in.")


@user.command("reset-factor")
@click.argument("login")
@click.option("--reason", required=True)
def reset_factor(login: str, reason: str) -> None:
    """Remove a lost second factor; a new one is set up at the next sign-in."""
    with opened() as (db, clock), db.writing() as session:
        people.reset_second_factor(
            session, clock, SYSTEM, _person(people.find_person(session, login)).key, reason=reason
        )
    click.echo(f"{login} sets up a new second factor at the next sign-in.")


@user.command()
@click.argument("login", default="")
def sessions(login: str) -> None:
    """Who is signed in."""
    with opened() as (db, clock), db.reading() as session:
        key = _person(people.find_person(session, login)).key if login else None
        for one in service.list_sessions(session, clock, SYSTEM, key):
            click.echo(
                f"{one.key}  {one.person_name:<28} since {one.began_at:%Y-%m-%d %H:%M} UTC from {one.address or 'unknown'}"
            )


@user.command("end-session")
@click.argument("key")
@click.option("--reason", required=True)
def end_session(key: str, reason: str) -> None:
    """End a session at once (`ampoule user sessions` shows the keys)."""
    with opened() as (db, clock):
        service.end_session(db, clock, SYSTEM, key, reason=reason)
    click.echo("That session has ended.")


@contextmanager
def looking() -> Iterator[Database]:
    """The site's database for reading alone, beside a server that writes."""
    db = Database.open(settings.load().database_address, writable=False)
    try:
        yield db
    finally:
        db.close()


def refuse_alone(grants: dict[str, frozenset[Grant]]) -> None:
    """What costs money or gives rights is done by two, as soon as there are two."""
    if settings.load().is_demonstration:
        return
    managers = [key for key, held in grants.items() if any(grant.role == "manager" for grant in held)]
    if len(managers) >= 2:
        raise TwoManagersGive(
            "This site has two managers, so roles are given by two people: one asks on the page People, another agrees under Approvals."
        )


def _site(sites: list[SiteView], name: str) -> str:
    if not name:
        return EVERYWHERE
    for site in sites:
        if site.name.casefold() == name.strip().casefold():
            return site.key
    raise NotFound(
        f"There is no site {name!r}. The sites are: {', '.join(site.name for site in sites) or 'none yet'}."
    )


def _person(found: people.PersonView | None) -> people.PersonView:
    if found is None:
        raise NotFound("There is nobody with that sign-in name. `ampoule user list` shows all.")
    return found
