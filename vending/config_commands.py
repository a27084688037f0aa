"""`ampoule config`: what is set, and where it was set."""

import json

import click

from vending import settings


@click.group()
def config() -> None:
    """The settings of this site."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def show(as_json: bool) -> None:
    """Every setting with its value (secrets masked) and its origin."""
    rows = settings.explain()
    if as_json:
        click.echo(
            json.dumps({row.name: {"value": row.value, "origin": row.origin} for row in rows}, indent=2)
        )
        return
    wide = max(len(row.name) for row in rows)
    for row in rows:
        click.echo(f"{row.name:<{wide}}  {row.value or '(empty)'}")
        click.echo(f"{'':<{wide}}  from {row.origin}. {row.says}")
