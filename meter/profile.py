"""One meter model = one profile file: what the model can do and how it speaks (rules.md 17).

A profile is data, readable and reviewed: `meter/profiles/<name>.toml`. Twin, driver, paper and the assistant for
rejected tokens all read it. What it is not: the state of one meter, and not how one meter was wired; that is
`Installation` (its number, its current transformers, its time zone).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import resources
from typing import Any

from meter.errors import MeterError
from meter.outcome import Outcome
from meter.tid_memory import SMALLEST_SIZE

CURRENCY_SUBCLASSES = range(4, 8)


class ProfileUnknown(MeterError):
    code = "profile_unknown"


class ProfileWrong(MeterError):
    code = "profile_wrong"


@dataclass(frozen=True, slots=True)
class Account:
    """Where credit of one token subclass is kept. Amounts are token units: 0.1 kWh, 0.1 m³ or 0.00001 of money."""

    name: str
    subclass: int
    unit: str
    max_units: int
    low_units: int = 0
    emergency_units: int = 0

    @property
    def in_currency(self) -> bool:
        return self.subclass in CURRENCY_SUBCLASSES

    @property
    def decimals(self) -> int:
        return 5 if self.in_currency else 1


@dataclass(frozen=True, slots=True)
class Register:
    """One total that only rises. `weight_milli`: thousandths of a credit unit taken for each unit counted."""

    name: str
    account: str
    obis: str
    unit: str = "kWh"
    weight_milli: int = 1000


@dataclass(frozen=True, slots=True)
class Lockout:
    """Wrong entries: after `after` of them the wait is `first_s`, and doubles with each further one up to `cap_s`."""

    after: int = 3
    first_s: int = 10
    cap_s: int = 1280
    survives_power_cut: bool = True
    counts: tuple[str, ...] = ("CRC", "FORMAT", "FUNCTION", "RANGE")


@dataclass(frozen=True, slots=True)
class Protection:
    """Power limit and phase unbalance: how long too much is borne, and how supply comes back.

    `restore` is "auto" (by itself after the wait) or "manual" (the customer presses after the wait). Every
    `tries`-th trip waits `long_wait_s`, so that a short circuit is not tried for ever.
    """

    power_limit_w: int = 0
    largest_power_limit_w: int = 0
    unbalance_limit_w: int = 0
    trip_s: int = 30
    restore: str = "auto"
    wait_s: int = 30
    tries: int = 5
    long_wait_s: int = 1800


@dataclass(frozen=True, slots=True)
class Friendly:
    """Hours in which running out of credit does not cut: a nightly window in local minutes, weekdays (Monday is 0).

    A model with any of them also knows the holidays of its building.
    """

    from_minute: int = 0
    to_minute: int = 0
    weekdays: tuple[int, ...] = ()

    @property
    def on(self) -> bool:
        return self.from_minute != self.to_minute or bool(self.weekdays)


@dataclass(frozen=True, slots=True)
class Profile:
    """A meter model."""

    name: str
    title: str
    rating: str
    service: str
    accounts: tuple[Account, ...]
    registers: tuple[Register, ...]
    maker: str = "AMP"
    firmware: str = "1.0"
    manufacturer_code: int = 0
    phases: int = 1
    load_unit: str = "W"
    functions: tuple[str, ...] = ()
    tid_memory: int = SMALLEST_SIZE
    key_set_limit_s: int = 600
    tariff_rate_step: int = 0
    tamper_cuts: bool = True
    remote_reconnect: str = "direct"
    keypad: str = "integrated"
    pairing_code: str = ""
    key_timeout_s: int = 30
    test_s: int = 5
    lockout: Lockout = field(default_factory=Lockout)
    protection: Protection = field(default_factory=Protection)
    friendly: Friendly = field(default_factory=Friendly)
    short_codes: dict[str, str] = field(default_factory=dict)
    display: dict[str, str] = field(default_factory=dict)
    obis: dict[str, str] = field(default_factory=dict)

    def account_at(self, subclass: int) -> int | None:
        """The position of the account that takes tokens of this class 0 subclass, or None."""
        return next((at for at, each in enumerate(self.accounts) if each.subclass == subclass), None)

    def register_at(self, name: str) -> int:
        """The position of a register by its name (`mains`, `generator`)."""
        for at, each in enumerate(self.registers):
            if each.name == name:
                return at
        raise ProfileWrong(
            f"The model {self.name} has no register “{name}”. Use one of its profile's registers."
        )


@dataclass(frozen=True, slots=True)
class Installation:
    """How one meter hangs on the wall.

    `ct_primary : ct_secondary` with `ct_applied_by` "meter" (the registers count what flows in the cable) or
    "vendor" (they count the small side, and the vendor sells that much less; rules.md 6).
    """

    pan: str
    ct_primary: int = 1
    ct_secondary: int = 1
    ct_applied_by: str = "meter"
    utc_offset_minutes: int = 0
    holidays: frozenset[str] = frozenset()

    @property
    def counted_part(self) -> tuple[int, int]:
        """The share of the real flow that the registers count, as a fraction."""
        if self.ct_applied_by == "meter":
            return 1, 1
        return self.ct_secondary, self.ct_primary


FOLDER = resources.files("meter") / "profiles"


def list_names() -> list[str]:
    """The models there are, sorted."""
    return sorted(each.name.removesuffix(".toml") for each in FOLDER.iterdir() if each.name.endswith(".toml"))


@cache
def load(name: str) -> Profile:
    """The profile of a model that ships with the project."""
    if name not in list_names():
        raise ProfileUnknown(f"No meter model “{name}”. Use one of: {', '.join(list_names())}.")
    return parse((FOLDER / f"{name}.toml").read_text("utf-8"), name)


def parse(text: str, name: str) -> Profile:
    """A profile from the text of its file."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileWrong(f"The profile {name} is not TOML: {error}.") from None
    parts: dict[str, Any] = {
        "accounts": tuple(_part(Account, each, name) for each in content.pop("account", [])),
        "registers": tuple(_part(Register, each, name) for each in content.pop("register", [])),
    }
    for key, kind in (("lockout", Lockout), ("protection", Protection), ("friendly", Friendly)):
        if key in content:
            parts[key] = _part(kind, content.pop(key), name)
    profile: Profile = _part(Profile, {"name": name, **content, **parts}, name)
    return _checked(profile)


def _part(kind: type, content: dict[str, Any], name: str) -> Any:
    unknown = content.keys() - {each.name for each in fields(kind)}
    if unknown:
        raise ProfileWrong(f"The profile {name} has entries nobody reads: {', '.join(sorted(unknown))}.")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ProfileWrong(f"The profile {name} lacks an entry: {error}.") from None


def _checked(profile: Profile) -> Profile:
    names = {each.name for each in profile.accounts}
    faults = [
        (not profile.accounts or not profile.registers, "needs an account and a register"),
        (
            any(each.account not in names for each in profile.registers),
            "has a register on an unknown account",
        ),
        (profile.tid_memory < SMALLEST_SIZE, f"must remember at least {SMALLEST_SIZE} tokens"),
        (profile.protection.restore not in ("auto", "manual"), "has an unknown way to restore supply"),
        (profile.keypad not in ("integrated", "split"), "has an unknown kind of keypad"),
        (profile.remote_reconnect not in ("direct", "ready"), "has an unknown way to reconnect"),
        (
            any(each not in Outcome.__members__ for each in profile.lockout.counts),
            "counts an unknown outcome",
        ),
        (
            any(each.in_currency for each in profile.accounts) and profile.tariff_rate_step < 1,
            "keeps money and so needs a tariff_rate_step",
        ),
    ]
    for wrong, what in faults:
        if wrong:
            raise ProfileWrong(f"The profile {profile.name} {what}.")
    return profile
