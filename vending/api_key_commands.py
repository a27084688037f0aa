"""`ampoule api-key`: keys of the sandbox, and a look at all keys. A key that sells is made by two people on their pages."""

from __future__ import annotations

import click

from vending import settings
from vending.access import api_keys
from vending.access.policy import ROLES, SYSTEM
from vending.access.site_secret import SiteSecret
from vending.demonstration.programs import KIOSK_KEY, SANDBOX_KEY
from vending.errors import NotFound
from vending.user_commands import looking, opened


@click.group("api-key")
def api_key() -> None:
    """Keys of programs: one for the sandbox, list, withdraw."""


@api_key.command()
@click.option("--name", default="", help="The program that will use it; for a key of its own.")
def sandbox(name: str) -> None:
    """Print a key for the sandbox. In a demonstration without --name: the public one, also while the server runs."""
    if settings.load().is_demonstration and not name:
        click.echo(SANDBOX_KEY.secret)
        return
    with opened() as (db, clock), db.writing() as session:
        wanted = sandbox_content(name or "Sandbox")
        click.echo(api_keys.make(session, clock, _vault(), SYSTEM, wanted))


@api_key.command()
def demonstration() -> None:
    """Print the public key of the demonstration's kiosk, which sells to the simulated building."""
    if not settings.load().is_demonstration:
        raise NotFound(
            "This is no demonstration. A key that sells is made on the page API keys, by two people."
        )
    click.echo(KIOSK_KEY.secret)


@api_key.command("list")
def list_keys() -> None:
    """Every key with its scopes and its end; never a secret. Works while the server runs."""
    with looking() as db, db.reading() as session:
        for key in api_keys.list_keys(session, SYSTEM):
            state = "withdrawn" if key.revoked_at else f"until {key.expires_at:%Y-%m-%d}"
            of = f" of seller {key.seller}" if key.seller else ""
            click.echo(f"{key.key}  {key.name}{of}: {', '.join(key.scopes)}; {state}")


@api_key.command()
@click.argument("key")
@click.option("--reason", required=True)
def revoke(key: str, reason: str) -> None:
    """Withdraw a key (`ampoule api-key list` shows their names)."""
    with opened() as (db, clock), db.writing() as session:
        api_keys.revoke(session, clock, SYSTEM, key, reason=reason)
    click.echo("That key opens nothing any more.")


def sandbox_content(name: str) -> dict[str, object]:
    return api_keys.content(
        name=name,
        site=api_keys.SANDBOX,
        scopes=sorted(permission.value for permission in ROLES["API client"]),
        calls_a_minute=600,
        sale_limit_minor=200_000,
        days=api_keys.LONGEST_DAYS,
    )


def _vault() -> SiteSecret:
    return SiteSecret.of_folder(settings.load().folder)
