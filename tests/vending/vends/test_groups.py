"""Sales travel in groups: everybody gets the answer to his own ask, whoever travels with him."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from vending.vends.groups import MOST, Groups


class Shop:
    """Sells numbers: each is answered by itself and a word, odd thousands by an exception as a value."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.under_way = 0
        self._guard = threading.Lock()
        self.open = threading.Event()
        self.open.set()
        self.begun = threading.Event()

    def sell(self, asks: Sequence[int]) -> list[str | Exception]:
        self.begun.set()
        with self._guard:
            self.under_way += 1
        assert self.open.wait(10)
        with self._guard:
            self.under_way -= 1
            self.groups.append(len(asks))
        if -1 in asks:
            raise RuntimeError("the database is away")
        return [ValueError(str(ask)) if ask >= 1000 else f"sold {ask}" for ask in asks]


def test_everybody_gets_his_own_answer() -> None:
    shop = Shop()
    groups: Groups[int, str] = Groups(shop.sell)
    wrong: list[object] = []

    def caller(number: int) -> None:
        for turn in range(50):
            ask = number * 50 + turn
            try:
                answer = groups.submit(ask)
            except ValueError as error:
                answer = f"refused {error}"
            if answer != (f"refused {ask}" if ask >= 1000 else f"sold {ask}"):
                wrong.append((ask, answer))

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    groups.close()
    assert wrong == []
    assert sum(shop.groups) == 32 * 50
    assert max(shop.groups) <= MOST


def test_who_comes_while_a_group_is_sold_travels_in_the_next_together() -> None:
    shop = Shop()
    shop.open.clear()
    groups: Groups[int, str] = Groups(shop.sell)
    threads = [threading.Thread(target=groups.submit, args=(number,)) for number in range(5)]
    threads[0].start()
    assert shop.begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    while groups._open is None or len(groups._open.asks) < 4:
        threading.Event().wait(0.001)
    assert groups.quiet_s == 0
    shop.open.set()
    for thread in threads:
        thread.join(10)
    groups.close()
    assert shop.groups == [1, 4]
    assert 0 < groups.quiet_s < 10


def test_many_at_once_fill_whole_groups_and_are_answered_in_order() -> None:
    shop = Shop()
    groups: Groups[int, str] = Groups(shop.sell)
    answers = groups.submit_all(range(3 * MOST + 1))
    assert answers == [f"sold {ask}" for ask in range(3 * MOST + 1)]
    assert shop.groups == [MOST, MOST, MOST, 1]
    assert groups.submit_all([]) == []
    groups.close()


def test_of_full_groups_two_may_be_under_way_and_each_ask_is_sold_once() -> None:
    shop = Shop()
    shop.open.clear()
    groups: Groups[int, str] = Groups(shop.sell, side_by_side=2)
    told: list[object] = []
    caller = threading.Thread(target=lambda: told.extend(groups.submit_all(range(5 * MOST))))
    caller.start()
    while shop.under_way < 2:
        threading.Event().wait(0.001)
    shop.open.set()
    caller.join(10)
    assert told == [f"sold {ask}" for ask in range(5 * MOST)]
    assert sorted(shop.groups) == [MOST] * 5
    # Part of a group is not taken by the second: it waits for the one that is sold.
    shop.open.clear()
    threads = [threading.Thread(target=groups.submit, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
        while groups._open is not None and groups._queue.qsize() == 0:
            threading.Event().wait(0.001)
    assert shop.under_way <= 1
    shop.open.set()
    for thread in threads:
        thread.join(10)
    groups.close()
    assert not any(thread.is_alive() for thread in groups._threads)


def test_one_refusal_fails_no_neighbour() -> None:
    groups: Groups[int, str] = Groups(Shop().sell, side_by_side=2)
    first, refused, last = groups.submit_all([1, 1000, 2])
    groups.close()
    assert (first, last) == ("sold 1", "sold 2")
    assert isinstance(refused, ValueError)


def test_a_group_that_could_not_be_tried_says_so_to_each_and_the_next_one_goes_on() -> None:
    shop = Shop()
    groups: Groups[int, str] = Groups(shop.sell)
    told = groups.submit_all([1, -1, 2])
    assert [str(one) for one in told] == ["the database is away"] * 3
    with pytest.raises(RuntimeError, match="away"):
        groups.submit(-1)
    assert groups.submit(7) == "sold 7"
    groups.close()


def test_an_answer_too_few_is_a_fault_and_not_somebody_elses_answer() -> None:
    groups: Groups[int, str] = Groups(lambda asks: ["only one"] * (len(asks) - 1))
    assert all(isinstance(one, AssertionError) for one in groups.submit_all([1, 2, 3]))
    groups.close()


def test_closing_sells_what_has_queued() -> None:
    shop = Shop()
    shop.open.clear()
    groups: Groups[int, str] = Groups(shop.sell)
    told: list[object] = []
    caller = threading.Thread(target=lambda: told.extend(groups.submit_all(range(2 * MOST))))
    caller.start()
    assert shop.begun.wait(10)
    closing = threading.Thread(target=groups.close)
    closing.start()
    shop.open.set()
    closing.join(10)
    caller.join(10)
    assert told == [f"sold {ask}" for ask in range(2 * MOST)]
