"""The one door to the keys: what may be asked of a security module, and what it answers.

This is the port. A caller asks for tokens and never for keys; it never chooses a token identifier and never
sets a clock. `keystore.client.SocketModule` is the implementation that the rest of the house uses;
`keystore.engine.Engine` is the module itself, and a certified module can stand behind the same words.

Not here: bytes on the socket (`messages.py`), what the module does (`engine.py`), the acts that approvers
sign (`acts.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from keystore.errors import KeystoreError, ModuleRefused, ModuleUnreachable, OutcomeUnknown

__all__ = [
    "MAX_REQUESTS",
    "ActSignature",
    "AlreadyIssued",
    "Approved",
    "Budget",
    "Cancelled",
    "Checkpoint",
    "CreditRequest",
    "Issued",
    "KeyChangeRequest",
    "KeyLine",
    "KeystoreError",
    "ManagementRequest",
    "MeterKeying",
    "ModuleRefused",
    "ModuleUnreachable",
    "OutcomeUnknown",
    "Proof",
    "PublicEntry",
    "Refused",
    "Request",
    "SecurityModule",
    "Status",
    "Verified",
]

MAX_REQUESTS = 64  # in one message; decisions.md D3


@dataclass(frozen=True, slots=True)
class MeterKeying:
    """Which meter, and under which key it decodes. Plain values, as estate keeps them; two-digit codes are text."""

    pan: str  # 18 digits
    ea: str  # "07" STA, "11" MISTY1
    tct: str  # token carrier: "01" card, "02" keypad, "07" virtual
    dkga: str  # "02" or "04"
    sgc: str  # 6 digits
    krn: int  # 1 to 9
    ti: str  # "00" to "99"
    key_type: int  # 0 DITK, 1 DDTK, 2 DUTK, 3 DCTK
    ken: int  # 0 to 255, as this meter was given it
    base_date: int  # 1993, 2014 or 2035


@dataclass(frozen=True, slots=True)
class CreditRequest:
    """One credit token. `units` is what the token's amount field can hold exactly (sts.amount.quantise)."""

    order_id: str
    meter: MeterKeying
    service: str  # electricity, water, gas, time
    subclass: int  # 0 to 3, the same service in the token
    units: int
    meter_class: str  # small, medium, large: whose daily limit applies
    content_hash: str  # of the canonical slip; 64 hex digits
    free: bool = False  # a free issue: needs `approval` and a count budget besides the unit budget
    approval: str | None = None  # the id of an approved act that names this request


@dataclass(frozen=True, slots=True)
class ManagementRequest:
    """One engineering token: power-limit (watts), clear-credit (register), clear-tamper (0), phase-unbalance-limit
    (watts), meter-test (control mask; needs no key, no approval and no budget)."""

    order_id: str
    meter: MeterKeying
    action: str
    value: int
    content_hash: str
    approval: str | None = None


@dataclass(frozen=True, slots=True)
class KeyChangeRequest:
    """A full set of key-change tokens, from the key that the meter has to the key `to`."""

    order_id: str
    meter: MeterKeying
    to: MeterKeying
    rollover: bool  # clear the meter's memory of used tokens; only to a key that it never held
    content_hash: str
    approval: str | None = None


Request = CreditRequest | ManagementRequest | KeyChangeRequest


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed entry of the issuance log, with the token that belongs to it."""

    order_id: str
    tokens: tuple[str, ...]
    tid: int | None  # minutes since the base date; None for key-change and meter-test tokens
    base_date: int
    units: int | None
    sequence: int
    logged_at: datetime
    salt: str  # 32 hex digits: opens the commitments of the leaf
    leaf: str  # 64 hex digits: the leaf hash
    signature: str  # base64, Ed25519 over the statement of this entry
    log: str  # the name of the log; the statement begins with it
    budget_left: int | None
    warnings: tuple[str, ...] = ()
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """One request that was not carried out; nothing changed for it."""

    order_id: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The order can never be issued any more; its tombstone is in the log."""

    order_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class AlreadyIssued:
    """Too late to cancel: the token exists, and `replay` gives it."""

    order_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class ActSignature:
    """One approver's signature over an act. The last two fields are for passkeys (base64url, as browsers give)."""

    approver: str
    signature: str  # base64url without padding
    authenticator_data: str | None = None
    client_data: str | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """The act is in the log. `act_id` is what a request names as its `approval`."""

    act_id: str
    sequence: int
    effect: str  # one sentence for the screen


@dataclass(frozen=True, slots=True)
class Budget:
    """What may still be issued. For counts, `service` is None and the figures are numbers of acts."""

    budget_id: str
    kind: str  # units, free, management, key-change
    sgc: str
    service: str | None
    allotted: int
    used: int
    left: int
    period: str  # once, day, month
    starts: datetime
    expires: datetime
    lasts_until: datetime | None  # at the pace of the last seven days; None: no pace known yet
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One vending key as people may know it."""

    record_id: str
    sgc: str
    krn: int
    key_type: int
    ken: int
    base_date: int
    dkga: str
    state: str
    kcv: str
    test: bool
    last_minute: datetime  # the last minute for which it can issue credit
    weak: str | None  # why the key is a red flag, e.g. 56-bit DES


@dataclass(frozen=True, slots=True)
class LimitLine:
    """What one meter of a class may get in a day of its supply group's time: tenths of a unit, and tokens."""

    meter_class: str
    units_a_day: int
    tokens_a_day: int


@dataclass(frozen=True, slots=True)
class Status:
    """Where the module stands."""

    version: str
    state: str  # locked, ready, behind (older than a witness), clock (doubtful), full (no room for the log)
    reason: str  # a sentence when the state is not ready
    log: str
    public_key: str  # base64, Ed25519: checks the signatures of entries and checkpoints
    sequence: int
    head: str  # leaf hash of the last entry, hex
    test: bool
    simulated_clock: bool
    now: datetime
    quorum: int
    generation: int
    budgets: tuple[Budget, ...] = ()
    keys: tuple[KeyLine, ...] = ()
    warnings: tuple[str, ...] = ()
    limits: tuple[LimitLine, ...] = ()
    free_a_month: int = 0  # free issues that one meter may have in a month


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed head of the log: a C2SP signed note, and its short form for paper."""

    note: str
    size: int
    root: str  # hex
    short: str  # size and the first 8 hex digits of the root, for cash-up slips


@dataclass(frozen=True, slots=True)
class Proof:
    """That entry `sequence` is in the log of `checkpoint`. `leaf_data` is the public half of the entry."""

    sequence: int
    leaf_data: str
    leaf: str
    path: tuple[str, ...]  # hex, RFC 6962 inclusion path from the leaf up
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class PublicEntry:
    """The public half of one entry, byte for byte as its leaf covers it: what `proof` shows of it, without the path."""

    sequence: int
    leaf_data: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a token says to the meter it was asked for."""

    ok: bool
    code: str
    sentence: str
    kind: str | None = None
    tid: int | None = None
    units: int | None = None


class SecurityModule(Protocol):
    """The port. Every implementation passes tests/contracts/test_security_module.py."""

    def issue(self, requests: Sequence[Request]) -> list[Issued | Refused]:
        """1 to 64 requests, each with its own answer, in order. The same order id again gives the same tokens."""

    def replay(self, order_ids: Sequence[str]) -> list[Issued | Refused]:
        """The tokens of orders that were issued, computed again."""

    def cancel(self, order_ids: Sequence[str]) -> list[Cancelled | AlreadyIssued | Refused]:
        """Decide the race: after `Cancelled` the order can never be issued."""

    def approve(self, act: str, signatures: Sequence[ActSignature]) -> Approved | Refused:
        """Hand in an act (keystore.acts) with its signatures."""

    def verify(self, meter: MeterKeying, token: str) -> Verified:
        """Decode one token for one meter. By role, and few times a minute."""

    def status(self) -> Status: ...

    def checkpoint(self) -> Checkpoint:
        """A head signed now."""

    def proof(self, sequence: int) -> Proof: ...

    def entries(self, first: int, limit: int) -> list[PublicEntry]:
        """The public halves from entry `first` on, 1 to 64 of them, for holding the log against the books. They name the
        order, and nobody; a seller may ask for each by `proof` as well."""

    def consistency(self, first: int, second: int) -> tuple[str, ...]:
        """RFC 6962 consistency path between two sizes, hex."""

    def present_head(self, note: str) -> Status:
        """Show the module a checkpoint it once signed. If it is ahead of its log, the module stops issuing."""
