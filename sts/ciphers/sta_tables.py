"""EA07 by table look-up: the fast form of `sts.ciphers.sta`, which says what is computed.

Substitution and permutation of one byte are one look-up. Which substitutions a round uses depends on two
bits of the key byte in the same place; over four rounds those are the eight bits of one key byte (the
key turns by one bit a round), so one look-up by key byte gives the tables of four rounds. The parts of
a block have no bit in common, so they are added, which Python does faster than OR.

Deciphering regroups the rounds: permute back; then sixteen times substitute back and permute back;
then permute forward, which takes the last permutation away. So both directions are the same loop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from sts.ciphers.sta import Tables

_GROUP = 4  # rounds whose choice of tables one key byte holds

Rounds = Callable[[bytes, int], int]
ByteTable = list[int]
RoundTables = list[list[tuple[ByteTable, ByteTable, ByteTable, ByteTable]]]


class Sta:
    """Both directions with these tables; the look-up tables are built when first used."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    @cached_property
    def encipher(self) -> Rounds:
        return _rounds(_round_bytes(self._tables), descending=False)

    @cached_property
    def decipher(self) -> Rounds:
        inverse = self._tables.inverse
        backward = _rounds(_round_bytes(inverse), descending=True)
        permute, permute_back = _permutation(self._tables.permutation), _permutation(inverse.permutation)
        return lambda key, block: permute(backward(key, permute_back(block)))


def _rounds(parts: RoundTables, *, descending: bool) -> Rounds:
    """Sixteen rounds in four groups; from group to group the key turns by four bits.

    The key begins turned right by 12, so the groups see it turned right by 12, 8, 4 and 0 bits.
    """
    if descending:
        parts = [[tables[::-1] for tables in place] for place in parts]
    p0, p1, p2, p3, p4, p5, p6, p7 = parts

    def rounds(key: bytes, block: int) -> int:
        number = int.from_bytes(key, "big")
        by_four = (number >> 4 | (number & 0xF) << 60).to_bytes(8, "big")
        groups = (by_four[7:] + by_four[:7], key[7:] + key[:7], by_four, key)
        for k7, k6, k5, k4, k3, k2, k1, k0 in groups[::-1] if descending else groups:
            a0, b0, c0, d0 = p0[k0]
            a1, b1, c1, d1 = p1[k1]
            a2, b2, c2, d2 = p2[k2]
            a3, b3, c3, d3 = p3[k3]
            a4, b4, c4, d4 = p4[k4]
            a5, b5, c5, d5 = p5[k5]
            a6, b6, c6, d6 = p6[k6]
            a7, b7, c7, d7 = p7[k7]
            x7, x6, x5, x4, x3, x2, x1, x0 = block.to_bytes(8, "big")
            block = a0[x0] + a1[x1] + a2[x2] + a3[x3] + a4[x4] + a5[x5] + a6[x6] + a7[x7]
            x7, x6, x5, x4, x3, x2, x1, x0 = block.to_bytes(8, "big")
            block = b0[x0] + b1[x1] + b2[x2] + b3[x3] + b4[x4] + b5[x5] + b6[x6] + b7[x7]
            x7, x6, x5, x4, x3, x2, x1, x0 = block.to_bytes(8, "big")
            block = c0[x0] + c1[x1] + c2[x2] + c3[x3] + c4[x4] + c5[x5] + c6[x6] + c7[x7]
            x7, x6, x5, x4, x3, x2, x1, x0 = block.to_bytes(8, "big")
            block = d0[x0] + d1[x1] + d2[x2] + d3[x3] + d4[x4] + d5[x5] + d6[x6] + d7[x7]
        return block

    return rounds


def _round_bytes(tables: Tables) -> RoundTables:
    """[place of the byte][key byte] -> the byte's tables in the four rounds of a group.

    The algorithm complements the key first; here a clear bit chooses the second substitution instead.
    """
    places: RoundTables = []
    for place in range(8):
        chosen = chosen_bytes(tables, place)
        places.append(
            [
                tuple(  # type: ignore[misc]
                    chosen[complement >> 3 - turn & 1 | (complement >> 7 - turn & 1) << 1]
                    for turn in range(_GROUP)
                )
                for complement in range(255, -1, -1)
            ]
        )
    return places


def chosen_bytes(tables: Tables, place: int) -> list[ByteTable]:
    """[choice of substitutions: bit 0 for the low nibble, bit 1 for the high][byte] -> its bits, permuted."""
    substitutions = (tables.first, tables.second)
    spread = spread_bytes(tables.permutation)[place]
    return [
        [
            spread[substitutions[choice & 1][byte & 0xF] | substitutions[choice >> 1][byte >> 4] << 4]
            for byte in range(256)
        ]
        for choice in range(4)
    ]


def _permutation(permutation: tuple[int, ...]) -> Callable[[int], int]:
    spreads = spread_bytes(permutation)

    def permute(block: int) -> int:
        return sum(spread[byte] for spread, byte in zip(spreads, block.to_bytes(8, "little"), strict=True))

    return permute


def spread_bytes(permutation: tuple[int, ...]) -> list[ByteTable]:
    """[place of the byte][byte] -> its eight bits where the permutation takes them."""
    return [
        [
            sum((byte >> bit & 1) << target for bit, target in enumerate(permutation[first : first + 8]))
            for byte in range(256)
        ]
        for first in range(0, 64, 8)
    ]
