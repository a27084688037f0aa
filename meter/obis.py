"""OBIS codes as the text protocol writes them: `1.8.0` and `1-0:1.8.0*255` are one register.

Inside we keep the full form without the current-value suffix; letters of the short form stand for numbers.
"""

from __future__ import annotations

import re

_LETTERS = {"C": "96", "F": "97", "L": "98", "P": "99"}
_CODE = re.compile(
    r"(?:(?P<a>\d{1,3})-(?P<b>\d{1,3}):)?(?P<c>\d{1,3}|[CFLP])\.(?P<d>\d{1,3}|F)(?:\.(?P<e>\d{1,3}))?"
    r"(?:[*&](?P<f>\d{1,3}))?\Z"
)


def full(code: str) -> str:
    """`C.1.0` as `0-0:96.1.0`, `1.8.0` as `1-0:1.8.0`; what is no OBIS code stays as it is."""
    match = _CODE.match(code)
    if match is None:
        return code
    letter = match["c"]
    value = _LETTERS.get(letter, letter)
    abstract = int(value) in (0, 96, 97, 98, 99)
    group = match["a"] or ("0" if abstract else "1")
    last = "97" if match["d"] == "F" else match["d"]
    tail = "" if match["f"] in (None, "255") else f"*{match['f']}"
    return f"{group}-{match['b'] or '0'}:{int(value)}.{int(last)}.{int(match['e'] or 0)}{tail}"


def same_register(one: str, other: str) -> bool:
    """Whether two spellings mean one register."""
    return one == other or full(one) == full(other)
