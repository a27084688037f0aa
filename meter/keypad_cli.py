"""The command `meter keypad`: type at a twin in this terminal, full screen or line by line."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from meter import profile, simulation, wording
from meter.building import BuildingWrong, Plan, host
from meter.errors import MeterError
from meter.keypad_line import LineKeypad
from meter.local_driver import Hosted
from meter.nvram import FolderLock
from meter.profile import Installation
from meter.readings import drn_of
from meter.test_keys import TestKeys
from meter.twin import Twin
from meter.vendors import Ask, OwnVendor


class ScreenMissing(MeterError):
    code = "screen_missing"


@click.command()
@click.option(
    "--config", type=click.Path(path_type=Path), help="Building file; with --keys, --state and --meter."
)
@click.option("--keys", type=click.Path(path_type=Path), help="Test vending keys (TOML).")
@click.option("--state", type=click.Path(path_type=Path), help="Folder of the meters' memories.")
@click.option("--meter", "number", help="Which meter of the building: the number on its label, or its PAN.")
@click.option(
    "--profile", "model", default="single-phase", show_default=True, help="Without --config: the meter model."
)
@click.option(
    "--load", "watts", type=click.IntRange(0, 1_000_000), default=0, show_default=True, help="Watts drawn."
)
@click.option("--lang", type=click.Choice(wording.LANGUAGES), default="en", show_default=True)
@click.option("--plain", is_flag=True, help="Plain lines; also when the input is no terminal.")
def keypad(
    config: Path | None,
    keys: Path | None,
    state: Path | None,
    number: str | None,
    model: str,
    watts: int,
    lang: str,
    plain: bool,
) -> None:
    """Type at a meter. Without --config it is a rehearsal: a fresh meter and two tokens to try on it."""
    lock = None
    if config and keys and state and number:
        lock = FolderLock(state)
        hosted = _from_building(Plan.read(config), TestKeys.read(keys), state, number)
    elif config or keys or state or number:
        raise BuildingWrong("A meter of a building needs all four: --config, --keys, --state and --meter.")
    else:
        hosted = _rehearsal(model)
    words = wording.words(lang)
    try:
        if plain or not sys.stdin.isatty():
            LineKeypad(hosted, words, click.echo).run(sys.stdin)
        else:
            _screen(hosted, words, watts)
    finally:
        hosted.save()
        if lock:
            lock.release()


def _from_building(plan: Plan, keys: TestKeys, folder: Path, number: str) -> Hosted:
    compact = "".join(number.split())
    place = next((each for each in plan.places if compact in (each.pan, drn_of(each.pan))), None)
    if place is None:
        raise BuildingWrong(
            "No meter with this number stands in the building file. Read it on the meter's label."
        )
    return host(place, plan, keys, folder, int(time.time()))


def _rehearsal(model: str) -> Hosted:
    """A fresh meter on the public key of the simulation, and tokens for it: practice for tenants and support."""
    unit = simulation.plan(1, 1)[0]
    key, now = unit.key, int(time.time())
    found = profile.load(model)
    twin = Twin.fresh(found, Installation(unit.pan), key, now)
    twin.deliver(20)
    vendor = OwnVendor({unit.pan: key})
    subclass = found.accounts[0].subclass
    if subclass < 4:
        click.echo("Tokens to try on this rehearsal meter (they fit no other):")
        for units in (100, 500):
            digits = vendor.token(Ask(unit.pan, subclass, units, now))
            click.echo("  " + " ".join(digits[at : at + 4] for at in range(0, 20, 4)))
    return Hosted(twin, None)


def _screen(hosted: Hosted, words: wording.Words, watts: int) -> None:
    try:
        from meter.keypad_screen import KeypadScreen
    except ImportError:
        raise ScreenMissing(
            "The full screen needs the package textual. Install ampoule[keypad], or use --plain."
        ) from None
    KeypadScreen(hosted, words, watts).run()
