"""EA07 for arrays of blocks, each with its own key: `sts.ciphers.sta` with the loop over tokens turned inside.

Needs numpy, so only `sts.batch` imports it. Arrays hold byte p of every block in row p; a round takes from
one flat table by place, choice of substitutions and byte, as in `sts.ciphers.sta_tables`.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sts.ciphers.sta import KEY_ALIGNMENT, ROUNDS, Tables
from sts.ciphers.sta_tables import chosen_bytes, spread_bytes

Blocks = NDArray[np.uint64]

_PLACES = (np.arange(8, dtype=np.intp) * 1024)[:, None]
# The bits of a key byte that choose substitutions, complemented, where they stand in an index: bits 8 and 9.
_CHOICE = np.array([(~byte & 0x08) << 5 | (~byte & 0x80) << 2 for byte in range(256)], dtype=np.intp)


class StaArrays:
    """Both directions with these tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def encipher(self, keys: NDArray[np.uint8], blocks: Blocks) -> Blocks:
        turns = range(KEY_ALIGNMENT, KEY_ALIGNMENT - ROUNDS, -1)
        return _rounds(self._forward, keys, blocks, turns)

    def decipher(self, keys: NDArray[np.uint8], blocks: Blocks) -> Blocks:
        turns = range(KEY_ALIGNMENT - ROUNDS + 1, KEY_ALIGNMENT + 1)
        blocks = _permute(self._permutation_back, blocks)
        return _permute(self._permutation, _rounds(self._backward, keys, blocks, turns))

    @cached_property
    def _forward(self) -> NDArray[np.uint64]:
        return _flat(self._tables)

    @cached_property
    def _backward(self) -> NDArray[np.uint64]:
        return _flat(self._tables.inverse)

    @cached_property
    def _permutation(self) -> NDArray[np.uint64]:
        return np.array(spread_bytes(self._tables.permutation), dtype=np.uint64)

    @cached_property
    def _permutation_back(self) -> NDArray[np.uint64]:
        return np.array(spread_bytes(self._tables.inverse.permutation), dtype=np.uint64)


def _flat(tables: Tables) -> NDArray[np.uint64]:
    return np.array([chosen_bytes(tables, place) for place in range(8)], dtype=np.uint64).reshape(-1)


def _rounds(table: NDArray[np.uint64], keys: NDArray[np.uint8], blocks: Blocks, turns: range) -> Blocks:
    """Substitute and permute under the key turned right by each of `turns`."""
    count = len(blocks)
    numbers = np.ascontiguousarray(keys).view(">u8").reshape(count).astype("<u8")
    state = blocks.astype("<u8")
    state_bytes = state.view(np.uint8).reshape(count, 8).T
    index = np.empty((8, count), dtype=np.intp)
    found = np.empty((8, count), dtype=np.uint64)
    for turn in turns:
        turned = numbers >> np.uint64(turn % 64) | numbers << np.uint64(-turn % 64)
        key_bytes = turned.view(np.uint8).reshape(count, 8).T
        np.take(_CHOICE, key_bytes, out=index, mode="clip")
        np.add(index, _PLACES, out=index)
        np.add(index, state_bytes, out=index)
        np.take(table, index, out=found, mode="clip")
        np.bitwise_or.reduce(found, axis=0, out=state)
    return state


def _permute(spread: NDArray[np.uint64], blocks: Blocks) -> Blocks:
    state_bytes = blocks.astype("<u8").view(np.uint8).reshape(len(blocks), 8)
    permuted = np.zeros(len(blocks), dtype=np.uint64)
    for place in range(8):
        permuted |= spread[place][state_bytes[:, place]]
    return permuted
