"""The meter's memory of token identifiers: the n largest it has accepted (IEC 62055-41, token identifier store).

A token is judged once: *used* when its TID is held, *old* when the memory is full and the TID lies below the
smallest held, else *new*, also when tokens arrive out of order. The memory of a fresh or rolled-over meter counts
as filled with zeros, so a meter that has seen three tokens does not call the fourth old.

What it is not: it knows no base date. A new base date always comes with the roll-over bit, which clears it.
"""

from __future__ import annotations

from bisect import bisect_left, insort

SMALLEST_SIZE = 50


def holds(held: list[int], tid: int) -> bool:
    """Whether this TID was accepted before. `held` is sorted."""
    at = bisect_left(held, tid)
    return at < len(held) and held[at] == tid


def is_old(held: list[int], size: int, tid: int) -> bool:
    """Whether the TID lies below everything a full memory remembers."""
    return len(held) >= size and tid < held[0]


def remember(held: list[int], size: int, tid: int) -> None:
    """Keep an accepted TID; when the memory is full the smallest is dropped."""
    insort(held, tid)
    if len(held) > size:
        del held[0]
