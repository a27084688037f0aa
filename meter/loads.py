"""What tenants draw: load shapes by trade, hour and weekday, repeatable to the watt.

A load is a pure function of time: `at(second)` gives the same figure in every run with the same seed, at any speed and
in any order, because its noise is a hash of the time slot and not a sequence. Electricity in watts, water in litres
an hour. What it is not: a forecast or a measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from meter.errors import MeterError

SLOT_S: Final = 900
FINE_S: Final = 30
DAY_S: Final = 86_400
# 1 January 1970 was a Thursday.
EPOCH_WEEKDAY: Final = 3

_WORD = (1 << 64) - 1


class LoadWrong(MeterError):
    code = "load_wrong"


# Thousandths of the peak, hour by hour, local time: working day, Saturday, Sunday.
SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    "shop": (
        (
            60,
            60,
            60,
            60,
            60,
            60,
            70,
            120,
            480,
            760,
            820,
            840,
            860,
            860,
            850,
            850,
            870,
            900,
            880,
            700,
            300,
            120,
            80,
            60,
        ),
        (
            60,
            60,
            60,
            60,
            60,
            60,
            70,
            110,
            500,
            820,
            900,
            940,
            960,
            970,
            970,
            970,
            980,
            980,
            940,
            760,
            340,
            130,
            80,
            60,
        ),
        (
            60,
            60,
            60,
            60,
            60,
            60,
            60,
            70,
            120,
            420,
            640,
            700,
            720,
            720,
            700,
            680,
            600,
            320,
            140,
            90,
            70,
            60,
            60,
            60,
        ),
    ),
    "restaurant": (
        (
            180,
            170,
            160,
            160,
            160,
            170,
            200,
            320,
            420,
            460,
            560,
            800,
            960,
            980,
            760,
            520,
            480,
            620,
            880,
            1000,
            960,
            780,
            460,
            240,
        ),
        (
            200,
            180,
            170,
            160,
            160,
            170,
            200,
            320,
            440,
            500,
            620,
            860,
            990,
            1000,
            840,
            640,
            600,
            760,
            960,
            1000,
            1000,
            900,
            620,
            300,
        ),
        (
            200,
            180,
            170,
            160,
            160,
            160,
            190,
            280,
            420,
            520,
            660,
            880,
            1000,
            1000,
            820,
            560,
            480,
            560,
            760,
            860,
            800,
            580,
            320,
            220,
        ),
    ),
    "cinema": (
        (
            90,
            60,
            50,
            50,
            50,
            50,
            50,
            60,
            100,
            160,
            240,
            320,
            420,
            480,
            540,
            600,
            640,
            740,
            900,
            980,
            1000,
            980,
            820,
            360,
        ),
        (
            180,
            70,
            50,
            50,
            50,
            50,
            50,
            60,
            140,
            320,
            540,
            700,
            800,
            860,
            900,
            920,
            940,
            960,
            1000,
            1000,
            1000,
            1000,
            940,
            520,
        ),
        (
            200,
            70,
            50,
            50,
            50,
            50,
            50,
            60,
            140,
            320,
            540,
            700,
            800,
            860,
            880,
            880,
            860,
            840,
            820,
            780,
            700,
            560,
            320,
            120,
        ),
    ),
    "office": (
        (
            110,
            100,
            100,
            100,
            100,
            110,
            180,
            420,
            760,
            900,
            940,
            960,
            900,
            880,
            940,
            940,
            900,
            760,
            480,
            300,
            200,
            150,
            130,
            120,
        ),
        (
            100,
            100,
            100,
            100,
            100,
            100,
            110,
            130,
            180,
            220,
            240,
            240,
            220,
            200,
            180,
            160,
            140,
            120,
            110,
            100,
            100,
            100,
            100,
            100,
        ),
        (
            100,
            100,
            100,
            100,
            100,
            100,
            100,
            100,
            110,
            110,
            110,
            110,
            110,
            110,
            110,
            110,
            110,
            110,
            100,
            100,
            100,
            100,
            100,
            100,
        ),
    ),
    "supermarket": (
        (
            460,
            450,
            440,
            440,
            450,
            480,
            560,
            720,
            860,
            900,
            930,
            950,
            960,
            960,
            950,
            950,
            970,
            1000,
            980,
            900,
            760,
            620,
            520,
            480,
        ),
        (
            460,
            450,
            440,
            440,
            450,
            480,
            560,
            740,
            880,
            940,
            970,
            990,
            1000,
            1000,
            1000,
            1000,
            1000,
            1000,
            960,
            860,
            720,
            600,
            520,
            480,
        ),
        (
            450,
            440,
            440,
            440,
            440,
            460,
            500,
            560,
            660,
            780,
            840,
            860,
            860,
            840,
            800,
            760,
            720,
            680,
            620,
            560,
            520,
            500,
            480,
            460,
        ),
    ),
    "water": (
        (
            20,
            10,
            10,
            10,
            10,
            40,
            140,
            300,
            420,
            480,
            520,
            640,
            820,
            780,
            560,
            480,
            460,
            560,
            700,
            760,
            560,
            320,
            140,
            60,
        ),
        (
            30,
            10,
            10,
            10,
            10,
            30,
            120,
            280,
            440,
            560,
            640,
            760,
            920,
            900,
            700,
            600,
            580,
            680,
            840,
            900,
            680,
            400,
            180,
            80,
        ),
        (
            30,
            10,
            10,
            10,
            10,
            20,
            80,
            200,
            340,
            460,
            560,
            700,
            880,
            840,
            600,
            480,
            420,
            480,
            560,
            560,
            380,
            220,
            100,
            50,
        ),
    ),
    "flat": ((1000,) * 24,) * 3,
}


def noise(seed: int, slot: int) -> int:
    """64 evenly spread bits that depend on nothing but the two numbers (a splitmix64 step)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + slot * 0xD1B54A32D192ED03) & _WORD
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _WORD
    return mixed ^ mixed >> 31


@dataclass(frozen=True, slots=True)
class Load:
    """One tenant's appetite. `peak` in watts or litres an hour."""

    kind: str
    peak: int
    seed: int = 0
    phases: int = 1
    utc_offset_s: int = 0

    def at(self, second: int) -> tuple[int, int]:
        """Flow, and the difference between the phases, in the quarter of an hour that holds this second."""
        local = second + self.utc_offset_s
        slot = local // SLOT_S
        day = local // DAY_S
        weekday = (day + EPOCH_WEEKDAY) % 7
        shape = SHAPES[self.kind][0 if weekday < 5 else weekday - 4]
        quarter = slot % 96
        hour, part = quarter >> 2, quarter & 3
        here, there = shape[hour], shape[hour + 1 if hour < 23 else 0]
        bits = noise(self.seed, slot)
        # 90 to 110 % by the quarter, 94 to 106 % by the day: 1000 * 4 * 200 * 200 as one denominator.
        by_slot = 180 + bits % 41
        by_day = 188 + noise(self.seed ^ 0x5EED, day) % 25
        flow = self.peak * (here * (4 - part) + there * part) * by_slot * by_day // 160_000_000
        return (flow, flow * (bits >> 40 & 63) // 256) if self.phases > 1 else (flow, 0)

    def fine_at(self, second: int) -> tuple[int, int]:
        """The same with the small movements of half a minute, and now and then a compressor: for real time."""
        flow, spread = self.at(second)
        slot = second // FINE_S
        bits = noise(self.seed ^ 0xF19E, slot)
        wobble = 960 + bits % 81
        run = noise(self.seed ^ 0xC0017, second // 360)
        burst = self.peak // 4 if run % 5 == 0 and flow > self.peak // 6 else 0
        return flow * wobble // 1000 + burst, spread


def from_config(content: Mapping[str, Any], phases: int, utc_offset_s: int) -> Load:
    """A load from the `load` entry of a building file: `{"kind": "shop", "peak_w": 4000, "seed": 7}`."""
    kind = content.get("kind", "shop")
    peak = content.get("peak_w", content.get("peak_l_per_h", content.get("watts", 1000)))
    seed = content.get("seed", 0)
    if "watts" in content and "kind" not in content:
        kind = "flat"
    if kind not in SHAPES:
        raise LoadWrong(f"No load shape “{kind}”. Use one of: {', '.join(sorted(SHAPES))}.")
    if not isinstance(peak, int) or isinstance(peak, bool) or not 0 <= peak <= 10_000_000:
        raise LoadWrong(
            "The peak of a load is a whole number of watts or litres an hour, from 0 to 10,000,000."
        )
    if not isinstance(seed, int):
        raise LoadWrong("The seed of a load is a whole number.")
    return Load(kind, peak, seed, phases, utc_offset_s)
