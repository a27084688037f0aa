"""`meter find`: which port, rate and framing has a meter behind it.

Every port is asked with a sign-on that any meter answers, in the combinations that meters have, the usual one first.
Nothing is written to a meter: a sign-on changes nothing, and a break follows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import click

from meter.errors import DriverUrlWrong, MeterError, NoAnswer, PortBusy, PortMissing
from meter.framing import Framing, Identification
from meter.line_profile import LineProfile, load

COMBINATIONS: tuple[tuple[int, Framing], ...] = (
    (300, Framing.SEVEN_EVEN),
    (9600, Framing.SEVEN_EVEN),
    (300, Framing.SOFT),
    (9600, Framing.SOFT),
    (9600, Framing.EIGHT),
    (2400, Framing.SEVEN_EVEN),
    (4800, Framing.SEVEN_EVEN),
    (19200, Framing.SEVEN_EVEN),
    (300, Framing.EIGHT),
    (19200, Framing.EIGHT),
)


@dataclass(frozen=True, slots=True)
class Found:
    port: str
    baud: int
    framing: Framing
    identification: Identification

    @property
    def url(self) -> str:
        settings = {"baud": str(self.baud)} if self.baud != 300 else {}
        if self.framing is not Framing.SEVEN_EVEN:
            settings["framing"] = self.framing.value
        query = "&".join(f"{key}={value}" for key, value in settings.items())
        port = self.port if "://" in self.port else f"serial:{self.port}"
        return f"{port}?{query}" if query else port


def ports() -> list[str]:
    """The serial ports of this machine that can have a meter: USB heads and adapters first."""
    from serial.tools import list_ports

    known = sorted(list_ports.comports(), key=lambda each: (each.vid is None, each.device))
    return [each.device for each in known]


def probe(port: str, address: str = "") -> Iterator[tuple[int, Framing, Found | MeterError]]:
    """Each combination tried on one port, with what came of it; ends with the first that answers."""
    for baud, framing in COMBINATIONS:
        try:
            found: Found | MeterError = _sign_on(port, baud, framing, address)
        except (PortMissing, PortBusy):
            raise
        except MeterError as error:
            found = error
        yield baud, framing, found
        if isinstance(found, Found):
            return


def _sign_on(port: str, baud: int, framing: Framing, address: str) -> Found:
    from meter.line_client import LineClient
    from meter.serial_driver import SerialPort

    profile = _probing(baud, framing, address)
    line = SerialPort(port, profile)
    try:
        client = LineClient(line, profile)
        client.begin(4.0)
        identification = client.sign_on()
        client.break_off()
        return Found(port, baud, framing, identification)
    finally:
        line.close()


def _probing(baud: int, framing: Framing, address: str) -> LineProfile:
    """One short try: damage means the wrong combination here, not a bad cable."""
    tolerant = load("tolerant")
    return replace(
        tolerant,
        initial_baud=baud,
        address=address,
        retries=1,
        wire=replace(tolerant.wire, framing=framing),
        times=replace(tolerant.times, first_byte_s=1.6, between_bytes_s=0.5, quiet_s=0.0),
    )


@click.command()
@click.option("--port", "chosen", multiple=True, help="Look at this port only (may be given again).")
@click.option("--address", default="", help="Ask this device address, on a bus with several meters.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each meter found.")
def find(chosen: tuple[str, ...], address: str, as_json: bool) -> None:
    """Look for meters on all serial ports. Prints a URL for --port of the other commands."""
    candidates = [each.removeprefix("serial:") for each in chosen] or ports()
    if not candidates:
        raise PortMissing("This machine has no serial port. Plug in the head or the adapter, or give --port.")
    found = 0
    for port in candidates:
        try:
            for baud, framing, result in probe(port, address):
                click.echo(f"{port}  {baud} {framing}  {_word(result)}", err=True)
                if isinstance(result, Found):
                    found += 1
                    click.echo(json.dumps(_fields(result)) if as_json else _line(result))
        except DriverUrlWrong:
            raise
        except MeterError as error:
            click.echo(f"{port}  {error.sentence}", err=True)
    if not found:
        raise NoAnswer("No meter found. Check power and cable, press the display key, or try with --address.")


def _word(result: Found | MeterError) -> str:
    if isinstance(result, Found):
        return "a meter"
    return "silent" if isinstance(result, NoAnswer) else "not understood"


def _line(result: Found) -> str:
    one = result.identification
    return f"{result.url}  {one.flag} {one.text} mode {one.mode} {one.baud or 'reserved rate'}"


def _fields(result: Found) -> dict[str, object]:
    one = result.identification
    return {
        "url": result.url,
        "port": result.port,
        "baud": result.baud,
        "framing": result.framing.value,
        "maker": one.flag,
        "text": one.text,
        "mode": one.mode.value,
        "offers": one.baud,
    }
