"""Who sells to a simulated building: the simulation itself, or any program that answers lines.

`CommandVendor` starts a program and asks it on its standard input, one JSON object a line, in the order of time:

    {"pan": "600727…", "subclass": 0, "units": 4276, "at": "2026-01-05T08:00:00+00:00"}

It answers on its standard output, one line each: `{"token": "20 digits"}`, `{"tokens": [...]}` where several belong to one
purchase, in the order in which they are typed, or `{"refused": "code"}` when it will not sell. A vendor that sells in groups gets all that is wanted in an hour as one list a line, and answers with a list.
Before it is asked, the file given as the clock says the same moment in the form of the module's simulated clock (D13), so
a module that reads that file issues with the time of the simulation.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from meter.errors import MeterError
from meter.loads import noise
from sts import engine, tid
from sts.keys import DecoderKey
from sts.tid import BaseDate
from sts.tokens import Credit


class VendorFailed(MeterError):
    code = "vendor_failed"


@dataclass(frozen=True, slots=True)
class Ask:
    """What one tenant wants to buy at a moment of simulated time."""

    pan: str
    subclass: int
    units: int
    now: int


Purchase = tuple[str, ...]


class Vendor(Protocol):
    """Who sells."""

    def sell(self, asks: Sequence[Ask]) -> list[Purchase]:
        """What is wanted in the same hour: for each the tokens to type, in order; none where the sale is refused."""


class OwnVendor:
    """Sells with the meters' own test keys, so that the simulation needs nobody else."""

    def __init__(self, keys: Mapping[str, DecoderKey]) -> None:
        self._keys = keys
        self._last: dict[str, int] = {}

    def sell(self, asks: Sequence[Ask]) -> list[Purchase]:
        return [(self.token(ask),) for ask in asks]

    def token(self, ask: Ask) -> str:
        pan, units, now = ask.pan, ask.units, ask.now
        key = self._keys[pan]
        minute = max(tid.encode(datetime.fromtimestamp(now, UTC), key.base_date), self._last.get(pan, 0) + 1)
        minute = tid.next_issuable(minute, BaseDate(key.base_date))
        self._last[pan] = minute
        return engine.encode(Credit(ask.subclass, noise(minute, units) % 16, minute, units), key)


def write_clock(path: Path, now: int, speed: float, real: float | None = None) -> None:
    """Tell a module with a simulated clock what time it is; replaced whole, so that a reader never sees half."""
    moment = datetime.fromtimestamp(now, UTC).isoformat()
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"at": moment, "real": time.time() if real is None else real, "speed": speed}))
    part.replace(path)


class CommandVendor:
    """Asks a program. Close it, and it ends with its standard input."""

    def __init__(self, command: str, clock: Path | None, *, in_groups: bool = False) -> None:
        self._clock = clock
        self._in_groups = in_groups
        self._told: int | None = None
        self.refused = 0
        try:
            self._process = subprocess.Popen(
                shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        except (OSError, ValueError, IndexError):
            raise VendorFailed(
                "The vendor's program cannot be started. Check the command after --vendor."
            ) from None

    def sell(self, asks: Sequence[Ask]) -> list[Purchase]:
        if not self._in_groups:
            return [self._tokens(self._ask(_question(ask), ask.now)) for ask in asks]
        answers = self._ask([_question(ask) for ask in asks], asks[0].now)
        if not isinstance(answers, list) or len(answers) != len(asks):
            raise VendorFailed("The vendor's program answered another number of sales than it was asked for.")
        return [self._tokens(answer) for answer in answers]

    def _ask(self, question: Any, now: int) -> Any:
        """One line there, one line back, with the module's clock set before."""
        if self._clock is not None and self._told != now:
            write_clock(self._clock, now, 0.0)
            self._told = now
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps(question), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            raise VendorFailed(
                "The vendor's program ended or sent a line that is no answer. See what it printed."
            ) from None

    def _tokens(self, answer: Any) -> Purchase:
        if not isinstance(answer, dict):
            raise VendorFailed("The vendor's program sent a line that is no answer. See what it printed.")
        tokens = answer.get("tokens", [answer["token"]] if "token" in answer else [])
        if not isinstance(tokens, list):
            raise VendorFailed("The vendor's program sent tokens that are no list. See what it printed.")
        if not tokens:
            self.refused += 1
        return tuple(str(one) for one in tokens)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def _question(ask: Ask) -> dict[str, Any]:
    at = datetime.fromtimestamp(ask.now, UTC).isoformat()
    return {"pan": ask.pan, "subclass": ask.subclass, "units": ask.units, "at": at}
