"""A small running building for tests: five models, a clock that tests turn, memories in a temporary folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from meter.building import Building, BuildingClock, Plan
from meter.test_keys import Keying, TestKeys
from sts import drn, pan
from sts.keys import DecoderKey, KeyType, VendingKey
from sts.tid import BaseDate

from .keying import START

GROUP = "600100"
VENDING_KEY = VendingKey(bytes(range(1, 21)), KeyType.DUTK, GROUP, 1, 255, BaseDate.Y2014, "04")
KEYS = TestKeys([VENDING_KEY])
KEY_FILE = """
notice = "test keys: for tests"
[[keys]]
sgc = "600100"
krn = 1
key_type = 2
ken = 255
base_date = 2014
dkga = "04"
value = "0102030405060708090a0b0c0d0e0f1011121314"
"""

MODELS = ("single-phase", "three-phase-ct", "two-source", "water", "currency")


class HandClock(BuildingClock):
    """A building's time that stands still until a test moves it."""

    def __init__(self, start: int = START) -> None:
        super().__init__(1, start=start, monotonic=lambda: 0.0)
        self.moment = start

    def now(self) -> int:
        return self.moment


def number_of(at: int) -> str:
    return drn.of(f"07{at + 1_448_231:08d}")


def pan_of(at: int) -> str:
    return pan.of("600727", number_of(at))


def entry(at: int, model: str, **more: Any) -> dict[str, Any]:
    """One meter of a building file."""
    return {
        "pan": pan_of(at),
        "label": f"G-{at + 10}",
        "tenant": "Karoo Coffee Roasters",
        "service": "water" if model == "water" else "electricity",
        "ea": "11",
        "tct": "02",
        "dkga": "04",
        "sgc": GROUP,
        "krn": 1,
        "ti": "01",
        "key_type": 2,
        "ken": 255,
        "base_date": 2014,
        "profile": model,
        "load": {"kind": "restaurant", "peak_w": 3_600, "seed": at},
        "initial_credit_units": 860,
        **more,
    }


def plan(**more: Any) -> dict[str, Any]:
    meters = [entry(at, model) for at, model in enumerate(MODELS)]
    return {"site": "Karoo Mall", "utc_offset_minutes": 120, "meters": meters, **more}


def a_building(folder: Path, clock: HandClock | None = None, **more: Any) -> Building:
    return Building(Plan.parse(plan(**more)), KEYS, folder, clock or HandClock())


def key_for(at: int = 0) -> DecoderKey:
    return KEYS.decoder_key(Keying(pan_of(at), "11", "04", GROUP, 1, "01", 2, 255, 2014))
