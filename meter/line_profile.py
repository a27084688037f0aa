"""Settings of a serial line: one TOML file for each kind of far side, and what a URL may change.

The files are in `lines/`. `standard` keeps to the text of the standard as we know it, `tolerant` accepts what real
meters do, `energomera-like` shows how a maker's dialect is written down. Times that the standard leaves open, codes
and letters that makers invent are all here and nowhere in the code.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any

from meter.errors import DriverUrlWrong
from meter.framing import Bcc, Framing
from meter.protocol import Wire

ECHO = ("none", "strip", "auto")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. `turn_*` is the least reaction time of both ends; `first_byte_s` allows the longest, with a margin."""

    first_byte_s: float = 1.55
    between_bytes_s: float = 1.5
    answer_s: float = 60.0
    call_s: float = 120.0
    turn_s: float = 0.2
    turn_quick_s: float = 0.02
    switch_guard_s: float = 0.01
    quiet_s: float = 1.6
    result_s: float = 10.0
    result_poll_s: float = 0.5


@dataclass(frozen=True, slots=True)
class LineProfile:
    """Everything about one kind of serial meter that is not the same for all."""

    name: str
    wire: Wire = field(default_factory=Wire)
    times: Times = field(default_factory=Times)
    initial_baud: int = 300
    maximum_baud: int = 19_200
    address: str = ""
    echo: str = "auto"
    wake_up: bool = False
    retries: int = 3
    read_by: str = "readout"
    read_command: str = "R1"
    write_command: str = "W1"
    read_argument: str = ""
    password_command: str = "P1"  # noqa: S105 - the name of a command
    password: str = field(default="00000000", repr=False)
    error_pattern: str = r"ERROR\d\d|ER\d\d|E\d\d"
    registers: Mapping[str, str] = field(default_factory=dict)
    totals: tuple[str, ...] = ()

    @property
    def errors(self) -> re.Pattern[str]:
        return re.compile(self.error_pattern)


def names() -> list[str]:
    """The profiles that are shipped."""
    folder = resources.files("meter") / "lines"
    return sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml"))


@cache
def load(name: str) -> LineProfile:
    """A shipped profile by name."""
    if name not in names():
        raise DriverUrlWrong(f"No line profile “{name[:40]}”. Use one of: {', '.join(names())}.")
    text = (resources.files("meter") / "lines" / f"{name}.toml").read_text(encoding="utf-8")
    return from_table(name, tomllib.loads(text))


def from_table(name: str, table: Mapping[str, Any]) -> LineProfile:
    """A profile from the table of its file; an unknown entry is a mistake, not a comment."""
    entries = dict(table)
    wire = dict(entries.pop("wire", {}))
    if "framing" in wire:
        wire["framing"] = Framing(wire["framing"])
    if "bcc" in wire:
        wire["bcc"] = Bcc(wire["bcc"])
    entries["totals"] = tuple(entries.get("totals", ()))
    try:
        return LineProfile(name, wire=Wire(**wire), times=Times(**entries.pop("times", {})), **entries)
    except TypeError as error:
        raise ValueError(f"The line profile {name} has an entry that is not known: {error}") from None


def with_url_settings(profile: LineProfile, settings: Mapping[str, str]) -> LineProfile:
    """The profile with the settings of a URL's query over it; each key is checked, none may be a password."""
    changed = profile
    for key, text in settings.items():
        change = _SETTINGS.get(key)
        if change is None:
            raise DriverUrlWrong(
                f"A serial line has no setting “{key[:40]}”. Settings: {', '.join(sorted(_SETTINGS))}."
            )
        try:
            changed = change(changed, text)
        except (ValueError, KeyError):
            raise DriverUrlWrong(f"The setting “{key}” of the serial line does not read.") from None
    return changed


def _number(text: str, least: float, most: float) -> float:
    number = float(text)
    if not least <= number <= most:
        raise ValueError
    return number


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise ValueError
    return text


_SETTINGS = {
    "address": lambda profile, text: replace(profile, address=text),
    "baud": lambda profile, text: replace(profile, initial_baud=int(_number(text, 50, 921_600))),
    "max-baud": lambda profile, text: replace(profile, maximum_baud=int(_number(text, 50, 921_600))),
    "framing": lambda profile, text: replace(profile, wire=replace(profile.wire, framing=Framing(text))),
    "bcc": lambda profile, text: replace(profile, wire=replace(profile.wire, bcc=Bcc(text))),
    "echo": lambda profile, text: replace(profile, echo=_one_of(text, ECHO)),
    "wake-up": lambda profile, text: replace(profile, wake_up=_one_of(text, ("yes", "no")) == "yes"),
    "retries": lambda profile, text: replace(profile, retries=int(_number(text, 1, 5))),
    "read-by": lambda profile, text: replace(profile, read_by=_one_of(text, ("readout", "commands"))),
    "access": lambda profile, text: replace(profile, password_command=_one_of(text, ("P1", "P2", "none"))),
    "timeout": lambda profile, text: replace(
        profile, times=replace(profile.times, call_s=_number(text, 2, 3_600))
    ),
}
