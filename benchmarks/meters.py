"""Meters: how fast a building lives, what real time costs, and what one twin weighs. Figures side by side, in one run.

    .venv/bin/python benchmarks/meters.py

Goals (issue of the meter): 300 meters for 90 days at 15-minute steps under 60 s on one core; 2,000 meters in real time at
1-minute steps under a tenth of a core; under 20 KB a twin.
"""

from __future__ import annotations

import gc
import tempfile
import time
import tracemalloc
from pathlib import Path

from meter import building as buildings
from meter import profile, simulation
from meter.building import Building, BuildingClock, Plan
from meter.profile import Installation
from meter.test_keys import TestKeys
from meter.twin import Twin
from sts import drn, engine, pan
from sts.tokens import Credit

UNITS, DAYS = 60, 15
METERS, MINUTES = 2_000, 3


def a_plain_step(steps: int) -> float:
    """The least that a step can be in this language: two products and two sums on an object. The measure for the rest."""

    class Plain:
        __slots__ = ("credit", "total")

    plain = Plain()
    plain.credit = plain.total = 0
    began = time.process_time()
    for step in range(steps):
        watts = step % 1000
        plain.credit -= watts * 1000 * 900
        plain.total += watts * 900
    return (time.process_time() - began) / steps


def simulated() -> float:
    began = time.process_time()
    report = simulation.run(simulation.plan(UNITS, 1), DAYS, 1)
    assert report.total.conserved
    return (time.process_time() - began) / (UNITS * DAYS * 96)


def in_real_time(folder: Path) -> tuple[float, float]:
    """CPU seconds for each simulated minute of 2,000 meters: time alone, and with every meter saved once."""
    meters = [
        {
            "pan": pan.of("600727", drn.of(f"07{number:08d}")),
            "ea": "11",
            "dkga": "04",
            "ken": 255,
            "base_date": 2014,
            "sgc": "600100",
            "krn": 1,
            "ti": "01",
            "key_type": 2,
            "profile": "single-phase",
            "load": {"kind": "shop", "peak_w": 3000, "seed": number},
            "initial_credit_units": 50_000,
        }
        for number in range(METERS)
    ]
    moment = [0.0]
    clock = BuildingClock(1, monotonic=lambda: moment[0])
    house = Building(
        Plan.parse({"site": "", "meters": meters}), TestKeys([simulation.VENDING_KEY]), folder, clock
    )
    for meter in house.meters:
        meter.saved_at = float("inf")
    began = time.process_time()
    for _ in range(MINUTES):
        moment[0] += 60
        house.tick()
    bare = (time.process_time() - began) / MINUTES
    began = time.process_time()
    for meter in house.meters:
        meter.hosted.save()
    return bare, bare + (time.process_time() - began) * 60 / buildings.SAVE_EVERY_S


def weight() -> float:
    """Bytes of a twin after a busy life: full token memory, full diary, ten tokens."""
    model = profile.load("single-phase")
    unit = simulation.plan(1, 1)[0]
    key = unit.key
    tokens = [engine.encode(Credit(0, 5, 1_000_000 + minute, 10), key) for minute in range(60)]
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    twins = []
    for _ in range(50):
        twin = Twin.fresh(model, Installation(unit.pan), key, simulation.START)
        for digits in tokens:
            twin.enter(digits)
            twin.advance(twin.state.now + 9_000, 500)
        twins.append(twin)
    gc.collect()
    size = (tracemalloc.get_traced_memory()[0] - before) / len(twins)
    tracemalloc.stop()
    return size


def main() -> None:
    plain = min(a_plain_step(200_000) for _ in range(3))
    step = min(simulated() for _ in range(3))
    whole = step * 300 * 90 * 96
    print(f"a plain step of two sums        {plain * 1e6:8.2f} µs   1.0")
    print(
        f"a meter's quarter of an hour    {step * 1e6:8.2f} µs   {step / plain:.0f} × the plain step, tokens and tenants included"
    )
    print(
        f"300 meters, 90 days             {whole:8.1f} s    {whole / 60:.2f} of the goal of 60 s on one core"
    )
    with tempfile.TemporaryDirectory() as folder:
        bare, saving = in_real_time(Path(folder))
    print(f"2,000 meters, one minute        {bare * 1e3:8.1f} ms   {bare / 60:.2%} of a core (goal: 10 %)")
    print(f"  with a save of each a minute  {saving * 1e3:8.1f} ms   {saving / 60:.2%} of a core")
    size = weight()
    print(f"one busy twin                   {size / 1000:8.1f} KB   {size / 20_000:.2f} of the goal of 20 KB")


if __name__ == "__main__":
    main()
