"""Key change at the meter: sections in any order, nothing changes until the set is whole (docs/reference/conformance.md, section 7).

A set belongs together when it comes within the model's time. A section of the same number but with other contents
starts a new set: the customer has gone on to newer paper. Half a set is dropped by a power cut.

What it is not: it does not know tokens of other classes, and it never sees a vending key.
"""

from __future__ import annotations

from dataclasses import dataclass

from meter.outcome import Outcome
from meter.state import State
from sts.errors import KeyChangeMismatch, KeyRevisionOutOfRange
from sts.keys import KeyType
from sts.tokens import KeyChange1
from sts.tokens.key_change import Section, assemble

# From a meter's present key type to the ones it may take. Nobody goes back to the factory key in the field.
ALLOWED: dict[KeyType, frozenset[KeyType]] = {
    KeyType.DITK: frozenset({KeyType.DDTK, KeyType.DUTK, KeyType.DCTK}),
    KeyType.DDTK: frozenset({KeyType.DDTK, KeyType.DUTK, KeyType.DCTK}),
    KeyType.DUTK: frozenset({KeyType.DUTK, KeyType.DDTK}),
    KeyType.DCTK: frozenset({KeyType.DCTK, KeyType.DDTK, KeyType.DUTK}),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one section did: an outcome, and the sections still to come."""

    outcome: Outcome
    missing: tuple[int, ...] = ()


def sections_needed(ea: str) -> tuple[int, ...]:
    """A 64-bit key comes in two tokens, a 128-bit key in four."""
    return (1, 2, 3, 4) if ea == "11" else (1, 2)


def forget_stale(state: State, limit_s: int) -> None:
    """Drop the sections of a set that was not finished in time."""
    if state.sections and state.now - state.sections_since > limit_s:
        drop(state)


def drop(state: State) -> None:
    state.sections = {}


def take(state: State, section: Section) -> Answer:
    """Keep one section; when the set is whole, take the new key."""
    needed = sections_needed(state.ea)
    if section.section not in needed or (isinstance(section, KeyChange1) and section.flag_3kct):
        return Answer(Outcome.FUNCTION)
    if isinstance(section, KeyChange1) and section.key_type not in ALLOWED[KeyType(state.key_type)]:
        drop(state)
        return Answer(Outcome.KEY_TYPE)
    if state.sections.get(section.section, section) != section:
        drop(state)
    if not state.sections:
        state.sections_since = state.now
    state.sections[section.section] = section
    missing = tuple(each for each in needed if each not in state.sections)
    if missing:
        return Answer(Outcome.FIRST_SECTION if len(state.sections) == 1 else Outcome.FURTHER_SECTION, missing)
    return _apply(state)


def _apply(state: State) -> Answer:
    try:
        new = assemble(state.sections.values(), ea=state.ea)
    except (KeyChangeMismatch, KeyRevisionOutOfRange):
        return Answer(Outcome.RANGE)
    finally:
        drop(state)
    state.key_hex = new.value.hex()
    state.key_type = int(new.key_type)
    state.krn, state.ken, state.ti = new.krn, new.ken, new.ti
    # A set of two does not name the supply group; meters then show zeros (docs/reference/conformance.md, section 7).
    state.sgc = new.sgc or "000000"
    if new.rollover:
        state.tids.clear()
    return Answer(Outcome.ACCEPTED)
