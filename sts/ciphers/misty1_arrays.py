"""EA11 for arrays of blocks, each with its own key: `sts.ciphers.misty1` with the loop over tokens inside.

Needs numpy, so only `sts.batch` imports it. Every word of key and block is an array of 16-bit numbers.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from sts.ciphers.misty1 import ROUNDS
from sts.ciphers.misty1_tables import fi_tables

Blocks = NDArray[np.uint64]
Words = NDArray[np.uint16]


def encipher(keys: NDArray[np.uint8], blocks: Blocks) -> Blocks:
    e, f = _expand(keys)
    lh, ll, rh, rl = _words(blocks)
    for k in range(0, ROUNDS, 2):
        _fl(e, f, k // 2, lh, ll, rh, rl)
        high, low = _fo(e, f, k, lh, ll)
        rh, rl = rh ^ high, rl ^ low
        high, low = _fo(e, f, k + 1, rh, rl)
        lh, ll = lh ^ high, ll ^ low
    _fl(e, f, ROUNDS // 2, lh, ll, rh, rl)
    return _join(rh, rl, lh, ll)


def decipher(keys: NDArray[np.uint8], blocks: Blocks) -> Blocks:
    e, f = _expand(keys)
    rh, rl, lh, ll = _words(blocks)
    _fl_undo(e, f, ROUNDS // 2, lh, ll, rh, rl)
    for k in range(ROUNDS - 2, -1, -2):
        high, low = _fo(e, f, k + 1, rh, rl)
        lh, ll = lh ^ high, ll ^ low
        high, low = _fo(e, f, k, lh, ll)
        rh, rl = rh ^ high, rl ^ low
        _fl_undo(e, f, k // 2, lh, ll, rh, rl)
    return _join(lh, ll, rh, rl)


@cache
def _tables() -> tuple[Words, Words]:
    first, second = fi_tables()
    return np.array(first, dtype=np.uint16), np.array(second, dtype=np.uint16)


def _expand(keys: NDArray[np.uint8]) -> tuple[list[Words], list[Words]]:
    words = np.ascontiguousarray(keys).view(">u2").reshape(len(keys), 8)
    e = [words[:, i].astype(np.uint16) for i in range(8)]
    return e, [_fi(e[i], e[(i + 1) % 8]) for i in range(8)]


def _fi(data: Words, key: Words) -> Words:
    first, second = _tables()
    crossed = np.take(first, data, mode="clip")
    crossed ^= key
    return np.take(second, crossed, mode="clip")


def _fo(e: list[Words], f: list[Words], k: int, high: Words, low: Words) -> tuple[Words, Words]:
    """FO of one half; the other half takes it in by XOR."""
    u = _fi(high ^ e[k % 8], f[(k + 5) % 8])
    u ^= low
    v = _fi(low ^ e[(k + 2) % 8], f[(k + 1) % 8])
    v ^= u
    u = _fi(u ^ e[(k + 7) % 8], f[(k + 3) % 8])
    u ^= v
    v ^= e[(k + 4) % 8]
    return v, u


def _fl(e: list[Words], f: list[Words], half: int, lh: Words, ll: Words, rh: Words, rl: Words) -> None:
    """FL of both halves; the left takes the keys of an even index, the right those of the odd one."""
    ll ^= lh & e[half]
    lh ^= ll | f[(half + 6) % 8]
    rl ^= rh & f[(half + 2) % 8]
    rh ^= rl | e[(half + 4) % 8]


def _fl_undo(e: list[Words], f: list[Words], half: int, lh: Words, ll: Words, rh: Words, rl: Words) -> None:
    lh ^= ll | f[(half + 6) % 8]
    ll ^= lh & e[half]
    rh ^= rl | e[(half + 4) % 8]
    rl ^= rh & f[(half + 2) % 8]


def _words(blocks: Blocks) -> list[Words]:
    words = blocks.astype(">u8").view(">u2").reshape(len(blocks), 4)
    return [words[:, i].astype(np.uint16) for i in range(4)]


def _join(*words: Words) -> Blocks:
    joined = np.empty((len(words[0]), 4), dtype=">u2")
    for i, word in enumerate(words):
        joined[:, i] = word
    return joined.view(">u8").reshape(-1).astype(np.uint64)
