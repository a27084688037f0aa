"""A building for months in seconds: tenants buy, type, run out, and the sums must come out exactly.

The run is a pure function of its plan and its seed; `trace` is a digest of everything that happened, so two equal runs are
seen to be equal. All meters live hour by hour together, so that whoever sells sees time go forward only; the digest of a
meter does not depend on its neighbours. The simulation sells to itself, or asks a `Vendor`: see vendors.py.

What is conserved, per meter and to the last grain:
    energy in (load × seconds with the relay closed, from the diary) = energy counted (registers) = credit used (accounts).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from meter import loads, profile
from meter.building import Plan, installation_of
from meter.consumption import FLOW_IN_UNIT
from meter.loads import DAY_S, SHAPES, SLOT_S, Load, noise
from meter.profile import Installation, Profile
from meter.state import Event
from meter.tenants import HABITS, HOUR_S, Tenant, enters_twice, is_dead, mistyped
from meter.test_keys import TestKeys
from meter.twin import Twin
from meter.vendors import Ask, OwnVendor, Vendor
from sts import amount, dkga, drn, pan
from sts.keys import DecoderKey, KeyType, VendingKey
from sts.tid import BaseDate

# Thursday 1 January 2026, 00:00 UTC: a fixed start, so that a trace is the same on every day and every machine.
START = 1_767_225_600

# A public test key, good for nothing but this simulation.
VENDING_KEY = VendingKey(bytes(range(1, 21)), KeyType.DUTK, "600100", 1, 255, BaseDate.Y2014, "04")

# (trade, meter model, peak from, peak to) out of twenty units.
TRADES: tuple[tuple[int, str, str, int, int], ...] = (
    (9, "shop", "single-phase", 1_500, 6_000),
    (3, "restaurant", "three-phase-ct", 12_000, 40_000),
    (3, "office", "two-source", 3_000, 12_000),
    (1, "cinema", "three-phase-ct", 30_000, 80_000),
    (1, "supermarket", "three-phase-ct", 60_000, 160_000),
    (3, "water", "water", 80, 600),
)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of the building: a meter, its load and its tenant."""

    pan: str
    model: Profile
    load: Load
    tenant: Tenant
    key: DecoderKey
    installation: Installation
    start: int = START


@dataclass(slots=True)
class Sums:
    """What one meter, or all of them, came to. Flow in watt seconds (or seconds at a litre an hour)."""

    flow_wanted: int = 0
    flow_in: int = 0
    flow_counted: int = 0
    credit_bought: int = 0
    tokens: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    seconds_off: int = 0
    cuts: int = 0
    conserved: bool = True

    def add(self, other: Sums) -> None:
        self.flow_wanted += other.flow_wanted
        self.flow_in += other.flow_in
        self.flow_counted += other.flow_counted
        self.credit_bought += other.credit_bought
        self.tokens += other.tokens
        self.seconds_off += other.seconds_off
        self.cuts += other.cuts
        self.conserved = self.conserved and other.conserved
        for name, number in other.outcomes.items():
            self.outcomes[name] = self.outcomes.get(name, 0) + number


@dataclass(frozen=True, slots=True)
class Report:
    """The whole run."""

    units: int
    days: int
    seed: int
    trace: str
    total: Sums
    by_trade: dict[str, Sums]


def plan(units: int, seed: int) -> list[Unit]:
    """The building for a seed: trades, meters, appetites and habits."""
    trades = [trade for trade in TRADES for _ in range(trade[0])]
    found = []
    for number in range(units):
        bits = noise(seed, number)
        _, kind, model_name, low, high = trades[bits % len(trades)]
        model = profile.load(model_name)
        own = seed * 1_000_003 + number
        peak = low + (bits >> 8) % (high - low)
        load = Load(kind, peak, own, model.phases)
        number_pan = pan.of("600727", drn.of(f"07{number:08d}"))
        key = dkga.derive(VENDING_KEY, pan=number_pan, ti="01", ea="07" if number % 5 == 4 else "11")
        tenant = Tenant(HABITS[(bits >> 24) % 100], weekly_units(peak), own)
        found.append(Unit(number_pan, model, load, tenant, key, Installation(number_pan)))
    return found


def weekly_units(peak: int) -> int:
    """Token units of a usual week: the mean of the shapes is about 0.42 of the peak, and a unit is 100 Wh or 100 l."""
    return max(1, peak * 7 * 24 * 42 // 100 // 100)


def of_plan(site: Plan, keys: TestKeys, seed: int, start: int) -> list[Unit]:
    """The meters of a building file, with a tenant each: to live months against the product that wrote the file."""
    found = []
    for number, place in enumerate(site.places):
        model = profile.load(place.profile)
        offset = site.utc_offset_minutes * 60
        load = loads.from_config(place.load, model.phases, offset)
        habit = HABITS[noise(seed, number) % 100]
        tenant = Tenant(habit, weekly_units(load.peak), seed * 1_000_003 + number, offset)
        key = keys.decoder_key(place.keying)
        found.append(Unit(place.pan, model, load, tenant, key, installation_of(place, site), start))
    return found


def run(
    building: list[Unit],
    days: int,
    seed: int,
    *,
    vendor: Vendor | None = None,
    progress: Progress | None = None,
) -> Report:
    """Let every unit live its days."""
    seller = vendor or OwnVendor({each.pan: each.key for each in building})
    lives = [Life(each) for each in building]
    for hour in range(days * 24):
        wanting = [(life, ask) for life in lives if (ask := life.wants()) is not None]
        if wanting:
            purchases = seller.sell([ask for _life, ask in wanting])
            for (life, _ask), tokens in zip(wanting, purchases, strict=True):
                for digits in tokens:
                    life.enter(digits)
        for life in lives:
            life.draw()
        if progress is not None and hour % 24 == 23:
            progress(hour // 24 + 1, days)
    digest = hashlib.sha256(f"{len(building)} {days} {seed}\n".encode())
    total, by_trade = Sums(), {kind: Sums() for kind in SHAPES}
    for life in lives:
        digest.update(life.close())
        total.add(life.sums)
        by_trade[life.unit.load.kind].add(life.sums)
    lived = {kind: sums for kind, sums in by_trade.items() if sums.flow_wanted}
    return Report(len(building), days, seed, digest.hexdigest(), total, lived)


class Life:
    """One meter and its tenant, hour by hour."""

    __slots__ = ("_digest", "_off_since", "sums", "twin", "unit")

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.twin = Twin.fresh(unit.model, unit.installation, unit.key, unit.start)
        self.twin.deliver(unit.tenant.weekly_units)
        self.sums = Sums()
        self._digest = hashlib.sha256(unit.pan.encode())
        self._off_since: int | None = None

    def wants(self) -> Ask | None:
        """What the tenant buys at the beginning of this hour."""
        twin, unit = self.twin, self.unit
        state = twin.state
        now = state.now
        if (now - unit.start) % DAY_S == 0:
            self._digest.update(f"{now} {state.credit} {state.totals} {int(state.causes)}\n".encode())
            twin.power_off() if is_dead(unit.tenant.seed, now) else twin.power_on()
        wanted = unit.tenant.wants(now, twin.credit_units(), self._off_since)
        if not wanted or not state.powered:
            return None
        return Ask(unit.pan, unit.model.accounts[0].subclass, amount.quantise(wanted, "down"), now)

    def draw(self) -> None:
        """Draw for an hour, in quarters."""
        for _ in range(HOUR_S // SLOT_S):
            self._quarter()

    def _quarter(self) -> None:
        twin, sums = self.twin, self.sums
        state = twin.state
        now = state.now
        flow, spread = self.unit.load.at(now)
        supplied, notes, last = state.supply, len(state.events), state.events[-1:]
        twin.advance(now + SLOT_S, flow, spread)
        sums.flow_wanted += flow * SLOT_S
        if state.supply is supplied and len(state.events) == notes and state.events[-1:] == last:
            seconds = SLOT_S if supplied else 0
        else:
            seconds = _seconds_on(state.events, now, state.now, supplied)
            sums.cuts += sum(each.kind == "cut" and each.at > now for each in state.events)
        sums.flow_in += flow * seconds
        sums.seconds_off += SLOT_S - seconds
        if state.supply:
            self._off_since = None
        elif self._off_since is None:
            self._off_since = state.now

    def enter(self, digits: str) -> None:
        """Type what was bought, as people type."""
        twin, unit, sums = self.twin, self.unit, self.sums
        now, seed = twin.state.now, unit.tenant.seed
        wrong = mistyped(digits, seed, now)
        tries = [wrong] if wrong else []
        tries += [digits, digits] if enters_twice(seed, now) else [digits]
        for each in tries:
            result = twin.enter(each)
            sums.tokens += 1
            sums.outcomes[result.outcome.name] = sums.outcomes.get(result.outcome.name, 0) + 1
            sums.credit_bought += result.units
            self._digest.update(f"{now} {each} {int(result.outcome)} {result.units}\n".encode())

    def close(self) -> bytes:
        """The books of this meter, and the digest of its life."""
        state, scales, sums = self.twin.state, self.twin.scales, self.sums
        sums.flow_counted = sum(state.totals) // scales.counted
        sums.conserved = sums.flow_counted == sums.flow_in and self.twin.balances()
        self._digest.update(f"{state.credit} {state.totals} {sums.flow_in}\n".encode())
        return self._digest.digest()


OPENING_KINDS = frozenset({"cut", "overload", "unbalance", "tamper", "remote off", "power off"})


def _seconds_on(events: list[Event], start: int, end: int, on: bool) -> int:
    """Seconds with the relay closed, read from the diary: it knows the moments, the registers know the energy."""
    seconds, since = 0, start
    for each in events:
        if not start <= each.at <= end:
            continue
        if each.kind in OPENING_KINDS and on:
            seconds, on = seconds + each.at - since, False
        elif each.kind == "supply on" and not on:
            since, on = each.at, True
    return seconds + end - since if on else seconds


def used_units(sums: Sums) -> int:
    """Counted flow in whole token units (0.1 kWh or 0.1 m³)."""
    return sums.flow_counted // FLOW_IN_UNIT
