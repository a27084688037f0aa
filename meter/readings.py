"""What a meter can show of itself: named figures, ready for a display.

Test tokens (class 1), the short codes of a model and the lines of a driver all ask here, by the same names. The words
for the names are in `words/`; the figures are digits and a unit, the same in every language.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from meter.consumption import Scales, units_of
from meter.outcome import Shown
from meter.profile import Account, Installation, Profile
from meter.state import State

# Class 1, subclass 0 and 1: what each bit of the control field asks for (docs/reference/conformance.md, section 3). Bit 0 moves the
# relay and is no figure; 5 and later bits are from memory and stand in this one table.
CONTROL_BITS: tuple[tuple[int, str], ...] = (
    (0, "relay test"),
    (1, "display test"),
    (2, "total"),
    (3, "key"),
    (4, "tariff index"),
    (5, "keypad test"),
    (6, "power limit"),
    (7, "tamper"),
    (8, "power"),
    (9, "firmware"),
    (10, "unbalance limit"),
    (11, "water factor"),
    (12, "tariff rate"),
    (13, "algorithm"),
    (14, "key tokens"),
    (15, "supply group"),
    (16, "key expiry"),
    (17, "meter number"),
)


def decimal(units: int, decimals: int) -> str:
    """An integer of small units as a decimal figure: 4276 with one decimal is 427.6."""
    whole, part = divmod(abs(units), 10**decimals)
    return f"{'-' if units < 0 else ''}{whole}.{part:0{decimals}d}" if decimals else str(units)


def credit_units(scales: Scales, state: State, account: int) -> int:
    return units_of(state.credit[account], scales.unit[account])


def credit_figure(account: Account, units: int) -> str:
    """Credit as a display shows it: energy with one decimal, money with two (cut off)."""
    return (
        decimal(units // 1000 if units >= 0 else -(-units // 1000), 2)
        if account.in_currency
        else decimal(units, 1)
    )


def total_tenths(scales: Scales, state: State, register: int) -> int:
    """A register in tenths of its unit (kWh or m³), cut off."""
    return state.totals[register] * 10 // scales.kwh


def credit(profile: Profile, installation: Installation, scales: Scales, state: State) -> list[Shown]:
    return [
        Shown("credit", credit_figure(each, credit_units(scales, state, at)), each.unit)
        for at, each in enumerate(profile.accounts)
    ]


def total(profile: Profile, installation: Installation, scales: Scales, state: State) -> list[Shown]:
    single = len(profile.registers) == 1
    return [
        Shown(
            "total" if single else f"total {each.name}",
            decimal(total_tenths(scales, state, at), 1),
            each.unit,
        )
        for at, each in enumerate(profile.registers)
    ]


def power_figure(profile: Profile, watts: int) -> tuple[str, str]:
    """Watts as kW with two decimals; a flow stays in litres an hour."""
    return (decimal(watts // 10, 2), "kW") if profile.load_unit == "W" else (str(watts), profile.load_unit)


def _limit(label: str, profile: Profile, watts: int) -> list[Shown]:
    return [Shown(label, *power_figure(profile, watts)) if watts else Shown(label, "----")]


def _clock(profile: Profile, installation: Installation, scales: Scales, state: State) -> list[Shown]:
    if not state.clock_ok:
        return [Shown("clock", "--.--")]
    local = datetime.fromtimestamp(state.now + state.clock_offset + installation.utc_offset_minutes * 60, UTC)
    return [Shown("clock", f"{local:%H.%M}"), Shown("date", f"{local:%d.%m.%y}")]


def _last_tokens(profile: Profile, installation: Installation, scales: Scales, state: State) -> list[Shown]:
    accepted = [each for each in reversed(state.tokens) if each.account]
    by_name = {each.name: each for each in profile.accounts}
    return [
        Shown("last token", credit_figure(by_name[each.account], each.units), by_name[each.account].unit)
        for each in accepted[:5]
    ] or [Shown("last token", "----")]


Readout = Callable[[Profile, Installation, Scales, State], list[Shown]]

READINGS: dict[str, Readout] = {
    "credit": credit,
    "total": total,
    "power": lambda p, i, c, s: [Shown("power", *power_figure(p, s.watts if s.supply else 0))],
    "power limit": lambda p, i, c, s: _limit("power limit", p, s.power_limit_w),
    "unbalance limit": lambda p, i, c, s: _limit("unbalance limit", p, s.unbalance_limit_w),
    "meter number": lambda p, i, c, s: [Shown("meter number", drn_of(i.pan))],
    "supply group": lambda p, i, c, s: [Shown("supply group", s.sgc)],
    "tariff index": lambda p, i, c, s: [Shown("tariff index", f"{s.ti}")],
    "key": lambda p, i, c, s: [Shown("key revision", f"{s.krn} {s.key_type}")],
    "key expiry": lambda p, i, c, s: [Shown("key expiry", str(s.ken))],
    "algorithm": lambda p, i, c, s: [Shown("algorithm", s.ea)],
    "key tokens": lambda p, i, c, s: [Shown("key tokens", "4" if s.ea == "11" else "2")],
    "tamper": lambda p, i, c, s: [Shown("tamper", str(len(s.tamper)))],
    "power fails": lambda p, i, c, s: [Shown("power fails", str(s.power_fails))],
    "firmware": lambda p, i, c, s: [Shown("firmware", p.firmware)],
    "tariff rate": lambda p, i, c, s: [Shown("tariff rate", str(s.tariff_rate))],
    "water factor": lambda p, i, c, s: [Shown("water factor", str(s.water_factor))],
    "display test": lambda p, i, c, s: [Shown("display test", "8.8.8.8.8.8.8.8.")],
    "keypad test": lambda p, i, c, s: [Shown("keypad test", "1234567890")],
    "relay test": lambda p, i, c, s: [Shown("relay test", "OFF On")],
    "source": lambda p, i, c, s: [Shown(f"source {p.registers[s.source].name}", str(s.source + 1))],
    "transformer": lambda p, i, c, s: [Shown("transformer", f"{i.ct_primary}-{i.ct_secondary}")],
    "last result": lambda p, i, c, s: [Shown("last result", f"{s.last:02d}")],
    "last tokens": _last_tokens,
    "clock": _clock,
}


def drn_of(pan: str) -> str:
    """The number on the meter's label: its PAN without issuer and last check digit."""
    return pan[6:17] if pan.startswith("600727") else pan[4:17]


def control_names(control: int) -> list[str]:
    """What a test token asks for, in the order of its bits."""
    return [name for bit, name in CONTROL_BITS if control >> bit & 1]
