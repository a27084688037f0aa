"""The command `meter building`: simulate months in seconds, or serve a building in real time."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click

from meter import simulation
from meter.building import Building, BuildingClock, BuildingWrong, Plan
from meter.building_server import BuildingServer
from meter.loads import DAY_S
from meter.nvram import FolderLock
from meter.simulation import Report, Sums
from meter.test_keys import TestKeys
from meter.vendors import CommandVendor, write_clock

PARTS = 30


@click.group(invoke_without_command=True)
@click.option(
    "--units", type=click.IntRange(1, 5000), default=300, show_default=True, help="Units of the building."
)
@click.option(
    "--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="Days to live through."
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed, the same building."
)
@click.option("--config", type=click.Path(path_type=Path), help="Meters of a building file; with --keys.")
@click.option("--keys", type=click.Path(path_type=Path), help="Test vending keys (TOML), for --config.")
@click.option("--vendor", help="A program that sells, one JSON line each way; else it sells to itself.")
@click.option("--in-groups", is_flag=True, help="Ask the vendor for all sales of an hour at once, as a list.")
@click.option("--clock", type=click.Path(path_type=Path), help="The module's simulated clock, written here.")
@click.option(
    "--start", type=click.DateTime(["%Y-%m-%d"]), help="The first day, in UTC; else today for a vendor."
)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a trade, and one for the whole at the end."
)
@click.pass_context
def building(
    ctx: click.Context,
    units: int,
    days: int,
    seed: int,
    config: Path | None,
    keys: Path | None,
    vendor: str | None,
    in_groups: bool,
    clock: Path | None,
    start: datetime | None,
    as_json: bool,
) -> None:
    """Let a whole building of twins live for months, alone and in seconds; or `serve` one in real time."""
    if ctx.invoked_subcommand is not None:
        return
    if (config is None) != (keys is None):
        raise BuildingWrong(
            "The meters of a building file need their keys: give --config and --keys together."
        )
    if config is not None and keys is not None:
        lived = simulation.of_plan(Plan.read(config), TestKeys.read(keys), seed, _first(start, vendor))
    else:
        lived = simulation.plan(units, seed)
    seller = CommandVendor(vendor, clock, in_groups=in_groups) if vendor else None
    try:
        report = simulation.run(lived, days, seed, vendor=seller, progress=None if as_json else _progress)
    finally:
        if seller is not None:
            seller.close()
    _tell_json(report) if as_json else _tell(report)
    if not report.total.conserved:
        raise BuildingWrong(
            "Energy in, energy counted and credit used do not agree. Keep the seed and report it."
        )


def _first(start: datetime | None, vendor: str | None) -> int:
    """The first second: the day that was given; with a vendor, whose clock is today's, today."""
    if start is not None:
        return int(start.replace(tzinfo=UTC).timestamp())
    return int(time.time()) // DAY_S * DAY_S if vendor else simulation.START


def _progress(done: int, days: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {days} days", nl=done == days, err=True)


def _figures(sums: Sums) -> dict[str, Any]:
    return {
        "energy_in": sums.flow_in,
        "energy_counted": sums.flow_counted,
        "conserved": sums.conserved,
        "bought_units": sums.credit_bought,
        "used_units": simulation.used_units(sums),
        "wanted_flow": sums.flow_wanted,
        "tokens": sums.tokens,
        "outcomes": dict(sorted(sums.outcomes.items())),
        "cuts": sums.cuts,
        "hours_off": sums.seconds_off // 3600,
    }


def _tell_json(report: Report) -> None:
    for trade, sums in report.by_trade.items():
        click.echo(json.dumps({"trade": trade, **_figures(sums)}))
    whole = {"units": report.units, "days": report.days, "seed": report.seed, **_figures(report.total)}
    click.echo(json.dumps({**whole, "trace": report.trace}))


def _tell(report: Report) -> None:
    click.echo(
        f"{'trade':<14}{'used':>14}{'bought':>14}{'tokens':>8}{'refused':>8}{'cuts':>7}{'hours off':>11}"
    )
    for trade, sums in report.by_trade.items():
        unit = "m³" if trade == "water" else "kWh"
        used, bought = (
            f"{each / 10:,.1f} {unit}" for each in (simulation.used_units(sums), sums.credit_bought)
        )
        refused = sums.tokens - sums.outcomes.get("ACCEPTED", 0)
        click.echo(
            f"{trade:<14}{used:>14}{bought:>14}{sums.tokens:>8}{refused:>8}{sums.cuts:>7}{sums.seconds_off // 3600:>11}"
        )
    agree = "agree to the last grain" if report.total.conserved else "DO NOT AGREE"
    click.echo(f"Energy in, energy counted and credit used {agree}.")
    click.echo(f"trace {report.trace}")


@building.command()
@click.option(
    "--config", "config", type=click.Path(path_type=Path), required=True, help="Building file (JSON)."
)
@click.option(
    "--keys", "keys", type=click.Path(path_type=Path), required=True, help="Test vending keys (TOML)."
)
@click.option(
    "--state", "state", type=click.Path(path_type=Path), required=True, help="Folder of the meters' memories."
)
@click.option(
    "--socket", "socket_path", type=click.Path(path_type=Path), help="Unix socket that answers drivers."
)
@click.option(
    "--http", "http", default="127.0.0.1:8021", show_default=True, help="HOST:PORT of the keypad pages."
)
@click.option(
    "--speed", type=int, default=1, show_default=True, help="1 to 10,000 times as fast as real time."
)
@click.option("--clock", type=click.Path(path_type=Path), help="The module's simulated clock, written here.")
def serve(
    config: Path,
    keys: Path,
    state: Path,
    socket_path: Path | None,
    http: str,
    speed: int,
    clock: Path | None,
) -> None:
    """Run the meters of a building file, with keypad pages and a socket for drivers."""
    host, port = _address(http)
    plan = Plan.read(config)
    lock = FolderLock(state)
    building_clock = BuildingClock(speed)
    if clock:
        write_clock(clock, building_clock.now(), float(speed))
    house = Building(plan, TestKeys.read(keys), state, building_clock)
    web = _web(house, host, port)
    server = BuildingServer(house, socket_path) if socket_path else None
    stopping = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if server:
        server.start()
    threading.Thread(target=web.run, name="keypad pages", daemon=True).start()
    click.echo(
        f"{len(plan.places)} meters. Keypads: http://{_shown(host)}:{port}/"
        + (f"  Drivers: {socket_path}" if socket_path else "")
    )
    parts, turn = min(PARTS, max(1, len(plan.places) // 20)), 0
    while not stopping.wait(1.0):
        house.tick(turn % parts, parts)
        turn += 1
    if server:
        server.stop()
    house.close()
    web.close()
    lock.release()


def _web(house: Building, host: str, port: int):  # type: ignore[no-untyped-def]
    # Imported here: a driver on a laptop has no Flask, and `meter building --help` needs none either.
    from waitress.server import create_server

    from meter import panel

    try:
        return create_server(
            panel.create(house),
            host=host,
            port=port,
            threads=8,
            ident=None,
            clear_untrusted_proxy_headers=True,
        )
    except OSError as error:
        raise BuildingWrong(
            f"Port {port} on {host} cannot be used: {error.strerror}. Choose another with --http."
        ) from None


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65_536:
        raise BuildingWrong("--http is written HOST:PORT, for example 127.0.0.1:8021.")
    return host.strip("[]") or "127.0.0.1", int(port)


def _shown(host: str) -> str:
    return "localhost" if host in ("127.0.0.1", "::1") else host
