"""`ampoule jobs`: what waits to be done, what could not be done, and sending it again."""

from __future__ import annotations

import click

from vending import jobs, nightly, schedules, settings
from vending.access.policy import SYSTEM
from vending.clock import SystemClock
from vending.db import Database


@click.group("jobs")
def group() -> None:
    """Work in the background: see it, send dead letters again."""


def _show(state: str, most: int) -> None:
    db = Database.open(settings.load().database_address, writable=False)
    try:
        with db.reading() as session:
            found = jobs.list_jobs(session, state=state, most=most)
            counts = jobs.count(session, SystemClock())
    finally:
        db.close()
    for one in found:
        click.echo(
            f"{one.id:>8}  {one.state:<8} {one.created_at:%Y-%m-%d %H:%M}  {one.event:<28} tries {one.tries:<3} {one.about}"
        )
        if one.last_error:
            click.echo(f"{'':>8}  {one.last_error}")
    click.echo(f"{counts.waiting} wait ({counts.late} of them late), {counts.dead} are dead letters.")


@group.command("list")
@click.option(
    "--state",
    type=click.Choice([jobs.WAITING, jobs.DEAD, jobs.DONE]),
    default=None,
    help="Only these; without it all.",
)
@click.option("--most", default=50, show_default=True)
def list_(state: str | None, most: int) -> None:
    """The newest work first, with its state."""
    _show(state or "", most)


@group.command()
@click.option("--most", default=200, show_default=True)
def dead(most: int) -> None:
    """What could not be done after the last try, and why."""
    _show(jobs.DEAD, most)


@group.command()
@click.argument("numbers", type=int, nargs=-1, required=True)
def again(numbers: tuple[int, ...]) -> None:
    """Send dead letters again, by their numbers."""
    db = Database.open(settings.load().database_address)
    try:
        with db.writing() as session:
            sent = jobs.again(session, SystemClock(), SYSTEM, numbers)
    finally:
        db.close()
    click.echo(f"{sent} will be tried again, from the first try on.")


@group.command("schedules")
def schedules_() -> None:
    """What the site does by itself, when it did so last and when it does so next, in its own time."""
    clock = SystemClock()
    db = Database.open(settings.load().database_address, writable=False)
    try:
        with db.reading() as session:
            zone = nightly.zone_of(session)
            last = schedules.last_slots(session)
    finally:
        db.close()
    for plan, _work in nightly.PLANS:
        following = schedules.following(plan, clock.now(), zone).astimezone(zone)
        before = f"{last[plan.name].astimezone(zone):%Y-%m-%d %H:%M}" if plan.name in last else "never"
        click.echo(f"{plan.name:<28} last {before:<18} next {following:%Y-%m-%d %H:%M %Z}")
