"""EA07 tables from a licensee's own file, checked before they are used.

Production tables are given by the STS Association to its licensees and never become part of this project.
The file is TOML:

    name = "production"
    first_substitution  = [16 numbers, each of 0-15 once]
    second_substitution = [16 numbers, each of 0-15 once]
    permutation         = [64 numbers, each of 0-63 once; entry i is the output bit of input bit i]
    check = "16 hexadecimal digits"

`check` is optional: the block 0123456789abcdef under the key 0123456789abcdef, so that a file that was
copied with a mistake which is still a permutation is noticed. Bit 0 is the least significant.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from sts.ciphers.sta import Tables, encipher
from sts.errors import TablesWrong

CHECK_KEY = bytes.fromhex("0123456789abcdef")
CHECK_BLOCK = 0x0123456789ABCDEF


def load(path: str | Path) -> Tables:
    """The tables in a file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise TablesWrong(reason=f"it cannot be read ({type(error).__name__})") from None
    return parse(text)


def parse(text: str) -> Tables:
    """The tables in the text of a file."""
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        raise TablesWrong(reason="it is not TOML") from None
    unknown = content.keys() - {"name", "first_substitution", "second_substitution", "permutation", "check"}
    if unknown:
        raise TablesWrong(reason=f"it has an entry that is not known: {sorted(unknown)[0]}")
    name = content.get("name", "licensed")
    if not isinstance(name, str):
        raise TablesWrong(reason="the name must be text")
    tables = Tables(
        first=_permutation(content, "first_substitution", 16),
        second=_permutation(content, "second_substitution", 16),
        permutation=_permutation(content, "permutation", 64),
        name=name,
    )
    expected = content.get("check")
    if expected is not None and expected != check_value(tables):
        raise TablesWrong(reason="the check does not match; compare the tables with their source")
    return tables


def check_value(tables: Tables) -> str:
    """What the file's `check` must be for these tables."""
    return f"{encipher(tables, CHECK_KEY, CHECK_BLOCK):016x}"


def _permutation(content: dict[str, object], name: str, size: int) -> tuple[int, ...]:
    numbers = content.get(name)
    if not isinstance(numbers, list) or any(type(number) is not int for number in numbers):
        raise TablesWrong(reason=f"{name} must be a list of {size} whole numbers")
    if sorted(numbers) != list(range(size)):
        raise TablesWrong(reason=f"{name} must hold each number from 0 to {size - 1} exactly once")
    return tuple(numbers)
