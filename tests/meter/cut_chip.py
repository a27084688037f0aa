"""A memory chip whose power can be cut at any write, leaving any of the sectors that were under way."""

from __future__ import annotations

from random import Random

SECTOR = 512


class PowerCut(Exception):
    """The supply went away in the middle of a write, or just after it."""


class CutChip:
    """Counts writes; the one numbered `cut_at` is torn as `how` says, and the power is gone.

    how: "before" nothing arrives · "prefix" the first half arrives · "sectors" any of the sectors arrive, in no order ·
    "after" everything arrives, but the meter dies before it can answer.
    """

    def __init__(self, cut_at: int | None = None, how: str = "before", seed: int = 0) -> None:
        self.content = bytearray()
        self.writes = 0
        self.cut_at, self.how = cut_at, how
        self._random = Random(seed)

    def read(self) -> bytes:
        return bytes(self.content)

    def create(self, first_slot: bytes) -> None:
        if self._is_cut():
            # A rename is all or nothing.
            if self.how == "after":
                self.content = bytearray(first_slot)
            raise PowerCut
        self.content = bytearray(first_slot)

    def write(self, offset: int, record: bytes) -> None:
        if len(self.content) < offset + len(record):
            self.content.extend(bytes(offset + len(record) - len(self.content)))
        if not self._is_cut():
            self.content[offset : offset + len(record)] = record
            return
        if self.how == "prefix":
            half = self._random.randrange(len(record))
            self.content[offset : offset + half] = record[:half]
        elif self.how == "sectors":
            for at in range(0, len(record), SECTOR):
                if self._random.random() < 0.5:
                    part = record[at : at + SECTOR]
                    self.content[offset + at : offset + at + len(part)] = part
        elif self.how == "after":
            self.content[offset : offset + len(record)] = record
        raise PowerCut

    def _is_cut(self) -> bool:
        self.writes += 1
        return self.writes - 1 == self.cut_at
