"""Callers travel in groups, each hears his own answer, and a second thread takes full groups only."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from vending.vends.groups import MOST, Groups


class Watched:
    """Doubles numbers, and notes how large the groups were and how many were under way at once."""

    def __init__(self, wait_for: int) -> None:
        self.sizes: list[int] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._met = threading.Barrier(wait_for) if wait_for > 1 else None

    def __call__(self, asks: Sequence[int]) -> list[int | Exception]:
        with self._lock:
            self.sizes.append(len(asks))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            first = len(self.sizes) <= 2
        if self._met is not None and first:
            self._met.wait(10)  # breaks, and so fails the callers, when the second group never comes
        with self._lock:
            self._at_once -= 1
        return [ValueError("nothing") if ask == 0 else 2 * ask for ask in asks]


def test_full_groups_are_under_way_side_by_side_and_answers_stay_in_order() -> None:
    watched = Watched(wait_for=2)
    groups = Groups(watched, side_by_side=2)
    answers = groups.submit_all(list(range(1, 10 * MOST)))
    groups.close()
    assert answers == [2 * ask for ask in range(1, 10 * MOST)]
    assert watched.most_at_once == 2
    assert max(watched.sizes) == MOST


def test_less_than_a_full_group_waits_for_the_first_thread() -> None:
    watched = Watched(wait_for=1)
    groups = Groups(watched, side_by_side=2)
    assert groups.submit_all(list(range(1, MOST))) == [2 * ask for ask in range(1, MOST)]
    assert groups.submit(7) == 14
    groups.close()
    assert watched.most_at_once == 1


def test_one_refusal_fails_no_neighbour() -> None:
    groups = Groups(Watched(wait_for=1), side_by_side=2)
    first, refused, last = groups.submit_all([1, 0, 2])
    with pytest.raises(ValueError, match="nothing"):
        groups.submit(0)
    groups.close()
    assert (first, last) == (2, 4)
    assert isinstance(refused, ValueError)
