"""Papers on their way to the printer of a till: each is printed once, and what nobody can know is asked and not guessed.

An agent on the till's PC (`vending/print_agent.py`) fetches them one after another, because the printer hangs there and not
on the server (rules.md 24). *waiting*: nobody has it. *fetched*: the agent has it and has not said how it went; asked again
it gets the same paper, and its own journal knows whether that was printed already. *printed*: it said so. *unsure*: bytes
went out and the printer stopped, or the PC did; a person looks at the paper and says whether it came out, and only then
it waits again, in a new round. So a jam loses nothing and doubles nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit
from vending.access.policy import Actor
from vending.clock import Clock
from vending.db import Database
from vending.errors import InvalidInput, NotAllowed, NotFound
from vending.receipts import service, thermal
from vending.receipts.roll import ROLLS, RULE, Block
from vending.receipts.tables import PrintAgent, PrintJob
from vending.receipts.writing import Writing
from vending.vends.queries import one_sale

OPEN = ("waiting", "fetched", "unsure")
SILENT_AFTER = timedelta(seconds=60)
SEEN_EACH = timedelta(
    seconds=15
)  # an agent asks every second, and a row is not written for each of its questions


class AgentUnknown(NotAllowed):
    code = "agent_unknown"


class TillHasAgent(InvalidInput):
    code = "till_has_agent"


class PrintJobGone(NotFound):
    code = "print_job_gone"


@dataclass(frozen=True, slots=True)
class AgentView:
    key: str
    site_key: str
    till: str
    roll: str
    paired_at: datetime
    seen_at: datetime | None
    trouble: str

    def is_silent(self, now: datetime) -> bool:
        return self.seen_at is None or now - self.seen_at > SILENT_AFTER


@dataclass(frozen=True, slots=True)
class JobView:
    key: str
    site_key: str
    till: str
    sale_key: str | None
    paper: str  # what people call a paper that is no receipt
    writing: dict[str, Any]
    copy_number: int
    kick: bool
    round: int
    state: str
    asked_at: datetime
    changed_at: datetime

    @property
    def name(self) -> str:
        """What the agent writes into its journal: a paper that is to be printed once more has another name."""
        return f"{self.key}.{self.round}"


# --- agents -----------------------------------------------------------------------------------------------------------


def pair(db: Database, clock: Clock, actor: Actor, *, site: str, till: str, roll: str) -> tuple[str, str]:
    """The agent's key, and its secret, which is told this once."""
    if roll not in ROLLS:
        raise InvalidInput(f"A roll is one of {', '.join(ROLLS)} mm wide.", "roll")
    key, secret = str(uuid.uuid4()), f"print_{secrets.token_urlsafe(32)}"
    with db.writing() as session:
        if find_agent(session, site, till) is not None:
            raise TillHasAgent(
                f"Till {till} has a print agent. End that one first, so that no paper is fetched by two.",
                "till",
            )
        session.add(
            PrintAgent(
                key=key, site_key=site, till=till, roll=roll, secret_hash=_hash(secret), paired_by=actor.name,
                paired_at=clock.now(),
            )
        )  # fmt: skip
        audit.record(
            session, clock, actor=actor, act="printer.paired", subject=f"till:{till}", detail={"agent": key}
        )
    return key, secret


def end(db: Database, clock: Clock, actor: Actor, key: str) -> None:
    """Its secret opens nothing any more; what it had fetched is unsure."""
    with db.writing() as session:
        row = session.scalars(
            sa.select(PrintAgent).where(PrintAgent.key == key, PrintAgent.ended_at.is_(None))
        ).one_or_none()
        if row is None:
            raise PrintJobGone("There is no such print agent, or it was ended already.")
        row.ended_at = clock.now()
        session.execute(
            sa.update(PrintJob)
            .where(PrintJob.site_key == row.site_key, PrintJob.till == row.till, PrintJob.state == "fetched")
            .values(state="unsure", changed_at=clock.now())
        )
        audit.record(
            session,
            clock,
            actor=actor,
            act="printer.ended",
            subject=f"till:{row.till}",
            detail={"agent": key},
        )


def agent_of(session: Session, secret: str) -> AgentView:
    row = session.scalars(
        sa.select(PrintAgent).where(PrintAgent.secret_hash == _hash(secret), PrintAgent.ended_at.is_(None))
    ).one_or_none()
    if row is None:
        raise AgentUnknown(
            "This print agent is not paired, or was ended. Pair it again on the page of printers."
        )
    return _agent(row)


def find_agent(session: Session, site: str, till: str) -> AgentView | None:
    row = session.scalars(
        sa.select(PrintAgent).where(
            PrintAgent.site_key == site, PrintAgent.till == till, PrintAgent.ended_at.is_(None)
        )
    ).one_or_none()
    return _agent(row) if row is not None else None


def tills_with_agent(session: Session) -> set[tuple[str, str]]:
    """Every till whose PC prints, with its site."""
    rows = session.execute(
        sa.select(PrintAgent.site_key, PrintAgent.till).where(PrintAgent.ended_at.is_(None))
    )
    return {(row.site_key, row.till) for row in rows}


def list_agents(session: Session, site: str) -> list[AgentView]:
    rows = session.scalars(
        sa.select(PrintAgent)
        .where(PrintAgent.site_key == site, PrintAgent.ended_at.is_(None))
        .order_by(PrintAgent.till)
    )
    return [_agent(row) for row in rows]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


# --- papers -----------------------------------------------------------------------------------------------------------


def ask_receipt(session: Session, clock: Clock, sale_key: str, *, copy: int, kick: bool) -> bool:
    """A receipt or a copy of it for the till that sold. False where that till has no agent, or it was asked for before."""
    sale = one_sale(session, sale_key)
    if find_agent(session, sale.site_key, sale.till) is None:
        return False
    row = PrintJob(key=f"{sale_key}/{copy}", site_key=sale.site_key, till=sale.till, sale_key=sale_key, copy_number=copy, kick=int(kick))  # fmt: skip
    return _ask(session, clock, row)


def ask_writing(session: Session, clock: Clock, site: str, till: str, writing: Writing, *, once: str) -> bool:
    """A paper of a shift, a bag or an act, as it reads now: what is printed once more after a jam says the same.

    `once` names the asking, so that a form that is sent twice is one paper. False where the till has no agent.
    """
    if find_agent(session, site, till) is None:
        return False
    row = PrintJob(
        key=f"paper/{once}", site_key=site, till=till, copy_number=0, kick=0,
        name=f"{writing.title} {writing.number}".strip(),
        writing={"rtl": writing.rtl, "blocks": [asdict(block) for block in writing.blocks]},
    )  # fmt: skip
    _ask(session, clock, row)
    return True


def ask_test_page(session: Session, clock: Clock, site: str, till: str) -> None:
    row = PrintJob(key=f"test/{uuid.uuid4()}", site_key=site, till=till, copy_number=0, kick=0)
    _ask(session, clock, row)


def _ask(session: Session, clock: Clock, row: PrintJob) -> bool:
    if session.scalar(sa.select(PrintJob.id).where(PrintJob.key == row.key)) is not None:
        return False
    row.asked_at = row.changed_at = clock.now()
    session.add(row)
    return True


def fetch(db: Database, clock: Clock, agent: AgentView, *, trouble: str = "") -> JobView | None:
    """The oldest paper of the till, the one that it had fetched before first. `trouble`: what its printer says now."""
    now, trouble = clock.now(), trouble[:300]
    next_paper = (
        sa.select(PrintJob)
        .where(
            PrintJob.site_key == agent.site_key,
            PrintJob.till == agent.till,
            PrintJob.state.in_(("waiting", "fetched")),
        )
        .order_by(sa.case((PrintJob.state == "fetched", 0), else_=1), PrintJob.id)
        .limit(1)
    )
    with db.reading() as session:
        known = agent.seen_at is not None and now - agent.seen_at < SEEN_EACH and trouble == agent.trouble
        if known and session.scalars(next_paper).one_or_none() is None:
            return None
    with db.writing() as session:
        session.execute(
            sa.update(PrintAgent).where(PrintAgent.key == agent.key).values(seen_at=now, trouble=trouble)
        )
        row = session.scalars(next_paper).one_or_none()
        if row is None:
            return None
        row.state, row.changed_at = "fetched", now
        return _job(row)


def data_of(db: Database, clock: Clock, job: JobView, agent: AgentView, *, test: bool) -> bytes:
    """The printer's bytes of a paper."""
    if job.writing:
        blocks = [Block(**told) for told in job.writing["blocks"]]
        return thermal.printed(blocks, agent.roll, rtl=bool(job.writing["rtl"]))
    if job.sale_key is None:
        return thermal.printed(_test_page(agent), agent.roll, rtl=False)
    paper = service.paper(db, clock, job.sale_key, test=test, copy=job.copy_number)
    # A paper of a later round does not open the drawer a second time.
    return thermal.render(paper, agent.roll, kick=job.kick and job.round == 0)


def _test_page(agent: AgentView) -> list[Block]:
    return [
        Block("text", f"Till {agent.till}", size="large", bold=True, center=True),
        RULE,
        Block("text", "Printer test"),
        Block("pair", "Left edge", "right edge"),
        Block("digits", "01234567890123456789"),
        Block("text", "Grüße, café, 打印机测试, اختبار الطابعة"),
        Block("barcode", f"TEST-{agent.till}"),
        Block("square", "HTTPS://EXAMPLE.COM/PRINTER-TEST"),
        RULE,
        Block("text", "If both edges are whole and the square scans, the roll's width is right."),
    ]


def settle(db: Database, clock: Clock, agent: AgentView, name: str, outcome: str) -> None:
    """How it went, as the agent says; said twice it is said once, and a paper of an older round is left alone."""
    if outcome not in ("printed", "unsure"):
        raise InvalidInput("An outcome is printed or unsure.", "outcome")
    key, _dot, number = name.rpartition(".")
    with db.writing() as session:
        session.execute(
            sa.update(PrintJob)
            .where(
                PrintJob.key == key,
                PrintJob.round
                == (int(number) if number.isascii() and number.isdigit() and len(number) < 10 else -1),
                PrintJob.site_key == agent.site_key,
                PrintJob.till == agent.till,
                PrintJob.state.in_(("fetched", "unsure") if outcome == "printed" else ("fetched",)),
            )
            .values(state=outcome, changed_at=clock.now())
        )


def decide(db: Database, clock: Clock, actor: Actor, key: str, *, site: str, came_out: bool) -> None:
    """Somebody looked at the paper of a job that is unsure. What did not come out is printed once more."""
    with db.writing() as session:
        done = session.execute(
            sa.update(PrintJob)
            .where(PrintJob.key == key, PrintJob.site_key == site, PrintJob.state == "unsure")
            .values(
                state="printed" if came_out else "waiting",
                round=PrintJob.round + (0 if came_out else 1),
                changed_at=clock.now(),
            )
            .returning(PrintJob.till)
        ).scalar_one_or_none()
        if done is None:
            raise PrintJobGone("This paper waits for nobody's word any more. Look at the list again.")
        audit.record(
            session, clock, actor=actor, act="printer.decided", subject=f"print:{key}",
            detail={"till": done, "came_out": came_out},
        )  # fmt: skip


def drop(db: Database, clock: Clock, actor: Actor, key: str, *, site: str) -> None:
    """A paper that nobody wants any more. One that the agent has fetched may come out."""
    with db.writing() as session:
        done = session.execute(
            sa.update(PrintJob)
            .where(PrintJob.key == key, PrintJob.site_key == site, PrintJob.state.in_(("waiting", "unsure")))
            .values(state="dropped", changed_at=clock.now())
            .returning(PrintJob.till)
        ).scalar_one_or_none()
        if done is None:
            raise PrintJobGone("This paper is printed, or being printed now. Look at the list again.")
        audit.record(
            session, clock, actor=actor, act="printer.dropped", subject=f"print:{key}", detail={"till": done}
        )


def list_jobs(
    session: Session, site: str, *, states: tuple[str, ...] = OPEN, most: int = 100
) -> list[JobView]:
    rows = session.scalars(
        sa.select(PrintJob)
        .where(PrintJob.site_key == site, PrintJob.state.in_(states))
        .order_by(PrintJob.id.desc())
        .limit(most)
    )
    return [_job(row) for row in rows]


def _agent(row: PrintAgent) -> AgentView:
    return AgentView(row.key, row.site_key, row.till, row.roll, row.paired_at, row.seen_at, row.trouble)


def _job(row: PrintJob) -> JobView:
    return JobView(
        row.key, row.site_key, row.till, row.sale_key, row.name, row.writing, row.copy_number, bool(row.kick),
        row.round, row.state, row.asked_at, row.changed_at,
    )  # fmt: skip
