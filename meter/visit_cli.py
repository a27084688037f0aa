"""`meter visit FILE`: the laptop's side of a visit, without a network.

The office's public key is given once, as a file or in AMPOULE_OFFICE_KEY (64 hex digits). Results stand beside the visit
file and are saved after every step; the same command goes on where it stopped.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from meter.driver import MeterDriver, open_driver
from meter.visit import (
    FINAL,
    Results,
    Visit,
    VisitRefused,
    WorkOrder,
    open_results,
    open_visit,
    seal_results,
    work,
)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--office-key", envvar="AMPOULE_OFFICE_KEY", required=True, help="Public key: 64 hex digits, or a file."
)
@click.option(
    "--port",
    envvar="AMPOULE_METER_PORT",
    help="Driver URL as in `meter read`; {pan} in it stands for the meter's number.",
)
@click.option("--password", envvar="AMPOULE_METER_PASSWORD", default=None, help="The meters' password.")
@click.option("--results", "results_file", type=click.Path(path_type=Path), help="Where the results go.")
@click.option("--list", "only_list", is_flag=True, help="Show the orders and where they stand; do nothing.")
@click.option("--yes", is_flag=True, help="Do not wait for Enter between meters.")
def visit(
    file: Path,
    office_key: str,
    port: str | None,
    password: str | None,
    results_file: Path | None,
    only_list: bool,
    yes: bool,
) -> None:
    """Work through the signed visit FILE. Exit code 0 when every order is closed, 1 when some are left."""
    opened = open_visit(_read(file), _office(office_key), datetime.now(UTC))
    target = results_file or file.with_name(file.name + ".results")
    results = open_results(_read(target), opened) if target.exists() else Results(opened.visit_id)
    if only_list:
        for order in opened.orders:
            done = results.of(order.order_id)
            click.echo(
                f"{order.order_id}  {order.pan}  {order.act}  {order.place}  {done.status if done else 'open'}"
            )
        return
    if port is None:
        raise click.UsageError("Say with --port how the meters are reached, or list the orders with --list.")
    where = port

    def open_meter(order: WorkOrder) -> MeterDriver:
        if not yes:
            click.pause(
                f"{order.place or order.pan}: {order.act} at meter {order.pan}. {order.note} Connect, then a key …"
            )
        return open_driver(where.replace("{pan}", order.pan), password=password)

    left = 0
    now = lambda: datetime.now(UTC)  # noqa: E731 - the port of `work` is a function without arguments
    for order, done in work(opened, results, open_meter, lambda each: _save(target, each, opened), now):
        left += done.status not in FINAL
        click.echo(f"{order.order_id}  {order.pan}  {order.act}  {done.status}  {done.sentence}".rstrip())
    click.echo(f"Results in {target}. Orders left open: {left}.", err=True)
    if left:
        sys.exit(1)


def _office(text: str) -> Ed25519PublicKey:
    path = Path(text)
    if len(text) != 64 and path.is_file():
        text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    except ValueError:
        raise VisitRefused("The office's public key is 64 hex digits, or a file that holds them.") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise VisitRefused(f"{path} cannot be read as text.") from None


def _save(path: Path, results: Results, opened: Visit) -> None:
    """Whole or not at all: a temporary file, synced, then put in place."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(seal_results(results, opened))
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(path)
