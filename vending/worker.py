"""What goes on behind the pages: recovery and the trail's chain in one thread, the jobs of the outbox in another.

Each round does a little of each and says what failed; nothing here raises out of the loop. Recovery is `complete` called
again for orders that are paid and open: at the start for all of them, later for those that are older than a few seconds
(younger ones are being completed by the page that asked).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import sqlalchemy as sa

from keystore.errors import KeystoreError
from vending import audit, certificates, jobs, logs, nightly, reactions
from vending.backup.nightly import Nightly
from vending.certificates import Files
from vending.ledger import closing
from vending.outbox import Message
from vending.services import Services
from vending.vends import acting, drafts
from vending.vends import service as vends
from vending.vends.log_fence import LogFence

log = logging.getLogger(__name__)

OPEN_AFTER = timedelta(seconds=3)
PAUSE_S = 0.5
PAUSE_AFTER_FAULT_S = 5.0  # a database that is away must not fill the log
QUIET_S = 1.0
RESTS = 4
CHAIN_EVERY_S = 60.0
TIDY_EVERY_S = 600.0
FOLLOW_EVERY_S = 10.0


class Worker:
    def __init__(self, services: Services, *, tills: Callable[[], float] | None = None) -> None:
        """`tills`: for how long the tills of this same process have been quiet, where it has any."""
        self._services = services
        self._tills = tills
        self._stop = threading.Event()
        self._queue = jobs.open_queue(services.db, services.clock)
        # Jobs have a thread of their own: a slow gateway must not keep a paid order waiting for its token.
        self._threads = [
            threading.Thread(target=self._run, name="worker", daemon=True),
            threading.Thread(target=self._run_jobs, name="jobs", daemon=True),
        ]
        self._chained = 0.0
        self._tidied = 0.0
        self._followed = 0.0
        self._back_up = Nightly(services)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(10)
        self._queue.close()

    def _run(self) -> None:
        age = timedelta()
        while not self._stop.is_set():
            for step in (
                lambda age=age: self.recover(age),
                self.chain,
                self.tidy,
                self.follow,
                self._back_up.look,
            ):
                self._try(step)
            age = OPEN_AFTER
            self._stop.wait(PAUSE_S)

    def _run_jobs(self) -> None:
        while not self._stop.is_set():
            self._try(self.ask)
            self._try(self.deliver)
            self._stop.wait(PAUSE_S)

    def _try(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception:
            log.exception("a step of the worker failed; it is tried again")
            self._stop.wait(PAUSE_AFTER_FAULT_S)

    def recover(self, age: timedelta) -> int:
        # An act whose answer from the module was lost goes on by itself; one that nobody agreed to in time ends.
        acting.settle_handed_in(self._services.db, self._services.clock)
        found = vends.list_open(self._services.db, self._services.clock, older_than=age)
        if found:
            self._complete(found)
        return len(found)

    def _complete(self, orders: list[str]) -> None:
        """All of them together; where one stands in the way, each alone, so that no other waits for it."""
        services = self._services
        try:
            vends.complete(services.db, services.clock, services.module, orders)
        except sa.exc.OperationalError:
            raise  # the database is away: for each of them alike
        except Exception:
            log.exception("%d open orders could not be finished together", len(orders))
            for order in orders:
                try:
                    vends.complete(services.db, services.clock, services.module, [order])
                except Exception as error:
                    log.error("order %s cannot be finished: %s", order, type(error).__name__)

    def deliver(self) -> int:
        """All that is due now, one after another, or many of a kind together; gives how many were tried."""
        tried = 0
        while not self._stop.is_set() and (message := self._queue.take()) is not None:
            alike = self._queue.take_alike(message) if message.event in reactions.TOGETHER else []
            tried += 1 + len(alike)
            begin = time.monotonic()
            self._work([message, *alike])
            self._give_way(time.monotonic() - begin)
        logs.within()
        return tried

    def _give_way(self, worked_s: float) -> None:
        """While a till sells, jobs rest for longer than they worked: one process has one lock for all its threads, and one
        connection that writes."""
        if self._tills is not None and self._tills() < QUIET_S:
            self._stop.wait(RESTS * worked_s)

    def _work(self, messages: Sequence[Message]) -> None:
        """Where one of many stands in the way, each is tried alone, so that no other waits with it."""
        first = messages[0]
        logs.within(job=str(first.id))
        try:
            if first.event in nightly.WORKS:
                nightly.WORKS[first.event](self._services, first)
            else:
                reactions.react(self._services, messages)
        except Exception as error:
            log.warning("%s failed: %s", first.event, type(error).__name__)
            if len(messages) == 1:
                self._queue.failed(first, f"{type(error).__name__}: {error}")
            else:
                for message in messages:
                    self._work([message])
        else:
            self._queue.done(*messages)

    def ask(self) -> list[str]:
        """Puts what has become due by the site's clock among the jobs."""
        return nightly.ask(self._services.db, self._services.clock)

    def chain(self) -> None:
        now = time.monotonic()
        if now - self._chained < CHAIN_EVERY_S and self._chained:
            return
        self._chained = now
        while True:
            with self._services.db.writing() as session:
                if audit.close_batch(session, self._services.clock) is None:
                    return

    def renew_certificate(self) -> None:
        """A month before its end, where the site's own authority vouches for it."""
        files = Files(self._services.settings.tls_folder)
        if not (files.server.exists() and files.authority_key.exists()):
            return
        now = self._services.clock.now()
        if certificates.due(certificates.look(files.server), now):
            seen = certificates.renew(files.folder, now)
            log.info("the certificate of the pages was renewed until %s", f"{seen.expires_at:%Y-%m-%d}")

    def follow(self) -> None:
        """Holds the module's log against the books, and keeps a head of it that an older copy would not reach."""
        fence, now = self._services.module, time.monotonic()
        if not isinstance(fence, LogFence) or (self._followed and now - self._followed < FOLLOW_EVERY_S):
            return
        self._followed = now
        try:
            fence.follow()
        except KeystoreError as error:
            log.warning("the module's log could not be followed: %s", error.code)

    def tidy(self) -> None:
        """Balances are summed up so that reading them stays quick, and baskets that nobody came back to are dropped."""
        now = time.monotonic()
        if now - self._tidied < TIDY_EVERY_S and self._tidied:
            return
        self._tidied = now
        self.renew_certificate()
        closing.take_snapshots(self._services.db)
        with self._services.db.writing() as session:
            drafts.drop_old(session, self._services.clock)
