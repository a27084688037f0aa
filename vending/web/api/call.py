"""One request as a view sees it: who calls, what was asked, and the desk that answers. Values only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vending.services import Services
from vending.web.api.desk import Desk
from vending.web.api.keyring import Caller


@dataclass(frozen=True, slots=True)
class Call:
    services: Services
    caller: Caller | None  # none on public addresses
    desk: Desk | None
    parts: dict[str, str]
    query: Any
    body: Any
    request_id: str
    document: Callable[[], dict[str, Any]]

    @property
    def at(self) -> Desk:
        assert self.desk is not None, "a public address asks no desk"
        return self.desk
