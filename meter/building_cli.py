"""The command `meter building`: simulate months in seconds, or serve a building in real time."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType

import click

from meter.building import Building, BuildingClock, BuildingWrong, Plan
from meter.building_server import BuildingServer
from meter.nvram import FolderLock
from meter.test_keys import TestKeys

PARTS = 30


@click.group(invoke_without_command=True)
@click.pass_context
def building(ctx: click.Context) -> None:
    """A building of twins."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


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
def serve(config: Path, keys: Path, state: Path, socket_path: Path | None, http: str, speed: int) -> None:
    """Run the meters of a building file, with keypad pages and a socket for drivers."""
    host, port = _address(http)
    plan = Plan.read(config)
    lock = FolderLock(state)
    house = Building(plan, TestKeys.read(keys), state, BuildingClock(speed))
    server = BuildingServer(house, socket_path) if socket_path else None
    web = _web(house, host, port)
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
