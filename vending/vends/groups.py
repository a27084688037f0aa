"""Sales travel in groups: one thread takes whatever has queued while the last group was written, and sells it together.

The durable steps of a sale are then paid once a group and not once a sale. A lone sale is a group of one and waits for
nobody. After a group of several the callers, who are just being answered, come back one after another; the next group waits
for them as long as they keep coming, with a short moment at most between two (a fiftieth of what the last group took),
because a group of the first two of them costs nearly as much as one of all. The same function sells one and sixty-four, so there is no fast twin beside a slow one. Looks
that many ask for at the same moment (quotes) travel the same way.

Where a whole group waits already (a batch of a thousand orders) a second thread takes it, so that one group is planned
while the database or the module works for the other. It takes full groups only: half a group costs nearly as much as one.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")
Asked = tuple[Ask, Future[Answer]]

MOST = 64
COMING_BACK = 1 / 50


class Groups(Generic[Ask, Answer]):
    """`sell` gets a list and gives an answer (or an exception as a value) for each, in order."""

    def __init__(
        self,
        sell: Callable[[Sequence[Ask]], Sequence[Answer | Exception]],
        *,
        name: str = "sales",
        side_by_side: int = 1,
    ) -> None:
        """`side_by_side`: how many full groups may be under way at once."""
        self._sell = sell
        self._wait_s = 0.0  # between two callers who come back
        self._queue: queue.SimpleQueue[Asked[Ask, Answer] | None] = queue.SimpleQueue()
        self._full = threading.Semaphore(0)  # how often a thread beside the first is to look
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name=name, daemon=True)] + [
            threading.Thread(target=self._help, name=f"{name} beside", daemon=True)
            for _ in range(side_by_side - 1)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, ask: Ask) -> Answer:
        """Waits for the group that this one travels in."""
        future: Future[Answer] = Future()
        self._queue.put((ask, future))
        return future.result()

    def submit_all(self, asks: Sequence[Ask]) -> list[Answer | Exception]:
        """Many at once, by the same way as one: they queue together, and so fill whole groups. Answers in order."""
        futures: list[Future[Answer]] = [Future() for _ in asks]
        for ask, future in zip(asks, futures, strict=True):
            self._queue.put((ask, future))
        self._call_for_help()
        return [future.exception() or future.result() for future in futures]  # type: ignore[misc]  # `sell` gives Exceptions

    def close(self) -> None:
        self._closed = True
        self._queue.put(None)
        for _ in self._threads:
            self._full.release()
        for thread in self._threads:
            thread.join(10)

    def _call_for_help(self) -> None:
        if len(self._threads) > 1 and self._queue.qsize() > MOST:
            self._full.release()

    def _help(self) -> None:
        """Sells full groups as long as more than one waits."""
        while self._full.acquire() and not self._closed:
            while self._queue.qsize() > MOST:
                group = self._fill([], wait_s=0.0)
                _tell(group, self._answers(group))

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            group = self._fill([first], wait_s=self._wait_s)
            begin = time.monotonic()
            answers = self._answers(group)
            self._wait_s = (time.monotonic() - begin) * COMING_BACK if len(group) > 1 else 0.0
            _tell(group, answers)

    def _fill(self, group: list[Asked[Ask, Answer]], *, wait_s: float) -> list[Asked[Ask, Answer]]:
        """The group with those who have queued behind it, as long as they come."""
        while len(group) < MOST:
            try:
                more = self._queue.get(timeout=wait_s) if wait_s else self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._queue.put(None)
                break
            group.append(more)
        return group

    def _answers(self, group: Sequence[Asked[Ask, Answer]]) -> Sequence[Answer | Exception]:
        try:
            return self._sell([ask for ask, _future in group])
        except Exception as error:
            # The group as a whole could not be tried (the database is gone, say): each caller hears the same.
            return [error] * len(group)


def _tell(group: Sequence[Asked[Ask, Answer]], answers: Sequence[Answer | Exception]) -> None:
    for (_ask, future), answer in zip(group, answers, strict=True):
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
