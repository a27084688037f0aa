"""A building for months in seconds: tenants buy, type, run out, and the sums must come out exactly.

The run is a pure function of its plan and its seed; `trace` is a digest of everything that happened, so two equal runs are
seen to be equal. Each meter lives its life alone, in order, and the digest of a meter does not depend on its neighbours.

What is conserved, per meter and to the last grain:
    energy in (load × seconds with the relay closed, from the diary) = energy counted (registers) = credit used (accounts).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from meter import profile
from meter.consumption import FLOW_IN_UNIT
from meter.loads import DAY_S, SHAPES, SLOT_S, Load, noise
from meter.profile import Installation, Profile
from meter.state import Event
from meter.tenants import HABITS, HOUR_S, Habit, Tenant, enters_twice, is_dead, mistyped
from meter.twin import Twin
from sts import amount, dkga, drn, engine, pan, tid
from sts.keys import DecoderKey, KeyType, VendingKey
from sts.tid import BaseDate
from sts.tokens import Credit

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


class Vendor(Protocol):
    """Who sells: this simulation itself, or the product."""

    def sell(self, pan: str, subclass: int, units: int, now: int) -> str:
        """The token for a meter, at a moment of simulated time."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of the building: a meter, its load and its tenant."""

    number: int
    pan: str
    model: Profile
    load: Load
    tenant: Tenant
    ea: str
    installation: Installation


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


class OwnVendor:
    """Sells with the test key: the counterpart of the meters, so that the simulation needs nobody else."""

    def __init__(self, key_of: Callable[[str], DecoderKey]) -> None:
        self._key_of = key_of
        self._last: dict[str, int] = {}

    def sell(self, pan: str, subclass: int, units: int, now: int) -> str:
        minute = tid.next_issuable(
            max((now - _SECONDS_TO_2014) // 60, self._last.get(pan, 0) + 1), BaseDate.Y2014
        )
        self._last[pan] = minute
        return engine.encode(Credit(subclass, noise(minute, len(pan)) % 16, minute, units), self._key_of(pan))


_SECONDS_TO_2014 = 1_388_534_400


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
        # About 0.42 of the peak is the mean of these shapes; a unit is 100 Wh or 100 l.
        weekly = max(1, peak * 7 * 24 * 42 // 100 // 100)
        tenant = Tenant(HABITS[(bits >> 24) % 100], weekly, own)
        ea = "07" if number % 5 == 4 else "11"
        found.append(Unit(number, number_pan, model, load, tenant, ea, Installation(number_pan)))
    return found


def key_of(unit: Unit) -> DecoderKey:
    return dkga.derive(VENDING_KEY, pan=unit.pan, ti="01", ea=unit.ea)


def run(
    units: int, days: int, seed: int, *, step_s: int = SLOT_S, progress: Progress | None = None
) -> Report:
    """Let every unit live its days."""
    building = plan(units, seed)
    keys = {each.pan: key_of(each) for each in building}
    vendor = OwnVendor(keys.__getitem__)
    digest = hashlib.sha256(f"{units} {days} {seed} {step_s}\n".encode())
    total, by_trade = Sums(), {kind: Sums() for kind in SHAPES}
    for done, unit in enumerate(building, 1):
        trace, sums = live(unit, keys[unit.pan], vendor, days, step_s)
        digest.update(trace)
        total.add(sums)
        by_trade[unit.load.kind].add(sums)
        if progress is not None:
            progress(done, units)
    return Report(
        units, days, seed, digest.hexdigest(), total, {k: v for k, v in by_trade.items() if v.flow_wanted}
    )


def live(unit: Unit, key: DecoderKey, vendor: Vendor, days: int, step_s: int) -> tuple[bytes, Sums]:
    """One meter's life, its digest and its sums."""
    twin = Twin.fresh(unit.model, unit.installation, key, START)
    twin.deliver(unit.tenant.weekly_units)
    state, at, seed = twin.state, unit.load.at, unit.tenant.seed
    digest = hashlib.sha256(unit.pan.encode())
    sums = Sums()
    off_since: int | None = None
    end = START + days * DAY_S
    while state.now < end:
        now = state.now
        if now % DAY_S == 0:
            digest.update(f"{now} {state.credit} {state.totals} {int(state.causes)}\n".encode())
            _fail_or_recover(twin, is_dead(seed, now))
        if now % HOUR_S == 0:
            wanted = unit.tenant.wants(now, twin.credit_units(), off_since)
            if wanted and state.powered:
                _buy(twin, unit, vendor, wanted, digest, sums)
        flow, spread = at(now)
        supplied, notes, last = state.supply, len(state.events), state.events[-1:]
        twin.advance(now + step_s, flow, spread)
        sums.flow_wanted += flow * step_s
        if state.supply is supplied and len(state.events) == notes and state.events[-1:] == last:
            seconds = step_s if supplied else 0
        else:
            seconds = _seconds_on(state.events, now, state.now, supplied)
            sums.cuts += sum(each.kind == "cut" and each.at > now for each in state.events)
        sums.flow_in += flow * seconds
        sums.seconds_off += step_s - seconds
        off_since = None if state.supply else (off_since if off_since is not None else state.now)
    _close(twin, sums)
    digest.update(f"{state.credit} {state.totals} {sums.flow_in}\n".encode())
    return digest.digest(), sums


def _buy(twin: Twin, unit: Unit, vendor: Vendor, wanted: int, digest: hashlib._Hash, sums: Sums) -> None:
    account = unit.model.accounts[0]
    units = amount.quantise(wanted, "down")
    digits = vendor.sell(unit.pan, account.subclass, units, twin.state.now)
    wrong = mistyped(digits, unit.tenant.seed, twin.state.now)
    tries = [wrong] if wrong else []
    tries += [digits, digits] if enters_twice(unit.tenant.seed, twin.state.now) else [digits]
    for each in tries:
        result = twin.enter(each)
        sums.tokens += 1
        sums.outcomes[result.outcome.name] = sums.outcomes.get(result.outcome.name, 0) + 1
        sums.credit_bought += result.units
        digest.update(f"{twin.state.now} {each} {int(result.outcome)} {result.units}\n".encode())


def _fail_or_recover(twin: Twin, dead: bool) -> None:
    if dead:
        twin.power_off()
    else:
        twin.power_on()


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


def _close(twin: Twin, sums: Sums) -> None:
    """The books of one meter."""
    state, scales = twin.state, twin.scales
    sums.flow_counted = sum(state.totals) // scales.counted
    sums.conserved = sums.flow_counted == sums.flow_in and twin.balances()


def used_units(sums: Sums) -> int:
    """Counted flow in whole token units (0.1 kWh or 0.1 m³)."""
    return sums.flow_counted // FLOW_IN_UNIT


__all__ = ["Habit", "Report", "Sums", "Vendor", "plan", "run", "used_units"]
