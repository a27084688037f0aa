"""The public file of demonstration vending keys, read by the building that derives its own decoder keys (D13).

The same file feeds the demonstration key file, so what the module sells the twins accept. It holds test keys and nothing
else; the building refuses a file that does not say so, because a live key has no business in a simulator.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from meter.errors import MeterError
from sts import dkga
from sts.errors import StsError
from sts.keys import DecoderKey, KeyType, VendingKey
from sts.tid import BaseDate

MARK = "test keys"


class KeysWrong(MeterError):
    code = "keys_wrong"


class KeyNotThere(MeterError):
    code = "key_not_there"


@dataclass(frozen=True, slots=True)
class Keying:
    """What names a meter's key: enough to find the vending key and to derive from it."""

    pan: str
    ea: str
    dkga: str
    sgc: str
    krn: int
    ti: str
    key_type: int
    ken: int
    base_date: int


class TestKeys:
    """The vending keys of a file."""

    __test__ = False  # the name is about keys; pytest need not collect it

    def __init__(self, keys: list[VendingKey]) -> None:
        self._keys = {
            (each.sgc, each.krn, int(each.key_type), each.dkga, int(each.base_date)): each for each in keys
        }

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def read(cls, path: Path) -> TestKeys:
        """The keys of a file."""
        try:
            content = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise KeysWrong(
                f"The key file {path} cannot be read: {error.strerror}. Give its path with --keys."
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            raise KeysWrong(
                f"The key file {path} is not TOML. Use the demonstration file of the keystore."
            ) from None
        if not str(content.get("notice", "")).startswith(MARK):
            raise KeysWrong(f"The key file {path} is not marked as test keys. Twins take test keys only.")
        return cls([_key(each, path) for each in content.get("keys", [])])

    def decoder_key(self, keying: Keying) -> DecoderKey:
        """The key that a meter of this keying holds. Its expiry number is the meter's own (rules.md 8)."""
        name = (keying.sgc, keying.krn, keying.key_type, keying.dkga, keying.base_date)
        vending = self._keys.get(name)
        if vending is None:
            raise KeyNotThere(
                f"The key file has no key for supply group {keying.sgc}, revision {keying.krn}, type {keying.key_type},"
                f" DKGA{keying.dkga}, base date {keying.base_date}. Add it, or correct the meter {keying.pan[-5:]}."
            )
        try:
            derived = dkga.derive(vending, pan=keying.pan, ti=keying.ti, ea=keying.ea)
            return replace(derived, ken=keying.ken)
        except StsError as error:
            raise KeysWrong(f"Meter {keying.pan[-5:]}: {error.sentence}") from None


def _key(content: dict[str, Any], path: Path) -> VendingKey:
    try:
        return VendingKey(
            value=bytes.fromhex(content["value"]),
            key_type=KeyType(content["key_type"]),
            sgc=content["sgc"],
            krn=content["krn"],
            ken=content["ken"],
            base_date=BaseDate(content["base_date"]),
            dkga=content["dkga"],
        )
    except (KeyError, ValueError, TypeError, StsError):
        # The entry itself is not repeated: it holds a key.
        raise KeysWrong(
            f"An entry of the key file {path} is not a vending key. Compare it with its neighbours."
        ) from None
