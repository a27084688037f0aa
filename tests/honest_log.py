"""The test's module with an issuance log whose public halves are made as the real one makes them: commitments and leaves."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace

from fakes import FakeModule

from keystore.module import CreditRequest, Issued, PublicEntry, Refused, Request
from vending.clock import FixedClock


class HonestLog(FakeModule):
    """`hidden` are numbers of entries that somebody took out of the log."""

    def __init__(self, clock: FixedClock) -> None:
        super().__init__()
        self._clock = clock
        self._lines: dict[int, str] = {}
        self.hidden: set[int] = set()

    def _one(self, request: Request) -> Issued | Refused:
        known = request.order_id in self.log
        answer = super()._one(request)
        if known or not isinstance(answer, Issued):
            return answer
        assert isinstance(request, CreditRequest), "only credit is sold here"
        salt = hashlib.sha256(b"salt" + request.order_id.encode()).digest()[:16]
        public = {
            "n": answer.sequence,
            "at": int(self._clock.now().timestamp() * 1000),
            "kind": "credit",
            "order": request.order_id,
            "sgc": request.meter.sgc,
            "sub": request.subclass,
            "units": request.units,
            "meter": _commitment(salt, "meter", request.meter.pan),
            "tokens": _commitment(salt, "tokens", ",".join(answer.tokens)),
            "content": _commitment(salt, "content", request.content_hash),
        }
        line = json.dumps(public, sort_keys=True, separators=(",", ":"))
        leaf = hashlib.sha256(b"\0" + line.encode()).hexdigest()
        self._lines[answer.sequence] = line
        honest = replace(answer, logged_at=self._clock.now(), salt=salt.hex(), leaf=leaf)
        self.log[request.order_id] = honest
        return honest

    def entries(self, first: int, limit: int) -> list[PublicEntry]:
        self._reach()
        return [
            PublicEntry(
                number,
                json.dumps({"n": number, "at": 0, "kind": "start"})
                if number in self.hidden
                else self._lines[number],
            )
            for number in range(first, min(first + limit, len(self._lines)))
        ]


def _commitment(salt: bytes, what: str, value: str) -> str:
    return hmac.digest(salt, f"{what}\n{value}".encode(), "sha256").hex()


def all_lines(module: HonestLog) -> Sequence[bytes]:
    return [entry.leaf_data.encode() for entry in module.entries(0, 1 << 40)]
