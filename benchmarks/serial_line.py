"""How long a token push takes on the serial line, against the least that the line allows.

    python benchmarks/serial_line.py [--rounds 3]

The meter is a twin on a pty that paces its own bytes; the reader is our driver. The least is counted from the bytes that
really went both ways at the rate each of them had, plus the prescribed reaction time (20 ms with a lower-case flag, 200 ms
without) between every two messages. The target is a ratio of at most 1.2. Both figures come from the same run.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fake_meter import GOOD, FakeMeter

from meter.framing import BAUD_OF
from meter.line_profile import load
from meter.pty_line import PtyLine
from meter.serial_driver import SerialDriver, SerialPort
from meter.serial_meter import PortSettings, SerialMeter

TARGET = 1.2


class CountedPort(SerialPort):
    """The real port, which also counts the byte times and the turns of the conversation."""

    def __init__(self, name: str, profile: object) -> None:
        super().__init__(name, profile)  # type: ignore[arg-type]
        self.rate = profile.initial_baud  # type: ignore[attr-defined]
        self.byte_time_s = 0.0
        self.turns = 0
        self._speaking = ""

    def write(self, data: bytes) -> None:
        self._count(len(data), "reader")
        super().write(data)

    def read(self, timeout_s: float) -> bytes:
        data = super().read(timeout_s)
        if data:
            self._count(len(data), "meter")
        return data

    def set_baud(self, baud: int) -> None:
        super().set_baud(baud)
        self.rate = baud

    def _count(self, length: int, who: str) -> None:
        self.byte_time_s += length * 10 / self.rate
        self.turns += self._speaking not in ("", who)
        self._speaking = who


def push(initial: int, offered: int, flag: str) -> tuple[float, float, int]:
    """One push: seconds it took, the least it could take, and the turns in it."""
    standard = load("standard")
    profile = replace(standard, initial_baud=initial)
    settings = PortSettings(profile=profile, offered_baud=offered, flag=flag)
    turn_s = settings.reaction
    with PtyLine(SerialMeter(FakeMeter(), settings)) as served:
        port = CountedPort(served.name, profile)
        driver = SerialDriver(lambda: port, profile)
        begun = time.perf_counter()
        outcome = driver.enter_token(GOOD)
        took = time.perf_counter() - begun
        driver.close()
    assert outcome.accepted
    return took, port.byte_time_s + port.turns * turn_s, port.turns


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    worst = 0.0
    print(f"{'line':<22}{'reaction':>9}{'turns':>7}{'least s':>9}{'took s':>9}{'ratio':>7}")
    cases = [
        (300, 300),
        (300, 2400),
        (300, 9600),
        (300, 19_200),
        (2400, 2400),
        (9600, 9600),
        (19_200, 19_200),
    ]
    assert all(each in BAUD_OF.values() for case in cases for each in case)
    for flag, reaction in (("AMp", "20 ms"), ("AMP", "200 ms")):
        for initial, offered in cases:
            took, least, turns = min(
                (push(initial, offered, flag) for _ in range(rounds)), key=lambda one: one[0] / one[1]
            )
            ratio = took / least
            worst = max(worst, ratio)
            line = f"{initial} -> {offered} Bd" if initial != offered else f"{initial} Bd fixed"
            print(f"{line:<22}{reaction:>9}{turns:>7}{least:>9.3f}{took:>9.3f}{ratio:>7.3f}", flush=True)
    print(f"worst ratio {worst:.3f}, target {TARGET}")
    return 0 if worst <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
