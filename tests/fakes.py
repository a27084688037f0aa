"""A security module that lives in the test: same port, no keys. It gives made-up digits, remembers what it was asked, and
can be told to be away, to lose its answer, or to refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from keystore.errors import ModuleUnreachable, OutcomeUnknown
from keystore.module import (
    AlreadyIssued,
    Budget,
    Cancelled,
    Checkpoint,
    Issued,
    LimitLine,
    Proof,
    PublicEntry,
    Refused,
    Request,
    Status,
)


class FakeModule:
    def __init__(self) -> None:
        self.log: dict[str, Issued | Cancelled] = {}
        self.asked: dict[str, Request] = {}
        self.away = False
        self.away_for_issue = False
        self.lose_answer = False
        self.refuse: dict[str, Refused] = {}
        self.minute = 6_900_000
        self.messages = 0
        self.budgets: tuple[Budget, ...] = ()
        self.acts: list[tuple[str, dict[str, Any]]] = []
        self.behind = ""
        self.limits = (LimitLine("small", 20_000, 20), LimitLine("large", 2_000_000, 20))

    def issue(self, requests: Sequence[Request]) -> list[Issued | Refused]:
        self._reach()
        if self.away_for_issue:
            raise ModuleUnreachable("The security module does not answer.")
        answers = [self._one(request) for request in requests]
        if self.lose_answer:
            raise OutcomeUnknown("No answer came.")
        return answers

    def _one(self, request: Request) -> Issued | Refused:
        order = request.order_id
        if order in self.refuse:
            return self.refuse[order]
        known = self.log.get(order)
        if isinstance(known, Cancelled):
            return Refused(order, "order-cancelled", "The order was cancelled.")
        if known is not None:
            if self.asked[order] != request:
                return Refused(order, "order-reused", "The order id was used with other content.")
            return known
        self.minute += 1
        digits = str(int.from_bytes(hashlib.sha256(order.encode()).digest()[:8], "big")).zfill(20)[:20]
        issued = Issued(
            order_id=order,
            tokens=(digits,),
            tid=self.minute,
            base_date=2014,
            units=getattr(request, "units", None),
            sequence=len(self.log),
            logged_at=datetime(2026, 11, 20, 8, 42, tzinfo=UTC),
            salt="00" * 16,
            leaf=hashlib.sha256(order.encode()).hexdigest(),
            signature=base64.b64encode(hashlib.sha512(order.encode()).digest()).decode(),
            log="ampoule/test",
            budget_left=1000,
        )
        self.log[order] = issued
        self.asked[order] = request
        return issued

    def replay(self, order_ids: Sequence[str]) -> list[Issued | Refused]:
        self._reach()
        found: list[Issued | Refused] = []
        for order in order_ids:
            known = self.log.get(order)
            found.append(
                known if isinstance(known, Issued) else Refused(order, "order-unknown", "Not issued.")
            )
        return found

    def cancel(self, order_ids: Sequence[str]) -> list[Cancelled | AlreadyIssued | Refused]:
        self._reach()
        answers: list[Cancelled | AlreadyIssued | Refused] = []
        for order in order_ids:
            known = self.log.get(order)
            if isinstance(known, Issued):
                answers.append(AlreadyIssued(order, known.sequence))
            else:
                tombstone = known or Cancelled(order, len(self.log) + 1)
                self.log[order] = tombstone
                answers.append(tombstone)
        return answers

    def proof(self, sequence: int) -> Proof:
        self._reach()
        return Proof(sequence, "{}", "00" * 32, (), self.checkpoint())

    def entries(self, first: int, limit: int) -> list[PublicEntry]:
        """Its log as it would be read: what was issued and cancelled, and whatever a test adds to `acts`."""
        self._reach()
        found = []
        for number, (order, answer) in enumerate(
            [*self.log.items(), *self.acts][first : first + limit], first
        ):
            public = {"n": number, "at": 1_795_000_000_000, "kind": "cancel", "order": order}
            if isinstance(answer, Issued):
                pan = self.asked[order].meter.pan
                public |= {
                    "kind": "credit",
                    "tokens": "00",
                    "units": answer.units,
                    "meter": hmac.digest(bytes(16), f"meter\n{pan}".encode(), "sha256").hex(),
                }
            elif isinstance(answer, dict):
                public = {"n": number, "kind": "act", **answer}
            found.append(PublicEntry(number, json.dumps(public)))
        return found

    def checkpoint(self) -> Checkpoint:
        self._reach()
        return Checkpoint(f"head of {self.size}", self.size, "00" * 32, f"{self.size} 00000000")

    def present_head(self, note: str) -> Any:
        """Like the module: a head that its log does not reach makes it `behind`."""
        if int(note.rpartition(" ")[2]) > self.size:
            self.behind = "The log here is an older copy."
        return self.status()

    @property
    def size(self) -> int:
        return len(self.log) + len(self.acts)

    def status(self) -> Any:
        self._reach()
        return Status(
            version="0", state="behind" if self.behind else "ready", reason=self.behind, log="ampoule/test",
            public_key="", sequence=self.size, head="",
            test=True, simulated_clock=False, now=datetime(2026, 11, 20, 8, 42, tzinfo=UTC), quorum=2, generation=1,
            budgets=self.budgets,
            limits=self.limits, free_a_month=2,
        )  # fmt: skip

    def _reach(self) -> None:
        self.messages += 1
        if self.away:
            raise ModuleUnreachable("The security module does not answer.")
