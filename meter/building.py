"""A building of running twins: its file, its time, its meters.

The file is JSON, written by the vending side:

    {"site": "Karoo Mall", "utc_offset_minutes": 120, "holidays": ["2026-12-25"],
     "meters": [{"pan": "600727…", "label": "G-14", "tenant": "Karoo Coffee Roasters", "service": "electricity",
                 "ea": "11", "tct": "02", "dkga": "04", "sgc": "600217", "krn": 2, "ti": "01", "key_type": 2,
                 "ken": 255, "base_date": 2014, "profile": "single-phase",
                 "load": {"kind": "restaurant", "peak_w": 9000, "seed": 14},
                 "initial_credit_units": 120, "power_limit_w": 6000,
                 "ct": {"primary": 200, "secondary": 5, "applied_by": "meter"}}]}

`profile` is a file of meter/profiles; `load` is described in loads.py; `utc_offset_minutes`, `holidays`, `tenant`,
`initial_credit_units`, `power_limit_w` and `ct` may be left out. The keying says what the meter was *delivered* with: a
meter that has a memory file already keeps what that file says, so a key change survives a restart.

While the process is down the meters have no power, and a kill is a power cut to all of them. The other half, the lines
that answer drivers, is `twin_wire.py` (the words) and `building_server.py` (the socket). Locks: one for the whole building.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meter import loads, profile
from meter.errors import MeterError
from meter.loads import FINE_S, SLOT_S, Load
from meter.local_driver import Hosted, LocalDriver
from meter.nvram import FileChip, Nvram
from meter.profile import Installation
from meter.test_keys import Keying, TestKeys
from meter.twin import Twin
from sts import pan as pans
from sts.errors import StsError

SAMPLES = 120
SAVE_EVERY_S = 60.0


class BuildingWrong(MeterError):
    code = "building_wrong"


@dataclass(frozen=True, slots=True)
class Place:
    """One meter as the building file describes it."""

    pan: str
    label: str
    tenant: str
    service: str
    keying: Keying
    profile: str
    load: dict[str, Any]
    initial_credit_units: int = 0
    power_limit_w: int | None = None
    ct: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole file."""

    site: str
    places: tuple[Place, ...]
    utc_offset_minutes: int = 0
    holidays: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path) -> Plan:
        try:
            content = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise BuildingWrong(
                f"The building file {path} cannot be read: {error.strerror}. Give its path with --config."
            ) from None
        except ValueError:
            raise BuildingWrong(f"The building file {path} is not JSON. Write it anew.") from None
        return cls.parse(content)

    @classmethod
    def parse(cls, content: Any) -> Plan:
        if not isinstance(content, dict) or not isinstance(content.get("meters"), list):
            raise BuildingWrong("A building file is one object with a list “meters”. Write it anew.")
        places = tuple(_place(each, number) for number, each in enumerate(content["meters"], 1))
        pans_seen = [each.pan for each in places]
        for each in pans_seen:
            if pans_seen.count(each) > 1:
                raise BuildingWrong(
                    f"The meter {each} stands in the building file twice. Remove one of the two."
                )
        offset = content.get("utc_offset_minutes", 0)
        if not isinstance(offset, int) or abs(offset) > 14 * 60:
            raise BuildingWrong("utc_offset_minutes is a whole number of minutes, for example 120.")
        return cls(
            str(content.get("site", "")), places, offset, frozenset(map(str, content.get("holidays", [])))
        )


def _place(content: Any, number: int) -> Place:
    if not isinstance(content, dict):
        raise BuildingWrong(f"Entry {number} of the building file is not an object. Correct it.")
    try:
        number_pan = pans.validate(str(content["pan"]))
        place = Place(
            pan=number_pan,
            label=str(content.get("label", "")),
            tenant=str(content.get("tenant") or ""),
            service=str(content.get("service", "electricity")),
            keying=Keying(
                pan=number_pan,
                ea=f"{int(content['ea']):02d}",
                dkga=f"{int(content['dkga']):02d}",
                sgc=str(content["sgc"]),
                krn=int(content["krn"]),
                ti=f"{int(content['ti']):02d}",
                key_type=int(content["key_type"]),
                ken=int(content["ken"]),
                base_date=int(content["base_date"]),
            ),
            profile=str(content["profile"]),
            load=dict(content.get("load") or {}),
            initial_credit_units=int(content.get("initial_credit_units") or 0),
            power_limit_w=None if content.get("power_limit_w") is None else int(content["power_limit_w"]),
            ct=dict(content.get("ct") or {}),
        )
    except KeyError as error:
        raise BuildingWrong(f"Entry {number} of the building file lacks {error}. Add it.") from None
    except (ValueError, TypeError):
        raise BuildingWrong(
            f"Entry {number} of the building file has a value of the wrong kind. Correct it."
        ) from None
    except StsError as error:
        raise BuildingWrong(f"Entry {number} of the building file: {error.sentence}") from None
    if place.initial_credit_units < 0 or (place.power_limit_w or 0) < 0:
        raise BuildingWrong(f"Entry {number} of the building file has an amount below zero. Correct it.")
    return place


class BuildingClock:
    """Simulated seconds: the wall clock at the start, then `speed` times as fast as real time."""

    def __init__(
        self, speed: int = 1, *, start: int | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        if not 1 <= speed <= 10_000:
            raise BuildingWrong("The speed of time is a whole number from 1 to 10,000.")
        self.speed = speed
        self._monotonic = monotonic
        self._start = int(time.time()) if start is None else start
        self._began = monotonic()

    def now(self) -> int:
        return self._start + int((self._monotonic() - self._began) * self.speed)


class LiveMeter:
    """One hosted twin with its load, its own lead over the building's time, and the last hour of its power."""

    __slots__ = ("hosted", "lead_s", "load", "override", "place", "samples", "saved_at")

    def __init__(self, place: Place, hosted: Hosted, load: Load, lead_s: int) -> None:
        self.place = place
        self.hosted = hosted
        self.load = load
        self.lead_s = lead_s
        self.override: int | None = None
        self.samples: deque[tuple[int, int]] = deque(maxlen=SAMPLES)
        self.saved_at = 0.0

    @property
    def twin(self) -> Twin:
        return self.hosted.twin

    def run_to(self, moment: int) -> None:
        """Let the load act, slot by slot: half minutes near the present, quarters of an hour in a long jump."""
        twin = self.twin
        state = twin.state
        while state.now < moment:
            fine = moment - state.now <= 3600
            step = FINE_S if fine else SLOT_S
            end = min(moment, (state.now // step + 1) * step)
            if not state.powered:
                flow, spread = 0, 0
            elif self.override is not None:
                flow, spread = self.override, 0
            else:
                flow, spread = self.load.fine_at(state.now) if fine else self.load.at(state.now)
            twin.advance(end, flow, spread)
            if fine and (end % FINE_S == 0 or not self.samples):
                self.samples.append((end, flow if state.supply else 0))


class Building:
    """All meters of a plan, brought up to the present whenever somebody looks."""

    def __init__(self, plan: Plan, keys: TestKeys, folder: Path, clock: BuildingClock) -> None:
        self.plan = plan
        self.clock = clock
        self.lock = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._meters = {each.pan: self._start(each, keys, folder) for each in plan.places}
        self._by_drn = {each.twin.drn: each for each in self._meters.values()}

    def _start(self, place: Place, keys: TestKeys, folder: Path) -> LiveMeter:
        now = self.clock.now()
        hosted = host(place, self.plan, keys, folder, now)
        twin = hosted.twin
        load = loads.from_config(place.load, twin.profile.phases, self.plan.utc_offset_minutes * 60)
        return LiveMeter(place, hosted, load, lead_s=twin.state.now - now)

    @property
    def meters(self) -> list[LiveMeter]:
        return list(self._meters.values())

    def find(self, number: str) -> LiveMeter | None:
        """A meter by PAN or by the number on its label; spaces do not matter."""
        compact = re.sub(r"\s", "", number)
        return self._meters.get(compact) or self._by_drn.get(compact)

    def driver(self, pan: str) -> LocalDriver | None:
        """The port of one meter, for the socket."""
        meter = self._meters.get(pan)
        return None if meter is None else LocalDriver(meter.hosted, lambda: self.wake(meter))

    def listing(self) -> list[dict[str, str]]:
        return [
            {"pan": each.place.pan, "label": each.place.label, "service": each.place.service}
            for each in self._meters.values()
        ]

    def wake(self, meter: LiveMeter) -> None:
        """Bring one meter's time up to the building's."""
        meter.run_to(self.clock.now() + meter.lead_s)

    def run_ahead(self, meter: LiveMeter, seconds: int) -> None:
        """Give one meter a lead, for "run one day" on its page."""
        self.wake(meter)
        meter.lead_s += seconds
        self.wake(meter)
        meter.hosted.save()

    def tick(self, part: int = 0, parts: int = 1) -> None:
        """Bring every `parts`-th meter up to the present, and keep what is older than a minute."""
        now = time.monotonic()
        for meter in self.meters[part::parts]:
            with self.lock:
                self.wake(meter)
                if now - meter.saved_at >= SAVE_EVERY_S:
                    meter.hosted.save()
                    meter.saved_at = now

    def close(self) -> None:
        """An orderly end: every meter keeps its last moment."""
        with self.lock:
            for meter in self.meters:
                self.wake(meter)
                meter.hosted.save()


def installation_of(place: Place, plan: Plan) -> Installation:
    """How one meter of the plan hangs on the wall."""
    return Installation(
        pan=place.pan,
        ct_primary=int(place.ct.get("primary", 1)),
        ct_secondary=int(place.ct.get("secondary", 1)),
        ct_applied_by=str(place.ct.get("applied_by", "meter")),
        utc_offset_minutes=plan.utc_offset_minutes,
        holidays=plan.holidays,
    )


def host(place: Place, site: Plan, keys: TestKeys, folder: Path, now: int) -> Hosted:
    """One meter with its memory chip: delivered new as the plan says, or powered up with what its chip kept.

    While nobody ran it the meter had no power. One that was run ahead of `now` keeps its lead.
    """
    model, installation = profile.load(place.profile), installation_of(place, site)
    nvram = Nvram(FileChip(folder / f"{place.pan}.nvram"))
    kept = nvram.load()
    if kept is None:
        twin = Twin.fresh(model, installation, keys.decoder_key(place.keying), now)
        twin.deliver(place.initial_credit_units, place.power_limit_w)
        hosted = Hosted(twin, nvram)
        hosted.save()
        return hosted
    twin = Twin.from_memory(model, installation, kept)
    twin.power_off()
    twin.advance(max(now, twin.state.now), 0)
    twin.power_on()
    return Hosted(twin, nvram)
