"""A key file for `python -m sts explain`: one meter's key, or a vending key with the meter's numbers.

For test keys and for support with keys that one is allowed to hold; the security module has its own sealed
file. Keys are read from a file and never from the command line, which other users of a machine can see.

    ea = "11"                       |   ea = "11"
    decoder_key = "32 hex digits"   |   pan = "600727000000000009"
    base_date = 2014                |   ti = "01"
    key_type = 2                    |   dkga = "04"
                                    |   vending_key = "40 hex digits"
                                    |   key_type = 2, sgc = "123456", krn = 1, ken = 255, base_date = 2014
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from sts import dkga, keys
from sts.errors import KeyFileWrong
from sts.keys import DecoderKey, VendingKey

_NAMES = frozenset(
    ("ea", "decoder_key", "base_date", "key_type", "pan", "ti", "dkga", "vending_key", "sgc", "krn", "ken")
)


def load(path: str | Path) -> DecoderKey:
    """The decoder key that a file gives, or that follows from it."""
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise KeyFileWrong(reason=f"it cannot be read ({type(error).__name__})") from None
    except (ValueError, RecursionError):
        raise KeyFileWrong(reason="it is not TOML") from None
    unknown = content.keys() - _NAMES
    if unknown:
        raise KeyFileWrong(reason=f"it has an entry that is not known: {sorted(unknown)[0]}")
    if ("decoder_key" in content) == ("vending_key" in content):
        raise KeyFileWrong(reason="it must hold either decoder_key or vending_key")
    return _decoder_key(content) if "decoder_key" in content else _derived(content)


def _decoder_key(content: dict[str, Any]) -> DecoderKey:
    return DecoderKey(
        value=_hex(content, "decoder_key"),
        ea=_entry(content, "ea"),
        key_type=content.get("key_type", keys.KeyType.DUTK),
        sgc=content.get("sgc", "000000"),
        krn=content.get("krn", 1),
        ti=content.get("ti", "00"),
        ken=content.get("ken", keys.NEVER_EXPIRES),
        base_date=_entry(content, "base_date"),
    )


def _derived(content: dict[str, Any]) -> DecoderKey:
    vending_key = VendingKey(
        value=_hex(content, "vending_key"),
        key_type=content.get("key_type", keys.KeyType.DUTK),
        sgc=_entry(content, "sgc"),
        krn=_entry(content, "krn"),
        ken=content.get("ken", keys.NEVER_EXPIRES),
        base_date=_entry(content, "base_date"),
        dkga=dkga.algorithm(_entry(content, "dkga")),
    )
    return dkga.derive(
        vending_key, pan=_entry(content, "pan"), ti=_entry(content, "ti"), ea=_entry(content, "ea")
    )


def _entry(content: dict[str, Any], name: str) -> Any:
    if name not in content:
        raise KeyFileWrong(reason=f"the entry {name} is missing")
    return content[name]


def _hex(content: dict[str, Any], name: str) -> bytes:
    value = content[name]
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise KeyFileWrong(reason=f"{name} must be hexadecimal digits in quotes") from None
