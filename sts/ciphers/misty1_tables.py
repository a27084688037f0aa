"""EA11 by table look-up: the fast form of `sts.ciphers.misty1`, which says what is computed.

FI is two tables of 65,536 entries with the key between them; they are built when first used. The rounds
are written out, because the names of the key's words turn with the round: e0-e7 are EK[0-7], f0-f7 are
EK[8-15], (lh, ll) and (rh, rl) are the halves of the block in 16-bit words.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable
from functools import cache

from sts.ciphers.misty1 import S7, S9

_words: Callable[[bytes], tuple[int, ...]] = struct.Struct(">8H").unpack
_half_words: Callable[[bytes], tuple[int, ...]] = struct.Struct(">4H").unpack


@cache
def fi_tables() -> tuple[array[int], array[int]]:
    """What FI does before the key enters, and after. Arrays, because lists of this size leave no room in a cache."""
    first, second = array("H", bytes(2 * 65536)), array("H", bytes(2 * 65536))
    for data in range(65536):
        nine = S9[data >> 7] ^ data & 0x7F
        first[data] = (S7[data & 0x7F] ^ nine & 0x7F) << 9 | nine
        seven, nine = data >> 9, data & 0x1FF
        second[data] = seven << 9 | S9[nine] ^ seven
    return first, second


def encipher(key: bytes, block: int) -> int:
    first, second = fi_tables()
    e0, e1, e2, e3, e4, e5, e6, e7 = _words(key)
    f0 = second[first[e0] ^ e1]
    f1 = second[first[e1] ^ e2]
    f2 = second[first[e2] ^ e3]
    f3 = second[first[e3] ^ e4]
    f4 = second[first[e4] ^ e5]
    f5 = second[first[e5] ^ e6]
    f6 = second[first[e6] ^ e7]
    f7 = second[first[e7] ^ e0]
    lh, ll, rh, rl = _half_words(block.to_bytes(8, "big"))
    # FL 0, 1
    ll ^= lh & e0
    lh ^= ll | f6
    rl ^= rh & f2
    rh ^= rl | e4
    # FO 0
    u = second[first[lh ^ e0] ^ f5] ^ ll
    v = second[first[ll ^ e2] ^ f1] ^ u
    rh ^= v ^ e4
    rl ^= second[first[u ^ e7] ^ f3] ^ v
    # FO 1
    u = second[first[rh ^ e1] ^ f6] ^ rl
    v = second[first[rl ^ e3] ^ f2] ^ u
    lh ^= v ^ e5
    ll ^= second[first[u ^ e0] ^ f4] ^ v
    # FL 2, 3
    ll ^= lh & e1
    lh ^= ll | f7
    rl ^= rh & f3
    rh ^= rl | e5
    # FO 2
    u = second[first[lh ^ e2] ^ f7] ^ ll
    v = second[first[ll ^ e4] ^ f3] ^ u
    rh ^= v ^ e6
    rl ^= second[first[u ^ e1] ^ f5] ^ v
    # FO 3
    u = second[first[rh ^ e3] ^ f0] ^ rl
    v = second[first[rl ^ e5] ^ f4] ^ u
    lh ^= v ^ e7
    ll ^= second[first[u ^ e2] ^ f6] ^ v
    # FL 4, 5
    ll ^= lh & e2
    lh ^= ll | f0
    rl ^= rh & f4
    rh ^= rl | e6
    # FO 4
    u = second[first[lh ^ e4] ^ f1] ^ ll
    v = second[first[ll ^ e6] ^ f5] ^ u
    rh ^= v ^ e0
    rl ^= second[first[u ^ e3] ^ f7] ^ v
    # FO 5
    u = second[first[rh ^ e5] ^ f2] ^ rl
    v = second[first[rl ^ e7] ^ f6] ^ u
    lh ^= v ^ e1
    ll ^= second[first[u ^ e4] ^ f0] ^ v
    # FL 6, 7
    ll ^= lh & e3
    lh ^= ll | f1
    rl ^= rh & f5
    rh ^= rl | e7
    # FO 6
    u = second[first[lh ^ e6] ^ f3] ^ ll
    v = second[first[ll ^ e0] ^ f7] ^ u
    rh ^= v ^ e2
    rl ^= second[first[u ^ e5] ^ f1] ^ v
    # FO 7
    u = second[first[rh ^ e7] ^ f4] ^ rl
    v = second[first[rl ^ e1] ^ f0] ^ u
    lh ^= v ^ e3
    ll ^= second[first[u ^ e6] ^ f2] ^ v
    # FL 8, 9
    ll ^= lh & e4
    lh ^= ll | f2
    rl ^= rh & f6
    rh ^= rl | e0
    return rh << 48 | rl << 32 | lh << 16 | ll


def decipher(key: bytes, block: int) -> int:
    first, second = fi_tables()
    e0, e1, e2, e3, e4, e5, e6, e7 = _words(key)
    f0 = second[first[e0] ^ e1]
    f1 = second[first[e1] ^ e2]
    f2 = second[first[e2] ^ e3]
    f3 = second[first[e3] ^ e4]
    f4 = second[first[e4] ^ e5]
    f5 = second[first[e5] ^ e6]
    f6 = second[first[e6] ^ e7]
    f7 = second[first[e7] ^ e0]
    rh, rl, lh, ll = _half_words(block.to_bytes(8, "big"))
    # FL 8, 9, undone
    lh ^= ll | f2
    ll ^= lh & e4
    rh ^= rl | e0
    rl ^= rh & f6
    # FO 7
    u = second[first[rh ^ e7] ^ f4] ^ rl
    v = second[first[rl ^ e1] ^ f0] ^ u
    lh ^= v ^ e3
    ll ^= second[first[u ^ e6] ^ f2] ^ v
    # FO 6
    u = second[first[lh ^ e6] ^ f3] ^ ll
    v = second[first[ll ^ e0] ^ f7] ^ u
    rh ^= v ^ e2
    rl ^= second[first[u ^ e5] ^ f1] ^ v
    # FL 6, 7, undone
    lh ^= ll | f1
    ll ^= lh & e3
    rh ^= rl | e7
    rl ^= rh & f5
    # FO 5
    u = second[first[rh ^ e5] ^ f2] ^ rl
    v = second[first[rl ^ e7] ^ f6] ^ u
    lh ^= v ^ e1
    ll ^= second[first[u ^ e4] ^ f0] ^ v
    # FO 4
    u = second[first[lh ^ e4] ^ f1] ^ ll
    v = second[first[ll ^ e6] ^ f5] ^ u
    rh ^= v ^ e0
    rl ^= second[first[u ^ e3] ^ f7] ^ v
    # FL 4, 5, undone
    lh ^= ll | f0
    ll ^= lh & e2
    rh ^= rl | e6
    rl ^= rh & f4
    # FO 3
    u = second[first[rh ^ e3] ^ f0] ^ rl
    v = second[first[rl ^ e5] ^ f4] ^ u
    lh ^= v ^ e7
    ll ^= second[first[u ^ e2] ^ f6] ^ v
    # FO 2
    u = second[first[lh ^ e2] ^ f7] ^ ll
    v = second[first[ll ^ e4] ^ f3] ^ u
    rh ^= v ^ e6
    rl ^= second[first[u ^ e1] ^ f5] ^ v
    # FL 2, 3, undone
    lh ^= ll | f7
    ll ^= lh & e1
    rh ^= rl | e5
    rl ^= rh & f3
    # FO 1
    u = second[first[rh ^ e1] ^ f6] ^ rl
    v = second[first[rl ^ e3] ^ f2] ^ u
    lh ^= v ^ e5
    ll ^= second[first[u ^ e0] ^ f4] ^ v
    # FO 0
    u = second[first[lh ^ e0] ^ f5] ^ ll
    v = second[first[ll ^ e2] ^ f1] ^ u
    rh ^= v ^ e4
    rl ^= second[first[u ^ e7] ^ f3] ^ v
    # FL 0, 1, undone
    lh ^= ll | f6
    ll ^= lh & e0
    rh ^= rl | e4
    rl ^= rh & f2
    return lh << 48 | ll << 32 | rh << 16 | rl
