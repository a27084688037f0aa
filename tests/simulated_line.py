"""A line in virtual time between a `LineClient` and whatever answers: nothing sleeps, every wait is exact.

The far side is anything with `received(data, now)`, `sending(now)` and `next_moment()`: our serial meter, or a script.
Rates that differ garble both ways, as on copper; faults are functions over the bytes that pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Passing = Callable[[bytes], bytes]


class FarSide(Protocol):
    def received(self, data: bytes, now: float) -> None: ...

    def sending(self, now: float) -> bytes: ...

    def next_moment(self) -> float: ...


class SimulatedLine:
    def __init__(self, far: FarSide, *, baud: int = 300) -> None:
        self.far = far
        self.baud = baud
        self.time = 1_000.0
        self.to_meter: Passing = lambda data: data
        self.to_client: Passing = lambda data: data
        self.echoes = False
        self.echo: Passing = lambda data: data
        self.written: list[bytes] = []
        self.told: bytes = b""
        self._waiting = b""

    # What LineClient asks of a line.

    def write(self, data: bytes) -> None:
        self._pass_until(self.time)
        self.written.append(data)
        if self.echoes:
            self._waiting += self.echo(data)
        meter_baud = getattr(self.far, "baud", self.baud)
        passing = self.to_meter(data) if meter_baud == self.baud else garbled(data)
        if passing:
            self.far.received(passing, self.time)

    def read(self, timeout_s: float) -> bytes:
        # At least a microsecond: a rest of time below the precision of a float would never pass.
        end = self.time + max(1e-6, timeout_s)
        while not self._waiting:
            moment = self.far.next_moment()
            if moment > end:
                self._pass_until(end)
                break
            self._pass_until(max(moment, self.time))
        data, self._waiting = self._waiting, b""
        return data

    def set_baud(self, baud: int) -> None:
        self._pass_until(self.time)
        self.baud = baud

    def discard(self) -> None:
        self._pass_until(self.time)
        self._waiting = b""

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self._pass_until(self.time + seconds)

    # Time.

    def _pass_until(self, moment: float) -> None:
        """Let the far side live up to this moment, byte by byte, so that a change of rate falls where it should."""
        while (event := self.far.next_moment()) < moment:
            assert event >= self.time - 10, "the far side wants to act in a past that is over"
            self.time = max(event, self.time) + 1e-6
            self._hear()
        self.time = max(self.time, moment)
        self._hear()

    def _hear(self) -> None:
        data = self.far.sending(self.time)
        if not data:
            return
        self.told += data
        if getattr(self.far, "speaking_baud", self.baud) != self.baud:
            data = garbled(data)
        self._waiting += self.to_client(data)


def garbled(data: bytes) -> bytes:
    """What a receiver at another rate makes of it: bytes without sense and mostly with wrong parity."""
    return bytes((each * 37 + 0x91) & 0xFF | 0x80 for each in data)


class Script:
    """A far side that says fixed bytes after each message it gets: (delay, bytes) one after another."""

    def __init__(self, *answers: list[tuple[float, bytes]] | None) -> None:
        self._answers = list(answers)
        self._due: list[tuple[float, bytes]] = []
        self.heard: list[bytes] = []

    def received(self, data: bytes, now: float) -> None:
        self.heard.append(data)
        answer = self._answers.pop(0) if self._answers else None
        for delay, told in answer or []:
            now += delay
            self._due.append((now, told))

    def sending(self, now: float) -> bytes:
        told = b"".join(each for moment, each in self._due if moment <= now)
        self._due = [each for each in self._due if each[0] > now]
        return told

    def next_moment(self) -> float:
        return min((moment for moment, _ in self._due), default=1e18)
