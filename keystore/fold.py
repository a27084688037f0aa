"""How the state follows the log: one function that runs when an entry is made and whenever the log is read again.

So what the module believes after a restart is what it believed before it, by construction. Nothing here can fail or refuse;
that was decided before the entry was written (`planning.py`, `powers.py`).
"""

from __future__ import annotations

from typing import Any

from keystore import limits, powers
from keystore.state import State, key_name, private_digest

Json = dict[str, Any]


def apply(state: State, public: Json, private: Json) -> None:
    """What one entry changes."""
    state.last_at = max(state.last_at, public["at"])
    kind = public["kind"]
    if kind in ("credit", "management"):
        _token(state, public, private)
    elif kind == "key-change":
        _key_change(state, public, private)
    elif kind == "act":
        powers.carry_out(state, public, private)
    elif kind == "start":
        state.generation = max(state.generation, public["gen"])
    elif kind in limits.UNPAID:
        state.unpaid[kind] = limits.UNPAID[kind].spend(state.unpaid.get(kind, 0), public["at"] // 1000)


def _token(state: State, public: Json, private: Json) -> None:
    request = private["request"]
    keying = request["meter"]
    meter = state.meter(keying["pan"])
    minute = private["minute"]
    meter.last = minute
    meter.remember(key_name(keying))
    day = minute // 1440
    if day != meter.day:
        meter.day, meter.units, meter.tokens = day, 0, 0
    meter.tokens += 1
    at = public["at"] // 1000
    if public["kind"] == "credit":
        meter.units += public["units"]
        state.budgets[public["budget"]].spend(public["units"], at)
    if "free_month" in private:
        month = private["free_month"]
        if meter.month != month:
            meter.month, meter.free = month, 0
        meter.free += 1
    _count(state, public, request, at)


def _key_change(state: State, public: Json, private: Json) -> None:
    request = private["request"]
    meter = state.meter(request["meter"]["pan"])
    meter.remember(key_name(request["meter"]))
    meter.remember(key_name(request["to"]))
    _count(state, public, request, public["at"] // 1000)


def _count(state: State, public: Json, request: Json, at: int) -> None:
    """A count budget is debited, and an approval is used up."""
    if "count_budget" in public:
        state.budgets[public["count_budget"]].spend(1, at)
    if request["approval"] is not None:
        state.permits.pop(private_digest(request), None)
