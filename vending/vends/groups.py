"""Sales travel in groups: one thread takes whatever has queued while the last group was written, and sells it together.

The durable steps of a sale are then paid once a group and not once a sale. A lone sale is a group of one and waits for
nobody. After a group of several the callers, who are just being answered, come back one after another; the next group waits
for them as long as they keep coming, with a short moment at most between two (a fiftieth of what the last group took),
because a group of the first two of them costs nearly as much as one of all. The same function sells one and sixty-four, so there is no fast twin beside a slow one. Looks
that many ask for at the same moment (quotes) travel the same way.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

MOST = 64
COMING_BACK = 1 / 50


class Groups(Generic[Ask, Answer]):
    """`sell` gets a list and gives an answer (or an exception as a value) for each, in order."""

    def __init__(
        self, sell: Callable[[Sequence[Ask]], Sequence[Answer | Exception]], *, name: str = "sales"
    ) -> None:
        self._sell = sell
        self._wait_s = 0.0  # between two callers who come back
        self._queue: queue.SimpleQueue[tuple[Ask, Future[Answer]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

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
        return [future.exception() or future.result() for future in futures]  # type: ignore[misc]  # `sell` gives Exceptions

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join(10)

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            group = [first]
            while len(group) < MOST:
                try:
                    more = self._queue.get(timeout=self._wait_s) if self._wait_s else self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._queue.put(None)
                    break
                group.append(more)
            begin = time.monotonic()
            try:
                answers = self._sell([ask for ask, _future in group])
            except Exception as error:
                # The group as a whole could not be tried (the database is gone, say): each caller hears the same.
                answers = [error] * len(group)
            self._wait_s = (time.monotonic() - begin) * COMING_BACK if len(group) > 1 else 0.0
            for (_ask, future), answer in zip(group, answers, strict=True):
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
