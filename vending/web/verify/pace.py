"""How often a public page may ask the module: so many in a time, for each address and for all together."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field


@dataclass
class Pace:
    """Asks are counted over a window that moves. Addresses that have been quiet for a window are forgotten."""

    each: int
    all: int
    window_s: float = 60.0
    _seen: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allows(self, address: str, now: float) -> bool:
        with self._lock:
            for name in [name for name, asks in self._seen.items() if asks[-1] <= now - self.window_s]:
                del self._seen[name]
            asks = self._seen.get(address, deque())
            while asks and asks[0] <= now - self.window_s:
                asks.popleft()
            total = sum(len(one) for one in self._seen.values())
            if len(asks) >= self.each or total >= self.all:
                return False
            asks.append(now)
            self._seen[address] = asks
            return True
