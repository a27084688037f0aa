"""EA07, the standard transfer algorithm (STA): 64-bit block and key, 16 rounds. The clear reference.

Tables are a value. The sample tables are those printed in the standard, for tests and closed systems;
compliant meters use the tables that the STS Association gives to its licensees, which are never
part of this project: `sts.ciphers.table_file` loads them from the licensee's own file.

The second substitution table of the sample happens to be the inverse of the first. That does not hold
for production tables, so deciphering always inverts the table that enciphering used.
"""

from __future__ import annotations

from dataclasses import dataclass

ROUNDS = 16
NIBBLES = 16
KEY_ALIGNMENT = 12  # bits to the right, before the first round
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Tables:
    """Two substitutions of nibbles, and a permutation: input bit i goes to output bit permutation[i]."""

    first: tuple[int, ...]
    second: tuple[int, ...]
    permutation: tuple[int, ...]
    name: str = "sample"

    @property
    def inverse(self) -> Tables:
        return Tables(_inverse(self.first), _inverse(self.second), _inverse(self.permutation), self.name)


# fmt: off
SAMPLE = Tables(
    first=(12, 10, 8, 4, 3, 15, 0, 2, 14, 1, 5, 13, 6, 9, 7, 11),
    second=(6, 9, 7, 4, 3, 10, 12, 14, 2, 13, 1, 15, 0, 11, 8, 5),
    permutation=(
        29, 27, 34, 9, 16, 62, 55, 2, 40, 49, 38, 25, 33, 61, 30, 23,
        1, 41, 21, 57, 42, 15, 5, 58, 19, 53, 22, 17, 48, 28, 24, 39,
        3, 60, 36, 14, 11, 52, 54, 12, 31, 51, 10, 26, 0, 45, 37, 43,
        44, 6, 59, 4, 7, 35, 56, 50, 13, 18, 32, 47, 46, 63, 20, 8,
    ),
)
# fmt: on


def encipher(tables: Tables, key: bytes, block: int) -> int:
    """Each round substitutes, permutes, and turns the key left by one."""
    turning = _aligned(key)
    for _ in range(ROUNDS):
        block = _permute(tables.permutation, _substitute(tables, turning, block))
        turning = _rotate_left(turning, 1)
    return block


def decipher(tables: Tables, key: bytes, block: int) -> int:
    """Each round permutes back, substitutes back, and turns the key right by one."""
    inverse = tables.inverse
    turning = _rotate_left(_aligned(key), ROUNDS - 1)
    for _ in range(ROUNDS):
        block = _substitute(inverse, turning, _permute(inverse.permutation, block))
        turning = _rotate_left(turning, -1)
    return block


def _aligned(key: bytes) -> int:
    """The key complemented, then turned right."""
    return _rotate_left(int.from_bytes(key, "big") ^ _MASK, -KEY_ALIGNMENT)


def _substitute(tables: Tables, key: int, block: int) -> int:
    """Nibble by nibble; the top bit of the key's nibble in the same place chooses the table."""
    substituted = 0
    for nibble in range(NIBBLES):
        shift = 4 * nibble
        table = tables.second if key >> shift & 0b1000 else tables.first
        substituted |= table[block >> shift & 0xF] << shift
    return substituted


def _permute(permutation: tuple[int, ...], block: int) -> int:
    permuted = 0
    for source, target in enumerate(permutation):
        permuted |= (block >> source & 1) << target
    return permuted


def _rotate_left(value: int, places: int) -> int:
    places %= 64
    return (value << places | value >> 64 - places) & _MASK


def _inverse(table: tuple[int, ...]) -> tuple[int, ...]:
    inverse = [0] * len(table)
    for source, target in enumerate(table):
        inverse[target] = source
    return tuple(inverse)
