"""Sales travel in groups: one thread takes whatever has queued while the last group was written, and sells it together.

The durable steps of a sale are then paid once a group and not once a sale. A lone sale is a group of one and waits for
nobody. After a group of several the callers, who are just being answered, come back one after another; the next group waits
for them as long as they keep coming, looking again after a short moment (a fiftieth of what the last group took), because a
group of the first two of them costs nearly as much as one of all. The same function sells one and sixty-four, so there is no
fast twin beside a slow one. Looks that many ask for at the same moment (quotes) travel the same way.

Where full groups wait behind each other (a batch of a thousand orders) a second thread may take one, so that one is planned
while the database or the module works for the other. It takes full ones only: half a group costs nearly as much as a whole.

Callers wait for their group and not each for an answer of his own: one lock wakes them one after another, so that they do
not all reach for Python's lock at once, together with the thread that sells the next group.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

MOST = 64
COMING_BACK = 1 / 50


class _Group(Generic[Ask, Answer]):
    """Asks that travel together, and their answers in order."""

    __slots__ = ("_gate", "answers", "asks")

    def __init__(self) -> None:
        self.asks: list[Ask] = []
        self.answers: Sequence[Answer | Exception] = ()
        self._gate = threading.Lock()
        self._gate.acquire()

    def arrive(self, answers: Sequence[Answer | Exception]) -> None:
        self.answers = answers
        self._gate.release()

    def wait(self) -> None:
        # Whoever comes through leaves the gate open for the next.
        with self._gate:
            pass


class Groups(Generic[Ask, Answer]):
    """`sell` gets a list and gives an answer (or an exception as a value) for each, in order."""

    def __init__(
        self,
        sell: Callable[[Sequence[Ask]], Sequence[Answer | Exception]],
        *,
        name: str = "sales",
        side_by_side: int = 1,
    ) -> None:
        """`side_by_side`: how many groups may be under way at once, all but one of them full."""
        self._sell = sell
        self._wait_s = 0.0  # between two looks at who came back
        self._under_way = 0
        self._ended = float("-inf")
        self._boarding = threading.Lock()
        self._open: _Group[Ask, Answer] | None = None  # the group that still takes somebody along
        self._queue: queue.SimpleQueue[_Group[Ask, Answer] | None] = queue.SimpleQueue()
        self._full = threading.Semaphore(0)  # how often a full group had another behind it
        self._threads = [threading.Thread(target=self._run, name=name, daemon=True)] + [
            threading.Thread(target=self._help, name=f"{name} beside", daemon=True)
            for _ in range(side_by_side - 1)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, ask: Ask) -> Answer:
        """Waits for the group that this one travels in."""
        (answer,) = self.submit_all([ask])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def submit_all(self, asks: Sequence[Ask]) -> list[Answer | Exception]:
        """Many at once, by the same way as one: they queue together, and so fill whole groups. Answers in order."""
        with self._boarding:
            seats = [self._seat(ask) for ask in asks]
        for group in dict.fromkeys(group for group, _place in seats):
            group.wait()
        return [group.answers[place] for group, place in seats]

    @property
    def quiet_s(self) -> float:
        """For how long nothing has travelled; nothing at all while a group does."""
        return 0.0 if self._under_way else time.monotonic() - self._ended

    def close(self) -> None:
        self._queue.put(None)
        for thread in self._threads:
            thread.join(10)

    def _seat(self, ask: Ask) -> tuple[_Group[Ask, Answer], int]:
        group = self._open
        if group is None or len(group.asks) == MOST:
            if group is not None:
                self._full.release()
            group = self._open = _Group()
            self._queue.put(group)
        group.asks.append(ask)
        return group, len(group.asks) - 1

    def _run(self) -> None:
        while (group := self._queue.get()) is not None:
            self._let_them_come(group)
            begin = time.monotonic()
            self._take(group)
            self._wait_s = (time.monotonic() - begin) * COMING_BACK if len(group.asks) > 1 else 0.0
        for _thread in self._threads:
            self._queue.put(None)
        for _thread in self._threads:
            self._full.release()

    def _help(self) -> None:
        while self._full.acquire():
            # Of those that wait all are full but the last.
            if self._queue.qsize() > 1:
                group = self._queue.get()
                if group is None:
                    self._queue.put(None)  # the others end by it too
                    return
                self._take(group)

    def _let_them_come(self, group: _Group[Ask, Answer]) -> None:
        seen = 0
        while self._wait_s and seen < len(group.asks) < MOST:
            seen = len(group.asks)
            time.sleep(self._wait_s)

    def _take(self, group: _Group[Ask, Answer]) -> None:
        with self._boarding:
            self._under_way += 1
            if self._open is group:
                self._open = None
        try:
            answers = self._sell(group.asks)
            assert len(answers) == len(group.asks), "each has an answer of its own"
        except Exception as error:
            # The group as a whole could not be tried (the database is gone, say): each caller hears the same.
            answers = [error] * len(group.asks)
        with self._boarding:
            self._under_way -= 1
            self._ended = time.monotonic()
        group.arrive(answers)
