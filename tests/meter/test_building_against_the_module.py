"""Two weeks of a building against the real security module, which takes its time from the simulation (decisions D13)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meter.loads import DAY_S
from meter.vendors import write_clock

from .house import entry

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
MIDNIGHT = int(time.time()) // DAY_S * DAY_S


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Path]:
    """A module on the demonstration's keys, at midnight of today."""
    write_clock(tmp_path / "clock.json", MIDNIGHT, 0.0)
    at = datetime.fromtimestamp(MIDNIGHT, UTC).isoformat()
    made = subprocess.run(
        [BIN / "keystore", "demo-init", "--into", tmp_path / "module", "--simulated-clock", at],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    file, log = tmp_path / "module" / "keys.stsks", tmp_path / "module" / "log"
    served = subprocess.Popen(
        [
            *(BIN / "keystore", "serve", "--file", file, "--log", log, "--socket", tmp_path / "module.sock"),
            *("--unlock-test-keys", "--simulated-clock", tmp_path / "clock.json"),
        ]
    )
    for _ in range(1200):
        if (tmp_path / "module.sock").exists():
            break
        time.sleep(0.05)
    yield tmp_path / "module.sock"
    served.terminate()
    served.wait(timeout=20)


def test_every_token_of_two_weeks_is_good_in_its_meter(module: Path, tmp_path: Path) -> None:
    meters = [
        entry(0, "single-phase"),
        entry(1, "three-phase-ct", ct={"primary": 100, "secondary": 5, "applied_by": "vendor"}),
        entry(2, "two-source", ea="07", krn=2),
        entry(3, "water", load={"kind": "water", "peak_l_per_h": 400, "seed": 3}),
        entry(4, "single-phase", ea="07", dkga="02", sgc="600200", krn=2),
    ]
    (tmp_path / "building.json").write_text(json.dumps({"site": "Karoo Mall", "meters": meters}))
    seller = f"{sys.executable} {ROOT / 'tests' / 'meter' / 'module_seller.py'} {tmp_path / 'building.json'} {module}"
    lived = subprocess.run(
        [
            *(BIN / "meter", "building", "--days", "14", "--seed", "5", "--json"),
            *("--config", tmp_path / "building.json", "--keys", ROOT / "keystore" / "demonstration.toml"),
            *("--vendor", seller, "--clock", tmp_path / "clock.json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert lived.returncode == 0, lived.stderr
    last = json.loads(lived.stdout.splitlines()[-1])
    assert last["conserved"]
    assert last["outcomes"]["ACCEPTED"] >= 6
    # People mistype and enter slips twice; what the module issued is never old, expired, or for another key.
    assert set(last["outcomes"]) <= {"ACCEPTED", "CRC", "USED", "FUNCTION", "FORMAT", "LOCKED_OUT"}
