"""`meter line`: put a twin of a running building on a pseudo-terminal, as a meter with a serial port.

So a reader, ours or another maker's, can be tried against a meter that keeps real rates, without hardware.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from meter.driver import open_driver
from meter.errors import PortMissing
from meter.framing import Framing
from meter.line_profile import load, names


@click.command()
@click.option(
    "--meter", "url", required=True, help="The meter behind the port: twin:/abs/building.sock?pan=…."
)
@click.option("--link", type=click.Path(path_type=Path), help="A name for the port (a symbolic link).")
@click.option(
    "--profile", default="standard", show_default=True, type=click.Choice(names()), help="Line profile."
)
@click.option(
    "--baud", default=300, show_default=True, help="Rate at sign-on; a bus of one rate starts at it."
)
@click.option("--offer", default=9600, show_default=True, help="Rate that the meter offers after sign-on.")
@click.option(
    "--framing", default="7e1", show_default=True, type=click.Choice([each.value for each in Framing])
)
@click.option("--address", default=None, help="Device address; the meter's number when left out.")
@click.option(
    "--reaction-ms",
    type=click.IntRange(5, 1_490),
    default=None,
    help="Reaction time; the PyPI client iec62056-21 needs 1000.",
)
@click.option(
    "--password",
    envvar="AMPOULE_METER_PASSWORD",
    default="00000000",
    help="Password of the port; better given as AMPOULE_METER_PASSWORD.",
)
def line(
    url: str,
    link: Path | None,
    profile: str,
    baud: int,
    offer: int,
    framing: str,
    address: str | None,
    reaction_ms: int | None,
    password: str,
) -> None:
    """Serve a meter on a pseudo-terminal until Ctrl-C. Prints the name of the port first."""
    if os.name != "posix":
        raise PortMissing("Pseudo-terminals exist on Linux and macOS only.")
    from meter.pty_line import PtyLine
    from meter.serial_meter import PortSettings, SerialMeter

    chosen = load(profile)
    settings = PortSettings(
        profile=replace(chosen, initial_baud=baud, wire=replace(chosen.wire, framing=Framing(framing))),
        address=address,
        offered_baud=offer,
        reaction_s=None if reaction_ms is None else reaction_ms / 1000,
        password=password,
    )
    served = PtyLine(SerialMeter(open_driver(url), settings))
    if link is not None:
        link.unlink(missing_ok=True)
        link.symlink_to(served.name)
    click.echo(str(link or served.name))
    try:
        served.serve()
    except KeyboardInterrupt:
        click.echo("", err=True)
    finally:
        served.close()
        if link is not None:
            link.unlink(missing_ok=True)
