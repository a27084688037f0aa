"""Rising streams of rows, joined by the first field of each row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def joined(*streams: Iterator[Any]) -> Iterator[tuple[Any, list[list[Any]]]]:
    """Every key that any of them has, with the rows that each of them has of it."""
    heads = [next(stream, None) for stream in streams]
    while True:
        least = None
        for head in heads:
            if head is not None and (least is None or head[0] < least):
                least = head[0]
        if least is None:
            return
        groups: list[list[Any]] = []
        for place, stream in enumerate(streams):
            rows: list[Any] = []
            head = heads[place]
            while head is not None and head[0] == least:
                rows.append(head)
                head = next(stream, None)
            heads[place] = head
            groups.append(rows)
        yield least, groups
