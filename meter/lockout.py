"""Wrong entries: each one past a few makes the keypad wait, and each wait is twice the last (docs/reference/conformance.md, section 7).

A guesser at a keypad then needs years. Test tokens (class 1) still work while the meter waits, and a token entered too
early changes nothing: it is neither counted nor does it make the wait longer.
"""

from __future__ import annotations

from meter.outcome import Outcome
from meter.profile import Lockout
from meter.state import State


def wait_left(state: State) -> int:
    """Seconds until the keypad takes the next token."""
    return max(0, state.lock_until - state.now)


def count(rules: Lockout, state: State, outcome: Outcome) -> None:
    """Count one wrong entry, or forget them all after a good one."""
    if outcome is Outcome.ACCEPTED:
        state.wrong_entries = state.lock_until = state.lock_wait = 0
    if outcome.name not in rules.counts:
        return
    state.wrong_entries += 1
    if state.wrong_entries >= rules.after:
        # Beyond 2^20 the cap has long been reached; the bound keeps the shift small.
        doublings = min(state.wrong_entries - rules.after, 20)
        state.lock_wait = min(rules.first_s << doublings, rules.cap_s)
        state.lock_until = state.now + state.lock_wait
        state.note("locked", str(state.lock_wait))


def after_power_cut(rules: Lockout, state: State) -> None:
    """A wait survives a power cut when the model says so; a meter that lost its clock begins it anew."""
    if not rules.survives_power_cut:
        state.wrong_entries = state.lock_until = state.lock_wait = 0
    elif state.lock_wait and not state.clock_ok:
        state.lock_until = state.now + state.lock_wait
