"""`meter read | token | disconnect | reconnect | watch`: one meter, one act, over any driver.

Results go to stdout, as lines for people or as one JSON object with `--json`; progress and questions go to stderr.
A token may be given on stdin (`-`, or at the prompt), so that it stands in no shell history and in no process list.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from meter.driver import (
    Capability,
    LastToken,
    MeterDriver,
    MeterInfo,
    Outcome,
    Quantity,
    Reading,
    Relay,
    Switching,
    open_driver,
    switching,
    token_digits,
    token_history,
)
from meter.errors import MeterError

Command = Callable[..., Any]

_NAMES = {
    "1-0:1.8.0": "energy import, total",
    "1-0:2.8.0": "energy export, total",
    "1-0:1.7.0": "power now",
    "8-0:1.0.0": "water, total",
}


def driver_options(command: Command) -> Command:
    """The options that every command on one meter shares."""
    shared: list[Command] = [
        click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines for people."),
        click.option(
            "--password",
            envvar="AMPOULE_METER_PASSWORD",
            default=None,
            help="The meter's password; better given as AMPOULE_METER_PASSWORD.",
        ),
        click.option(
            "--port",
            required=True,
            envvar="AMPOULE_METER_PORT",
            help="Driver URL: serial:/dev/ttyUSB0, socket://host:port, rfc2217://host:port, twin:/path?pan=…; "
            "a bare /dev/ttyUSB0 or COM3 means serial:.",
        ),
    ]
    for option in shared:
        command = option(command)
    return command


@contextmanager
def opened(port: str, password: str | None) -> Iterator[MeterDriver]:
    """The driver for a port, closed whatever happens."""
    bare = port.startswith("/dev/") or port.upper().startswith("COM")
    driver = open_driver(f"serial:{port}" if bare else port, password=password)
    try:
        yield driver
    finally:
        driver.close()


@click.command()
@driver_options
def read(port: str, password: str | None, as_json: bool) -> None:
    """Read who the meter is, its credit, relay, totals and last tokens."""
    with opened(port, password) as driver:
        info = driver.info()
        reading = driver.read(progress=None if as_json else _progress())
        last: tuple[LastToken, ...] = ()
        if Capability.HISTORY in driver.capabilities:
            last = token_history(driver).last_tokens()
    if as_json:
        click.echo(
            json.dumps({**_info_fields(info), **_reading_fields(reading), "last_tokens": _last_fields(last)})
        )
        return
    _progress_end()
    for label, value in _reading_lines(info, reading, last):
        click.echo(f"{label:<24}{value}")


@click.command()
@driver_options
@click.argument("digits", required=False)
def token(digits: str | None, port: str, password: str | None, as_json: bool) -> None:
    """Enter a token: DIGITS, `-` for stdin, or nothing for a prompt. Exit code 1 when the meter refuses it."""
    if digits == "-":
        digits = sys.stdin.readline().strip()
    typed = token_digits(digits or _asked())
    with opened(port, password) as driver:
        outcome = driver.enter_token(typed)
    if as_json:
        click.echo(json.dumps(_outcome_fields(outcome)))
    else:
        click.echo(outcome.advice)
        if outcome.recovered:
            click.echo("The meter's answer was lost on the wire; this result was read back from the meter.")
        if outcome.credit is not None:
            click.echo(f"{'credit':<24}{shown(outcome.credit)}")
        if outcome.relay is not None:
            click.echo(f"{'supply':<24}{_relay_words(outcome.relay)}")
    if not outcome.accepted:
        sys.exit(1)


def _asked() -> str:
    return str(click.prompt("Token (20 digits)", err=True, hide_input=True))


@click.command()
@driver_options
def disconnect(port: str, password: str | None, as_json: bool) -> None:
    """Open the relay: the supply stops. Read the meter afterwards if the answer is lost."""
    _switch(port, password, as_json, lambda meter: meter.disconnect())


@click.command()
@driver_options
def reconnect(port: str, password: str | None, as_json: bool) -> None:
    """Restore the supply, or allow the customer to restore it at the meter."""
    _switch(port, password, as_json, lambda meter: meter.reconnect())


def _switch(port: str, password: str | None, as_json: bool, act: Callable[[Switching], Relay]) -> None:
    with opened(port, password) as driver:
        relay = act(switching(driver))
    click.echo(json.dumps(_relay_fields(relay)) if as_json else f"{'supply':<24}{_relay_words(relay)}")


@click.command()
@click.option(
    "--every",
    type=click.FloatRange(1, 86_400),
    default=60.0,
    show_default=True,
    help="Seconds between reads.",
)
@click.option("--count", type=click.IntRange(1), default=None, help="Stop after so many reads.")
@driver_options
def watch(port: str, password: str | None, as_json: bool, every: float, count: int | None) -> None:
    """Read again and again. A read that fails is a line too, and the watch goes on."""
    with opened(port, password) as driver:
        done = 0
        while count is None or done < count:
            if done:
                time.sleep(every)
            done += 1
            try:
                reading = driver.read()
            except MeterError as error:
                now = datetime.now(UTC)
                if as_json:
                    click.echo(
                        json.dumps({"at": now.isoformat(), "code": error.code, "sentence": error.sentence})
                    )
                else:
                    click.echo(f"{now:%Y-%m-%d %H:%M:%S}Z  {error.sentence}")
                continue
            if as_json:
                click.echo(json.dumps(_reading_fields(reading)))
            else:
                credit = "-" if reading.credit is None else shown(reading.credit)
                totals = "  ".join(f"{each.obis} {shown(each.quantity)}" for each in reading.registers)
                click.echo(
                    f"{reading.at:%Y-%m-%d %H:%M:%S}Z  {credit}  {_relay_words(reading.relay)}  {totals}"
                )


# Values as people read them, and as programs do.


def shown(quantity: Quantity) -> str:
    """1234560 Wh as 1,234.56 kWh; integers all the way, so nothing is rounded."""
    if quantity.unit in ("Wh", "W"):
        return f"{_thousandths(quantity.amount)} k{quantity.unit}"
    if quantity.unit == "l":
        return f"{_thousandths(quantity.amount)} m³"
    return f"{quantity.amount:,} {quantity.unit}"


def _thousandths(amount: int) -> str:
    sign = "−" if amount < 0 else ""
    whole, part = divmod(abs(amount), 1000)
    return f"{sign}{whole:,}.{part:03d}"


def _relay_words(relay: Relay) -> str:
    words = {"closed": "on", "open": "off", "ready": "off, can be switched on at the meter"}[
        relay.state.value
    ]
    return f"{words} ({relay.reason})" if relay.reason else words


def _reading_lines(
    info: MeterInfo, reading: Reading, last: tuple[LastToken, ...]
) -> Iterator[tuple[str, str]]:
    yield "meter", info.pan or info.number
    if info.maker or info.model:
        yield "maker and model", f"{info.maker} {info.model} {info.firmware}".strip()
    if info.keys is not None:
        keys = info.keys
        yield "key", f"SGC {keys.sgc}, KRN {keys.krn}, TI {keys.ti:02d}, KEN {keys.ken}, EA {keys.ea:02d}"
    if reading.credit is not None:
        yield "credit", shown(reading.credit)
    for account in reading.accounts[1:]:
        yield f"credit, {account.name}", shown(account.credit)
    yield "supply", _relay_words(reading.relay)
    for each in reading.registers:
        yield _NAMES.get(each.obis, each.obis), shown(each.quantity)
    if reading.power_limit is not None:
        yield "power limit", shown(reading.power_limit)
    if reading.tamper:
        yield "tamper", ", ".join(reading.tamper)
    for one in last:
        at = "" if one.at is None else f"{one.at:%Y-%m-%d %H:%M}Z"
        status = Outcome.of(one.status).status
        yield f"token ****{one.tail}", f"{at}  {one.status if status is None else status.name.lower()}"
    for warning in reading.warnings:
        yield "warning", warning


def _info_fields(info: MeterInfo) -> dict[str, Any]:
    return {
        "number": info.number,
        "pan": info.pan,
        "maker": info.maker,
        "model": info.model,
        "service": info.service,
    }


def _reading_fields(reading: Reading) -> dict[str, Any]:
    return {
        "at": reading.at.isoformat(),
        "credit": _quantity_fields(reading.credit),
        "relay": _relay_fields(reading.relay),
        "accounts": {each.name: _quantity_fields(each.credit) for each in reading.accounts},
        "registers": {each.obis: _quantity_fields(each.quantity) for each in reading.registers},
        "tamper": list(reading.tamper),
        "power_limit": _quantity_fields(reading.power_limit),
        "warnings": list(reading.warnings),
    }


def _last_fields(last: tuple[LastToken, ...]) -> list[dict[str, Any]]:
    return [{"tail": one.tail, "status": one.status, "at": one.at and one.at.isoformat()} for one in last]


def _outcome_fields(outcome: Outcome) -> dict[str, Any]:
    return {
        "result": None if outcome.status is None else outcome.status.name.lower(),
        "number": outcome.number,
        "accepted": outcome.accepted,
        "recovered": outcome.recovered,
        "advice": outcome.advice,
        "credit": _quantity_fields(outcome.credit),
        "relay": None if outcome.relay is None else _relay_fields(outcome.relay),
    }


def _quantity_fields(quantity: Quantity | None) -> dict[str, Any] | None:
    return None if quantity is None else {"amount": quantity.amount, "unit": quantity.unit}


def _relay_fields(relay: Relay) -> dict[str, str]:
    return {"state": relay.state.value, "reason": relay.reason}


def _progress() -> Callable[[int, str], None] | None:
    if not sys.stderr.isatty():
        return None

    def show(count: int, what: str) -> None:
        click.echo(f"\r{what}: {count:,} bytes ", nl=False, err=True)

    return show


def _progress_end() -> None:
    if sys.stderr.isatty():
        click.echo("\r" + " " * 40 + "\r", nl=False, err=True)
