"""The public test keys (`demonstration.toml`), and how a live key file knows them: by their check values."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from keystore import check_value

PATH = Path(__file__).with_name("demonstration.toml")


@cache
def public() -> dict[str, Any]:
    """The file as it is."""
    return tomllib.loads(PATH.read_text(encoding="utf-8"))


@cache
def check_values() -> frozenset[str]:
    return frozenset(check_value.of(bytes.fromhex(key["value"])) for key in public()["keys"])


def is_test_key(kcv: str) -> bool:
    """Whether this check value is on the list of public test keys."""
    return kcv in check_values()
