"""What a module says of itself: its status, its budgets with their forecast, its keys."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime

from keystore import limits
from keystore.clock import Clock
from keystore.heads import Heads
from keystore.keyring import KeyRing
from keystore.log import IssuanceLog
from keystore.module import Budget, LimitLine, Status

ROOM_WARNED = 1 << 30  # bytes
ROOM_KEPT = (
    64 << 20
)  # for cancels and acts; below it nothing new is issued, and the status says so before money moves
MOST_LINES = 64  # budgets, and keys, in one answer


@dataclass(frozen=True, slots=True)
class Identity:
    """What a module is, from its key file."""

    version: str
    all_test: bool
    quorum: int
    generation: int
    offsets: dict[str, int]  # of each supply group's clock, minutes east of UTC


def status(identity: Identity, log: IssuanceLog, ring: KeyRing, clock: Clock, heads: Heads) -> Status:
    now = clock.now()
    doubt, behind, state = clock.doubt(), heads.behind(), log.state
    budgets = open_budgets(log, now)[:MOST_LINES]
    told = tuple(w for b in budgets for w in b.warnings)
    if identity.quorum < 2:
        told = (*told, "One person approves alone here: this site chose a quorum of one at its ceremony.")
    told = (*told, *log.witnesses.warnings())
    room = log.room_left()
    if room < ROOM_WARNED:
        told = (
            *told,
            f"The disk of the issuance log has {room >> 20} MB left. Make room before the sale stops.",
        )
    return Status(
        version=identity.version,
        state="behind" if behind else "clock" if doubt else "full" if room < ROOM_KEPT else "ready",
        reason=behind or (doubt.sentence if doubt else full_sentence() if room < ROOM_KEPT else ""),
        log=log.name,
        public_key=b64encode(log.public_key).decode(),
        sequence=log.size,
        head=log.head,
        test=identity.all_test,
        simulated_clock=clock.simulated,
        now=datetime.fromtimestamp(now, UTC),
        quorum=identity.quorum,
        generation=identity.generation,
        budgets=budgets,
        keys=tuple(r.line(r.record_id in state.suspended) for r in list(ring.by_id.values())[:MOST_LINES]),
        warnings=told,
        limits=tuple(
            LimitLine(name, limit.units_a_day, limit.tokens_a_day)
            for name, limit in sorted(log.state.limits.items(), key=lambda row: row[1].units_a_day)
        )[:MOST_LINES],
        free_a_month=limits.FREE_A_MONTH,
    )


def open_budgets(log: IssuanceLog, now: float, sgc: str | None = None) -> tuple[Budget, ...]:
    """The budgets that are not over, of all supply groups or of one, with use, forecast and warnings."""
    accounts = [
        a for a in log.state.budgets.values() if not a.closed and a.ends > now and sgc in (None, a.sgc)
    ]
    accounts.sort(key=lambda a: (a.sgc, a.kind, a.ends))
    return tuple(budget(a, int(now)) for a in accounts)


def full_sentence() -> str:
    return f"Less than {ROOM_KEPT >> 20} MB are left on the disk of the issuance log. Make room there; nothing needs to be started anew."


def budget(account: limits.Account, now: int) -> Budget:
    return Budget(
        budget_id=account.budget_id,
        kind=account.kind,
        sgc=account.sgc,
        service=account.service,
        allotted=account.allotted,
        used=account.used if account.current == limits.period_name(account.period, now) else 0,
        left=account.left_at(now),
        period=account.period,
        starts=datetime.fromtimestamp(account.starts, UTC),
        expires=datetime.fromtimestamp(account.ends, UTC),
        lasts_until=limits.lasts_until(account, now),
        warnings=limits.warnings(account, now),
    )
