"""What doctor sees of printers: the print agents of the tills, as they told the server, and the papers that wait.

A till whose browser prints is not seen from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from vending.condition import OK, WARN, Finding
from vending.db import Database
from vending.estate import queries as estate
from vending.receipts import print_queue
from vending.receipts.print_queue import AgentView, JobView

LONG_WAIT = timedelta(minutes=10)


def of_printers(db: Database, now: datetime) -> list[Finding]:
    found: list[Finding] = []
    try:
        with db.reading() as session:
            for site in estate.list_sites(session):
                agents = print_queue.list_agents(session, site.key)
                found += [_of_agent(one, now) for one in agents]
                found += _of_papers(print_queue.list_jobs(session, site.key), now)
    except sa.exc.SQLAlchemyError:
        return [Finding("printers", WARN, "What the tills' print agents said cannot be read.")]
    if not found:
        return [
            Finding("printers", OK, "No till has a print agent: papers are printed by the tills' browsers.")
        ]
    return [one for one in found if one.state != OK] or found


def _of_agent(agent: AgentView, now: datetime) -> Finding:
    if agent.is_silent(now):
        since = f"is silent since {agent.seen_at:%Y-%m-%d %H:%M} UTC" if agent.seen_at else "never called"
        return Finding(
            "printers",
            WARN,
            f"The print agent of till {agent.till} {since}.",
            "Start `ampoule print-agent` on that till's PC; its papers wait. A till without one: end its pairing on the page Printers.",
        )
    if agent.trouble:
        return Finding(
            "printers",
            WARN,
            f"Till {agent.till}: {agent.trouble}",
            "Its papers wait and come out by themselves.",
        )
    return Finding("printers", OK, f"The print agent of till {agent.till} calls, {agent.roll} mm.")


def _of_papers(jobs: list[JobView], now: datetime) -> Iterator[Finding]:
    unsure = [one.till for one in jobs if one.state == "unsure"]
    if unsure:
        yield Finding(
            "printers",
            WARN,
            f"{len(unsure)} papers stopped in the printer and wait for a person's word, at {_tills(unsure)}.",
            "The page Printers asks whether each came out; only a person's no prints it again.",
        )
    late = [one.till for one in jobs if one.state == "waiting" and now - one.asked_at > LONG_WAIT]
    if late:
        yield Finding(
            "printers",
            WARN,
            f"{len(late)} papers wait for longer than ten minutes, at {_tills(late)}.",
            "Look at that printer and at its agent; papers that nobody needs are dropped on the page Printers.",
        )


def _tills(tills: list[str]) -> str:
    return "till " + ", ".join(sorted(set(tills)))
