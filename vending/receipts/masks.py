"""Which of the eight masks makes the best square, as ISO/IEC 18004 7.8.3 asks: scored all at once, over the whole symbol.

Any mask decodes, but a square with long runs and false finders is harder to read from poor paper. Choosing by loops takes
longer than the whole rest of a receipt, so the eight symbols are one array here. Two masks of a symbol differ in places that
depend on its size and level alone, never on its data: those differences are worked out once for each size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Modules = NDArray[np.uint8]
Rows = Sequence[bytes]

_FINDER = (1, 0, 1, 1, 1, 0, 1)


def best(first: Rows, with_mask: Callable[[int], Rows]) -> tuple[bytes, ...]:
    """The best of the eight symbols, from the one with mask 0; `with_mask` makes another one of the same size."""
    symbol = _modules(first)
    differences = _differences(len(first), _Maker(with_mask))
    candidates = symbol[None, :, :] ^ differences
    chosen = candidates[int(np.argmin(scores(candidates)))]
    return tuple(bytes(row) for row in chosen)


def scores(candidates: Modules) -> NDArray[np.int64]:
    """The penalty of each symbol; `candidates` is one symbol after the other."""
    size = candidates.shape[-1]
    total = np.zeros(len(candidates), dtype=np.int64)
    for lines in (candidates, candidates.transpose(0, 2, 1)):
        same = lines[:, :, 1:] == lines[:, :, :-1]
        five = same[:, :, :-3] & same[:, :, 1:-2] & same[:, :, 2:-1] & same[:, :, 3:]
        begins = five.copy()
        begins[:, :, 1:] &= ~five[:, :, :-1]
        # A run of five costs three, and each module more costs one.
        total += five.sum(axis=(1, 2)) + 2 * begins.sum(axis=(1, 2))
        total += 40 * _finders(lines, size)
    across = candidates[:, :, 1:] == candidates[:, :, :-1]
    down = candidates[:, 1:, :] == candidates[:, :-1, :]
    total += 3 * (across[:, 1:, :] & across[:, :-1, :] & down[:, :, 1:]).sum(axis=(1, 2))
    dark = candidates.sum(axis=(1, 2), dtype=np.int64)
    total += 10 * (np.abs(dark * 100 - 50 * size * size) // (5 * size * size))
    return total


def _finders(lines: Modules, size: int) -> NDArray[np.int64]:
    """What looks like a finder with four light modules beside it; beyond the edge everything is light."""
    padded = np.pad(lines, ((0, 0), (0, 0), (4, 4)))
    count = size - 6
    found = np.ones((*lines.shape[:2], count), dtype=bool)
    for place, dark in enumerate(_FINDER):
        piece = padded[:, :, 4 + place : 4 + place + count]
        found &= piece == dark
    before = np.zeros_like(found, dtype=np.uint8)
    after = np.zeros_like(found, dtype=np.uint8)
    for place in range(4):
        before |= padded[:, :, place : place + count]
        after |= padded[:, :, 11 + place : 11 + place + count]
    found &= (before == 0) | (after == 0)
    counted: NDArray[np.int64] = found.sum(axis=(1, 2), dtype=np.int64)
    return counted


class _Maker:
    """The way to make symbols, equal to every other one: the differences do not depend on it."""

    def __init__(self, with_mask: Callable[[int], Rows]) -> None:
        self.with_mask = with_mask

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Maker)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=40)
def _differences(size: int, maker: _Maker) -> Modules:
    first = _modules(maker.with_mask(0))
    assert len(first) == size, "the same text makes symbols of the same size"
    return np.stack([first ^ _modules(maker.with_mask(mask)) for mask in range(8)])


def _modules(rows: Rows) -> Modules:
    return np.array([list(row) for row in rows], dtype=np.uint8)
