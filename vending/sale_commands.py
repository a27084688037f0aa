"""`ampoule sale`: selling without a page. `bulk` sells a whole list; the same list again sells nothing twice. `export-orders`
writes what waits for the module, for `keystore issue-batch`."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import click

from keystore import order_files
from vending import migrating
from vending import settings as settings_module
from vending.access import people, policy
from vending.access.policy import Actor, Permission
from vending.bootstrap import close_services, open_services
from vending.clock import SystemClock
from vending.errors import NotFound
from vending.estate import queries as estate
from vending.estate.views import SiteView
from vending.money import plain
from vending.payments.tender import WAYS, Tender
from vending.services import Services
from vending.user_commands import looking
from vending.vends import bulk
from vending.vends import service as vends


@click.group()
def sale() -> None:
    """Sell from the command line."""


@sale.command("bulk")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--by", "login", required=True, help="The login of who sells: the receipts carry the name.")
@click.option("--site", default="", help="The name of the site; may be left out when there is one.")
@click.option("--paid-by", default="transfer", type=click.Choice([way for way in WAYS if way != "account"]))
@click.option("--reference", default="", help="Of the payment: the bank transfer, the cheque.")
@click.option("--dry-run", is_flag=True, help="Price every row, name every faulty one, sell nothing.")
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what became of each row, with its tokens, into this CSV; only you can read it.",
)
def sell_list(
    path: Path, login: str, site: str, paid_by: str, reference: str, dry_run: bool, results: Path | None
) -> None:
    """Sell a list (CSV or XLSX; columns: meter, amount or units, and order if rows have names of their own).

    Exit status 1 when rows are faulty or were not sold. After a crash, run it again: it goes on where it ended.
    """
    settings = settings_module.load()
    services = open_services(settings)
    try:
        migrating.bring_up_to_date(services.db)
        actor, place = _who_and_where(services, login, site)
        policy.require(actor, Permission.SALE_MAKE, place.key)
        tender = Tender(paid_by, None, reference)
        trial = bulk.dry_run(
            services.db, services.clock, path, place.key, tender, progress=_progress("priced")
        )
        for fault in trial.faults:
            click.echo(f"row {fault.row}: {fault.sentence}")
        before = f"{trial.sold_before:,} of them sold before, " if trial.sold_before else ""
        click.echo(
            f"{trial.rows:,} rows, {before}{len(trial.faults):,} faulty; to pay: {plain(trial.total_minor, place.currency)}."
        )
        if dry_run or trial.faults:
            sys.exit(1 if trial.faults else 0)
        sys.exit(_sell(services, path, place, tender, actor, results))
    finally:
        close_services(services)


@sale.command("export-orders")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
def export_orders(path: Path) -> None:
    """Write what waits for the module into an order file, for `keystore issue-batch`.

    Works while the server runs. For the day on which the key managers can open the keys but the module's service cannot run. The orders stay as they are:
    when the module is back, the server asks for them again and gets the same tokens.
    """
    try:
        with looking() as db:
            count = order_files.write(path, vends.requests_waiting(db, SystemClock()))
    except OSError as problem:
        raise click.ClickException(
            f"{path} cannot be written ({problem.strerror}). Choose another folder; nothing was changed."
        ) from None
    if not count:
        click.echo(f"No paid order waits for a token. {path} is an order file of no orders.")
        return
    click.echo(
        f"{path} asks for {count:,} tokens of paid orders. With the module stopped, a key manager runs: "
        f"keystore issue-batch --file KEYS --log LOG --orders {path.name} --out ANSWERS. "
        "When the module runs again, the server takes up the same tokens by itself."
    )


def _sell(
    services: Services,
    path: Path,
    place: SiteView,
    tender: Tender,
    actor: Actor,
    results: Path | None,
) -> int:
    out = None
    if results is not None:
        out = open(  # noqa: SIM115 — closed below, after the last row
            results, "w", encoding="utf-8", newline="",
            opener=lambda name, flags: os.open(name, flags, 0o600),
        )  # fmt: skip
    writer = csv.writer(out) if out is not None else None
    if writer is not None:
        writer.writerow(["row", "meter", "receipt", "state", "paid", "units", "tokens", "why not"])
    counted: dict[str, int] = {}
    try:
        for sold in bulk.run(
            services.db,
            lambda baskets: vends.sell(
                services.db,
                services.clock,
                services.module,
                baskets,
                live_only=not services.settings.is_demonstration,
            ),
            path,
            place.key,
            tender,
            seller_key=actor.key,
            seller_name=actor.name,
            progress=_progress("sold"),
        ):
            counted[sold.state] = counted.get(sold.state, 0) + 1
            if writer is not None:
                writer.writerow(
                    [
                        *(sold.row, sold.meter, sold.receipt, sold.state),
                        *(plain(sold.paid_minor, place.currency), f"{sold.units / 10:.1f}"),
                        *(" ".join(sold.tokens), sold.refusal),
                    ]
                )
            if sold.state not in ("issued", "paid"):
                click.echo(f"row {sold.row}: {sold.state}. {sold.refusal}")
    finally:
        if out is not None:
            out.close()
    click.echo(", ".join(f"{count:,} {state}" for state, count in sorted(counted.items())) + ".")
    return 0 if set(counted) <= {"issued", "paid"} else 1


def _who_and_where(services: Services, login: str, site: str) -> tuple[Actor, SiteView]:
    with services.db.reading() as session:
        sites = [one for one in estate.list_sites(session) if not site or one.name == site]
        person = people.find_person(session, login)
        if person is None or person.disabled_at is not None:
            raise NotFound(f"Nobody signs in as {login!r}. `ampoule user list` shows who does.")
        if len(sites) != 1:
            raise NotFound("Say which site with --site and its name.")
        actor = Actor(person.key, person.name, person.grants)
    return actor, sites[0]


def _progress(what: str) -> bulk.Progress:
    def show(done: int, total: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{done:,} of {total:,} {what}", nl=done == total, err=True)

    return show
