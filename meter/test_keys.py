"""The public file of demonstration vending keys, read by the building that derives its own decoder keys (D13).

The same file feeds the demonstration key file, so what the module sells the twins accept. It holds test keys and nothing
else; the building refuses a file that does not say so, because a live key has no business in a simulator.
"""

from __future__ import annotations

import tomllib
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


class TestKeys:
    """Vending keys by supply group, revision and type."""

    __test__ = False  # the name is about keys; pytest need not collect it

    def __init__(self, keys: list[VendingKey]) -> None:
        self._keys = {(each.sgc, each.krn, each.key_type): each for each in keys}

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

    def one(self, sgc: str, krn: int, key_type: int) -> VendingKey:
        """The vending key of a keying."""
        try:
            return self._keys[sgc, krn, KeyType(key_type)]
        except (KeyError, ValueError):
            raise KeyNotThere(
                f"The key file has no key for supply group {sgc}, revision {krn}, type {key_type}. Add it, or correct the meter."
            ) from None

    def decoder_key(self, *, pan: str, sgc: str, krn: int, key_type: int, ti: str, ea: str) -> DecoderKey:
        """The key that a meter of this keying holds."""
        try:
            return dkga.derive(self.one(sgc, krn, key_type), pan=pan, ti=ti, ea=ea)
        except StsError as error:
            raise KeysWrong(f"Meter {pan[-5:]}: {error.sentence}") from None


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
