"""Who is calling: API keys that were seen lately, remembered in this process so that a sale does not pay for a look-up.

Once a second one call asks whether any key or seller changed (two counts), and forgets everything if so: a withdrawn key
or a blocked seller is shut out within a second, in every process. A key that is not remembered is looked up at once.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vending.access import api_keys
from vending.access.api_keys import Client
from vending.access.errors import ApiKeyRefused
from vending.clock import Clock
from vending.db import Database
from vending.payments import sellers
from vending.payments.sellers import SellerView

LOOK_EVERY_S = 1.0
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    client: Client
    seller: SellerView | None


class Keyring:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._last_use = api_keys.LastUse(db, clock)
        self._callers: dict[bytes, tuple[Caller, datetime]] = {}
        self._stamp: tuple[Any, ...] = ()
        self._looked = float("-inf")
        self._looking = threading.Lock()

    def caller(self, secret: str) -> Caller:
        """ApiKeyRefused for every reason alike."""
        self._forget_what_changed()
        now = self._clock.now()
        # The secret itself is not kept in memory, only what it is recognised by.
        name = hashlib.sha256(secret.encode()).digest()
        callers = self._callers
        known = callers.get(name)
        if known is not None and now < known[1]:
            if known[0].client.expires_at <= now:
                raise ApiKeyRefused
            return known[0]
        client = api_keys.client_of(self._db, self._clock, secret, self._last_use)
        seller = None
        if client.seller is not None and not client.in_sandbox:
            with self._db.reading() as session:
                seller = sellers.find(session, client.seller)
        caller = Caller(client, seller)
        if len(callers) >= MOST_REMEMBERED:
            callers.clear()
        # Into the memory that was there before the look: if a key changed meanwhile, that memory is thrown away already.
        # Looked up again in time, so that the key's row tells when it was last used.
        callers[name] = (caller, now + api_keys.USED_EVERY)
        return caller

    def _forget_what_changed(self) -> None:
        if self._clock.monotonic() - self._looked < LOOK_EVERY_S or not self._looking.acquire(blocking=False):
            return
        try:
            with self._db.reading() as session:
                stamp = (*api_keys.stamp(session), *sellers.stamp(session))
            if stamp != self._stamp:
                self._callers = {}
                self._stamp = stamp
            self._looked = self._clock.monotonic()
        finally:
            self._looking.release()
