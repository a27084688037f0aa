"""The encryption algorithms by number (EA): the table that the engine looks into.

EA07 (STA) needs substitution and permutation tables: the sample tables are built in, a licensee's own
come from `sts.ciphers.table_file`. EA11 (MISTY1) needs none. EA09 is listed by the standard and not in use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from sts.ciphers import misty1, misty1_tables, sta, sta_tables


@dataclass(frozen=True, slots=True)
class Cipher:
    """One algorithm: a 64-bit block through a key, and back."""

    name: str
    encipher: Callable[[bytes, int], int]
    decipher: Callable[[bytes, int], int]


Ciphers = Mapping[str, Cipher]


def reference(tables: sta.Tables = sta.SAMPLE) -> Ciphers:
    """The algorithms as the standard describes them, step by step."""
    return {
        "07": Cipher("STA", partial(sta.encipher, tables), partial(sta.decipher, tables)),
        "11": Cipher("MISTY1", misty1.encipher, misty1.decipher),
    }


def by_tables(tables: sta.Tables = sta.SAMPLE) -> Ciphers:
    """The same algorithms by table look-up, compared with the reference in the tests."""
    fast = sta_tables.Sta(tables)
    return {
        "07": Cipher(
            "STA",
            lambda key, block: fast.encipher(key, block),
            lambda key, block: fast.decipher(key, block),
        ),
        "11": Cipher("MISTY1", misty1_tables.encipher, misty1_tables.decipher),
    }


REFERENCE: Ciphers = reference()
DEFAULT: Ciphers = by_tables()
