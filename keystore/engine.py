"""What the module does with a message: plan, encipher, log, sync, and only then answer.

Calls arrive in groups (whatever waited while the last group was written). Each request is planned against the state
that the ones before it left, its token is made and checked in memory, and its entry staged; then one sync makes
all staged entries durable, and only after it is any answer built. So a token that somebody sees is in the log, and a
token that is not in the log was seen by nobody.

The token is enciphered before its entry is written, because the entry holds the token's commitment (decisions.md
D10). Not here: the socket and the roles (`server.py`), the guards (`planning.py`).
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from keystore import acts, approvals, entries, fold, limits, messages, minting, planning, powers, report
from keystore.approvals import Rejected
from keystore.clock import Clock
from keystore.entries import SALT_BYTES
from keystore.errors import LogFull, ModuleRefused
from keystore.heads import Heads
from keystore.keyring import KeyRing, TokenPulled
from keystore.log import IssuanceLog, Placed
from keystore.module import (
    MAX_REQUESTS,
    ActSignature,
    AlreadyIssued,
    Approved,
    Budget,
    Cancelled,
    Checkpoint,
    Issued,
    MeterKeying,
    Proof,
    PublicEntry,
    Refused,
    Request,
    Status,
    Verified,
)
from keystore.planning import Moment, No, Plan
from keystore.report import ROOM_KEPT, Identity
from keystore.state import private_digest
from sts import engine as token_engine
from sts.ciphers import Ciphers
from sts.errors import StsError

Json = dict[str, Any]
Answer = Callable[[], Any]

ISSUES = ("credit", "management", "key-change", "meter-test")
VERIFIES_A_MINUTE = 5
MAX_BUDGETS = 256  # in one answer


@dataclass(slots=True)
class Staged:
    """An entry on its way into the log."""

    public: Json
    private: Json
    placed: Placed | None = None


@dataclass(slots=True)
class Group:
    """The calls that share one sync."""

    staged: list[Staged] = field(default_factory=list)
    orders: dict[str, tuple[Staged, Answer]] = field(default_factory=dict)


class Engine:
    """The module when it is open. One thread calls it."""

    def __init__(
        self, identity: Identity, ring: KeyRing, log: IssuanceLog, clock: Clock, ciphers: Ciphers
    ) -> None:
        self.identity = identity
        self.ring = ring
        self.log = log
        self.clock = clock
        self.ciphers = ciphers
        self.heads = Heads(log)
        self._asked: dict[str, deque[float]] = {}

    # --- groups ---------------------------------------------------------------------------------------------------

    def issue(self, group: Group, requests: Sequence[Request | Refused]) -> Answer:
        """Each request for itself; one that was refused already (it could not be read) keeps its place."""
        self.require_ready()
        self.require_room(requests)
        answers = [self._issue_one(group, request) for request in requests]
        return lambda: [answer() for answer in answers]

    def cancel(self, group: Group, order_ids: Sequence[str]) -> Answer:
        self._require_not_behind()
        answers = [self._cancel_one(group, order_id) for order_id in order_ids]
        return lambda: [answer() for answer in answers]

    def approve(self, group: Group, act: str, signatures: Sequence[ActSignature]) -> Answer:
        state, now = self.log.state, self.clock.now()
        doubt = self.clock.doubt()
        try:
            checked = approvals.check(act, signatures, state.approvers, now, module=self.log.name)
            public, sentence = powers.examine(
                state, checked, self._surroundings(now, doubt.signatures if doubt else "")
            )
        except Rejected as rejected:
            refused = Refused(acts.act_id(act), rejected.code, rejected.sentence)
            return lambda: refused
        public |= {
            "kind": "act",
            "act": checked.name,
            "act_id": checked.act_id,
            "approvers": list(checked.approvers),
            "at": int(now * 1000) if checked.name == "confirm-clock" else self._at_least_last(now),
        }
        private = {
            "act": act,
            "signatures": [
                [s.approver, s.signature, s.authenticator_data, s.client_data] for s in signatures
            ],
        }
        staged = self._stage(group, public, private)
        if checked.name == "confirm-clock":
            self.clock.confirm()

        def answer() -> Approved:
            assert staged.placed is not None
            return Approved(checked.act_id, staged.placed.sequence, sentence)

        return answer

    def start(self, group: Group, key_file_mac: str) -> None:
        """The first entry of every run: with which generation of the key file, and under which clock."""
        self._stage(
            group,
            {
                "kind": "start",
                "at": self._at_least_last(self.clock.now()),
                "gen": self.identity.generation,
                "version": self.identity.version,
                "key_file": key_file_mac[:16],
            },
            {},
        )

    def note_ceremony(self, digest: str) -> None:
        """The hash of a ceremony's record becomes an entry."""
        group = Group()
        self._stage(
            group, {"kind": "ceremony", "at": self._at_least_last(self.clock.now()), "record": digest}, {}
        )
        self.commit(group)

    def commit(self, group: Group, meanwhile: Callable[[], None] | None = None) -> None:
        """One sync for everything that was staged. After `LogFull` the group left no trace.

        `meanwhile` may work out answers while the disk works; they are given to nobody before this call has returned.
        """

        def place(places: list[Placed]) -> None:
            for staged, found in zip(group.staged, places, strict=True):
                staged.placed = found
            if meanwhile is not None:
                meanwhile()

        if not group.staged:
            place([])
            return
        try:
            self.log.commit([(s.public, s.private) for s in group.staged], place)
        except LogFull:
            self.log.reload()
            raise
        self.clock.logged(group.staged[-1].public["at"] / 1000)

    def apply(self, public: Json, private: Json) -> None:
        """Let the state follow an entry that is about to be written."""
        if self.clock.simulated:
            public["sim"] = True
        fold.apply(self.log.state, public, private)

    def _stage(self, group: Group, public: Json, private: Json) -> Staged:
        self.apply(public, private)
        staged = Staged(public, private)
        group.staged.append(staged)
        return staged

    # --- one request ----------------------------------------------------------------------------------------------

    def _issue_one(self, group: Group, request: Request | Refused) -> Answer:
        if isinstance(request, Refused):
            return lambda: request
        known = group.orders.get(request.order_id)
        if known is not None:
            return self._again_in_group(request, *known)
        try:
            planning.check_order_id(request.order_id)
        except No as no:
            return _refuse(request.order_id, no.code, no.sentence)
        if self.log.knows(request.order_id):
            return lambda: self.again(request)
        moment = Moment(self.clock.now(), self.identity.offsets)
        plan = planning.plan(request, self.log.state, self.ring, moment)
        if isinstance(plan, Refused):
            return lambda: plan
        if "tid" in plan.public:
            plan.private["rnd"] = os.urandom(1)[0] & 15
        try:
            tokens = minting.mint(plan.public, plan.private, self.ring, self.ciphers)
        except StsError as error:
            return _refuse(request.order_id, error.code.replace("_", "-"), error.sentence)
        except TokenPulled as gone:  # refused alone: what was staged before it in this message goes on
            return _refuse(request.order_id, gone.code, gone.sentence)
        return self._stage_tokens(group, request, plan, tokens)

    def _stage_tokens(self, group: Group, request: Request, plan: Plan, tokens: tuple[str, ...]) -> Answer:
        salt = os.urandom(SALT_BYTES)
        plan.private["salt"] = salt.hex()
        committed = entries.commitments(salt, request.meter.pan, tokens, request.content_hash)
        plan.public |= committed
        staged = self._stage(group, plan.public, plan.private)
        left, warnings = self._left(plan)

        def answer() -> Issued:
            assert staged.placed is not None
            return self._issued(staged.public, staged.private, tokens, staged.placed, left, warnings, False)

        group.orders[request.order_id] = (staged, answer)
        return answer

    def _left(self, plan: Plan) -> tuple[int | None, tuple[str, ...]]:
        if plan.account is None:
            return None, ()
        now = plan.public["at"] // 1000
        return plan.account.left_at(now), limits.warnings(plan.account, now)

    def _issued(
        self,
        public: Json,
        private: Json,
        tokens: tuple[str, ...],
        placed: Placed,
        left: int | None,
        warnings: tuple[str, ...],
        replayed: bool,
    ) -> Issued:
        said = entries.statement(self.log.name, placed.sequence, placed.leaf, public)
        return Issued(
            order_id=public["order"],
            tokens=tokens,
            tid=public.get("tid"),
            base_date=private["request"]["meter"]["base_date"],
            units=public.get("units"),
            sequence=placed.sequence,
            logged_at=_moment(public["at"]),
            salt=private["salt"],
            leaf=placed.leaf,
            signature=b64encode(self.log.signing_key.sign(said)).decode(),
            log=self.log.name,
            budget_left=left,
            warnings=warnings,
            replayed=replayed,
        )

    def _again_in_group(self, request: Request, staged: Staged, answer: Answer) -> Answer:
        if staged.public["kind"] == "cancel":
            return _refuse(request.order_id, "order-cancelled", _CANCELLED)
        if not _same(request, staged.private["request"]):
            return _refuse(request.order_id, "order-id-reused", _REUSED)
        return answer

    def again(self, request: Request) -> Issued | Refused:
        """A known order: the same content gives the same token, for ever."""
        entry = self.log.find(request.order_id)
        assert entry is not None
        if entry.public["kind"] == "cancel":
            return Refused(request.order_id, "order-cancelled", _CANCELLED)
        if not _same(request, entry.private["request"]):
            return Refused(request.order_id, "order-id-reused", _REUSED)
        return self._replayed(request.order_id)

    def replay(self, order_ids: Sequence[str]) -> list[Issued | Refused]:
        return [self._replayed(order_id) for order_id in order_ids]

    def _replayed(self, order_id: str) -> Issued | Refused:
        entry = self.log.find(order_id) if self.log.knows(order_id) else None
        if entry is None:
            return Refused(order_id, "order-unknown", "The module has no order with this id. Issue it.")
        if entry.public["kind"] == "cancel":
            return Refused(order_id, "order-cancelled", _CANCELLED)
        record = self.ring.by_id.get(entry.private.get("record", ""))
        if record is None and entry.public["kind"] != "meter-test":
            return Refused(
                order_id, "key-unknown", "The vending key of this token is no longer in the key file."
            )
        if record is not None and record.state == "destroyed":
            return Refused(order_id, "key-destroyed", "The vending key of this token was destroyed.")
        try:
            tokens = minting.mint(entry.public, entry.private, self.ring, self.ciphers)
        except TokenPulled as gone:
            return Refused(order_id, gone.code, gone.sentence)
        salt = bytes.fromhex(entry.private["salt"])
        committed = entries.commitment(salt, "tokens", ",".join(tokens))
        assert committed == entry.public["tokens"], "a replayed token differs from the one that was logged"
        placed = Placed(entry.sequence, entry.leaf.hex())
        return self._issued(entry.public, entry.private, tokens, placed, None, (), True)

    def _cancel_one(self, group: Group, order_id: str) -> Answer:
        try:
            planning.check_order_id(order_id)
        except No as no:
            return _refuse(order_id, no.code, no.sentence)
        known = group.orders.get(order_id)
        if known is not None:
            return lambda: _fate(order_id, known[0].public["kind"], known[0].placed)
        if self.log.knows(order_id):
            entry = self.log.find(order_id)
            assert entry is not None
            placed = Placed(entry.sequence, entry.leaf.hex())
            return lambda: _fate(order_id, entry.public["kind"], placed)
        at = self._at_least_last(self.clock.now())
        try:
            planning.check_unpaid("cancel", self.log.state, at // 1000)
        except No as no:
            return _refuse(order_id, no.code, no.sentence)
        public = {"kind": "cancel", "order": order_id, "at": at}
        staged = self._stage(group, public, {})

        def answer() -> Cancelled | AlreadyIssued:
            return _fate(order_id, "cancel", staged.placed)

        group.orders[order_id] = (staged, answer)
        return answer

    # --- reading --------------------------------------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        return self.log.checkpoint()

    def proof(self, sequence: int) -> Proof:
        if not 0 <= sequence < self.log.size:
            raise ModuleRefused(
                f"The log has no entry {sequence}; it has {self.log.size}.", code="no-such-entry"
            )
        return self.log.proof(sequence)

    def entries(self, first: int, limit: int) -> list[PublicEntry]:
        """What lies beyond the end is an empty answer: the end of a log is no fault of who reads it."""
        return self.log.public_entries(first, min(first + min(limit, MAX_REQUESTS), self.log.size))

    def consistency(self, first: int, second: int) -> list[str]:
        if not 0 < first <= second <= self.log.size:
            raise ModuleRefused("Give two sizes of the log, the smaller one first.", code="no-such-entry")
        return [h.hex() for h in self.log.tree.consistency(first, second)]

    def verify(self, meter: MeterKeying, token: str) -> Verified:
        """What a token says to a meter: for a few looks a minute, so that nobody can try tokens out."""
        now = self.clock.now()
        asked = self._asked.setdefault(meter.pan, deque())
        while asked and asked[0] <= now - 60:
            asked.popleft()
        if len(asked) >= VERIFIES_A_MINUTE:
            raise ModuleRefused(
                "Five tokens a minute and meter are looked at. Wait a minute.", code="too-many-looks"
            )
        asked.append(now)
        if len(self._asked) > 10_000:
            self._asked = {pan: times for pan, times in self._asked.items() if times and times[-1] > now - 60}
        record = self.ring.find(meter)
        if record is None:
            return Verified(False, "key-unknown", "The module holds no vending key for this meter.")
        try:
            key = self.ring.decoder_key(record.record_id, meter)
            found = token_engine.read("".join(token.split()), key, ciphers=self.ciphers)
        except StsError as error:
            return Verified(False, error.code.replace("_", "-"), error.sentence)
        number = getattr(found, "tid", None)
        return Verified(
            True,
            "genuine",
            f"This is a {found.name} token for this meter and key.",
            found.name,
            number,
            getattr(found, "units", None),
        )

    def present_head(self, note: str) -> None:
        """Somebody shows a head that this log signed. A longer or another log than ours stops the sale."""
        self.heads.present(note)

    def keep_house(self) -> None:
        """What is due between groups, when no answer waits."""
        self.heads.listen()
        self.log.keep_house()

    def _require_not_behind(self) -> None:
        reason = self.heads.behind()
        if reason is not None:
            raise ModuleRefused(reason, code="log-behind")

    def require_room(self, requests: Sequence[Request | Refused]) -> None:
        """New tokens stop before the disk is full: cancels, acts and the tokens of known orders go on."""
        if self.log.room_left() < ROOM_KEPT and not all(self.log.knows(r.order_id) for r in requests):
            raise LogFull(
                f"Less than {ROOM_KEPT >> 20} MB are left on the disk of the issuance log. Nothing was issued; make room "
                "and repeat the sale. The rest is kept for cancels and approvals."
            )

    def require_ready(self) -> None:
        self._require_not_behind()
        doubt = self.clock.doubt()
        if doubt is not None:
            raise ModuleRefused(doubt.sentence, code="clock-doubtful")

    def status(self) -> Status:
        return report.status(self.identity, self.log, self.ring, self.clock, self.heads)

    def budgets(self, sgc: str) -> list[Budget]:
        found = report.open_budgets(self.log, self.clock.now(), sgc)
        return list(found[:MAX_BUDGETS])

    def _surroundings(self, now: float, clock_needs: str) -> powers.Surroundings:
        return powers.Surroundings(
            log=self.log.name,
            public_key=self.log.public_key,
            quorum=self.identity.quorum,
            now=now,
            minute=Moment(now, {}).minute(""),
            clock_needs=clock_needs,
            records=set(self.ring.by_id),
        )

    def _at_least_last(self, now: float) -> int:
        """The time of an entry that is not a sale. A doubted clock leaves no trace, or it would vouch for itself."""
        last = self.log.state.last_at
        if last and self.clock.doubt() is not None:
            return last
        return max(int(now * 1000), last)


_REUSED = "This order id was used for another request. Nothing was issued; a new sale needs a new order id."
_CANCELLED = "This order was cancelled and can never be issued. A new sale needs a new order id."


def _refuse(order_id: str, code: str, sentence: str) -> Answer:
    refused = Refused(order_id, code, sentence)
    return lambda: refused


def _same(request: Request, logged: Json) -> bool:
    return private_digest(messages.request_out(request)) == private_digest(logged)


def _fate(order_id: str, kind: str, placed: Placed | None) -> Cancelled | AlreadyIssued:
    assert placed is not None
    if kind in ISSUES:
        return AlreadyIssued(order_id, placed.sequence)
    return Cancelled(order_id, placed.sequence)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
