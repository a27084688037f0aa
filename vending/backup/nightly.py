"""The nightly back-up, as the worker makes it: looks whether one is due, and makes it in a thread of its own.

A back-up takes minutes at a large site, and the worker must go on finishing open orders meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from zoneinfo import ZoneInfo

from vending.backup import making, schedule, standing
from vending.errors import VendingError
from vending.estate import queries as estate
from vending.services import Services

log = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0


class Nightly:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._looked = 0.0
        self._thread: threading.Thread | None = None

    def look(self) -> bool:
        """True when a back-up was begun. Without a folder and a key there is nothing to do: `ampoule doctor` says so."""
        now, settings = time.monotonic(), self._services.settings
        if not settings.backup_to or not settings.backup_recipient:
            return False
        if (self._looked and now - self._looked < LOOK_EVERY_S) or self.is_running:
            return False
        self._looked = now
        if not schedule.is_due(
            self._services.clock.now(), self._zone(), settings.backup_at, standing.last(settings)
        ):
            return False
        self._thread = threading.Thread(target=self._run, name="backup", daemon=True)
        self._thread.start()
        return True

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)

    def _zone(self) -> ZoneInfo:
        with self._services.db.reading() as session:
            sites = estate.list_sites(session)
        return sites[0].zone if sites else ZoneInfo("UTC")

    def _run(self) -> None:
        services = self._services
        try:
            made = making.make(services.settings, services.db, services.clock)
        except VendingError as error:
            log.error("the nightly back-up failed: %s", error.sentence)
        except Exception:
            log.exception("the nightly back-up failed")
        else:
            log.info(
                "back-up %s: %d sales, %d bytes, %.1f s",
                made.path.name,
                made.standing.sales,
                made.standing.size,
                made.standing.seconds,
            )
            for warning in made.standing.warnings():
                log.warning("back-up: %s", warning)
