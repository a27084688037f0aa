"""What every job queue promises: at least once, never twice at the same time, later and later, and a dead letter at the end.

The same suite runs against the queue of SQLite and that of PostgreSQL. Several workers are several queues: threads of one
process for the first, connections of their own for the second, which is what workers in other processes have.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa

from vending import jobs, outbox
from vending.access.policy import SYSTEM
from vending.clock import FixedClock
from vending.db import Database
from vending.jobs import JobNotDead, JobQueue, SharedQueue, ThreadQueue
from vending.outbox import OutboxMessage

Worker = Callable[[], JobQueue]


@pytest.fixture
def worker(database: Database, clock: FixedClock) -> Iterator[Worker]:
    opened: list[JobQueue] = []

    def open_one() -> JobQueue:
        opened.append(jobs.open_queue(database, clock))
        return opened[-1]

    yield open_one
    for queue in opened:
        queue.close()


def put(db: Database, clock: FixedClock, *names: str, after: timedelta | None = None) -> None:
    with db.writing() as session:
        for name in names:
            outbox.emit(session, clock, name, {"sale": name}, after=after)


def test_each_engine_has_its_queue(database: Database, worker: Worker) -> None:
    assert isinstance(worker(), ThreadQueue if database.dialect == "sqlite" else SharedQueue)


def test_the_oldest_comes_first_and_what_is_done_never_again(
    database: Database, clock: FixedClock, worker: Worker
) -> None:
    put(database, clock, "one", "two")
    queue = worker()
    for name in ("one", "two"):
        message = queue.take()
        assert message is not None
        assert message.event == name
        queue.done(message)
    assert queue.take() is None


def test_an_act_that_is_undone_leaves_no_job(database: Database, clock: FixedClock, worker: Worker) -> None:
    with suppress(RuntimeError), database.writing() as session:
        outbox.emit(session, clock, "of an act that fails", {})
        raise RuntimeError
    assert worker().take() is None


def test_what_is_for_later_comes_later(database: Database, clock: FixedClock, worker: Worker) -> None:
    put(database, clock, "later", after=timedelta(minutes=10))
    queue = worker()
    assert queue.take() is None
    clock.advance(timedelta(minutes=10))
    assert queue.take() is not None


def test_what_one_worker_holds_no_other_gets_until_it_is_given_back(
    database: Database, clock: FixedClock, worker: Worker
) -> None:
    put(database, clock, "only")
    first, second = worker(), worker()
    held = first.take()
    assert held is not None
    assert second.take() is None
    # However long it takes: no lease runs out under a slow worker.
    clock.advance(timedelta(days=2))
    assert second.take() is None
    first.failed(held, "the gateway is away")
    clock.advance(timedelta(hours=2))
    assert second.take() is not None


def test_what_a_worker_held_when_it_ended_others_take_at_once(
    database: Database, clock: FixedClock, worker: Worker
) -> None:
    put(database, clock, "only")
    first, second = worker(), worker()
    assert first.take() is not None
    first.close()
    again = second.take()
    assert again is not None
    assert again.tries == 0


def test_it_comes_later_and_later_and_then_is_a_dead_letter_that_can_be_sent_again(
    database: Database, clock: FixedClock, worker: Worker
) -> None:
    put(database, clock, "hopeless")
    queue = worker()
    waits = []
    began = clock.now()
    for _ in range(outbox.TRIES):
        while (message := queue.take()) is None:
            clock.advance(
                timedelta(seconds=1) if clock.now() - began < timedelta(minutes=9) else timedelta(minutes=1)
            )
        waits.append(clock.now())
        queue.failed(message, "wrong: 5730 9841 2637 4850 1926")
    gaps = [(after - before).total_seconds() for before, after in itertools.pairwise(waits)]
    assert gaps == sorted(gaps)
    assert gaps[0] == outbox.FIRST_WAIT.total_seconds()
    assert gaps[-1] >= 60 * 30
    clock.advance(timedelta(days=9))
    assert queue.take() is None
    with database.reading() as session:
        (dead,) = jobs.list_jobs(session, state=jobs.DEAD)
        assert dead.tries == outbox.TRIES
        assert dead.last_error == "wrong: (20 digits, kept out)"
        assert jobs.count(session, clock).dead == 1
    with database.writing() as session:
        assert jobs.again(session, clock, SYSTEM, [dead.id]) == 1
    message = queue.take()
    assert message is not None
    assert message.tries == 0
    queue.done(message)
    with database.writing() as session, pytest.raises(JobNotDead, match=str(dead.id)):
        jobs.again(session, clock, SYSTEM, [dead.id])


def test_many_workers_do_each_job_once_and_none_at_the_same_time(
    database: Database, clock: FixedClock, worker: Worker
) -> None:
    assert twice_at_once(database, clock, worker) == (0, 60)


def test_jobs_of_one_kind_are_taken_together_and_nobody_else_gets_them(
    database: Database, clock: FixedClock, worker: Worker
) -> None:
    put(database, clock, "alike", "another", "alike", "alike")
    put(database, clock, "alike", after=timedelta(minutes=1))
    here, there = worker(), worker()
    first = here.take()
    assert first is not None
    others = here.take_alike(first)
    assert [one.event for one in (first, *others)] == ["alike"] * 3
    assert len({one.id for one in (first, *others)}) == 3
    left = there.take()
    assert left is not None
    assert left.event == "another"
    assert there.take_alike(first) == []
    here.done(first, *others)
    there.done(left)
    assert there.take() is None
    clock.advance(timedelta(minutes=1))
    last = there.take()
    assert last is not None
    assert there.take_alike(last) == []


def test_what_another_finished_meanwhile_is_not_taken_along(
    database: Database, clock: FixedClock, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, clock, "alike", "alike")
    here, there = worker(), worker()
    first = here.take()
    assert first is not None
    seen = here._due("alike")  # type: ignore[attr-defined]
    other = there.take()
    assert other is not None
    there.done(other)
    monkeypatch.setattr(here, "_due", lambda _event: seen)
    assert here.take_alike(first) == []


class Careless(ThreadQueue):
    """The planted fault: it takes what is due without asking who has it."""

    def take(self) -> outbox.Message | None:
        return next(iter(self._due()), None)


def test_the_count_catches_a_queue_that_does_not_hold(sqlite_database: Database, clock: FixedClock) -> None:
    overlaps, _ = twice_at_once(sqlite_database, clock, lambda: Careless(sqlite_database, clock))
    assert overlaps > 0


def twice_at_once(database: Database, clock: FixedClock, worker: Worker) -> tuple[int, int]:
    """How often a job was in two hands, and how many were done, with four workers on sixty jobs."""
    put(database, clock, *(f"job {number}" for number in range(60)))
    in_hand: set[int] = set()
    finished: set[int] = set()
    overlaps = 0
    guard = threading.Lock()
    start = threading.Barrier(4)

    def work() -> None:
        nonlocal overlaps
        queue = worker()
        start.wait(10)
        while (message := queue.take()) is not None:
            with guard:
                overlaps += message.id in in_hand or message.id in finished
                in_hand.add(message.id)
            threading.Event().wait(0.002)
            with guard:
                in_hand.discard(message.id)
                finished.add(message.id)
            queue.done(message)
        queue.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.reading() as session:
        left = session.scalar(
            sa.select(sa.func.count()).select_from(OutboxMessage).where(OutboxMessage.delivered_at.is_(None))
        )
    return overlaps, len(finished) - (left or 0)


def test_a_worker_whose_connection_is_cut_loses_its_hold_and_goes_on(
    postgresql_database: Database, clock: FixedClock
) -> None:
    put(postgresql_database, clock, "one", "two")
    first, second = (jobs.open_queue(postgresql_database, clock) for _ in range(2))
    held = first.take()
    assert held is not None
    with postgresql_database.writing() as session:
        session.execute(
            sa.text(
                "SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory' "
                "AND l.pid <> pg_backend_pid() AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )
    taken = second.take()
    assert taken is not None
    assert taken.id == held.id
    with suppress(sa.exc.DBAPIError):
        first.take()
    other = first.take()
    assert other is not None
    assert other.id != held.id
    first.close()
    second.close()
