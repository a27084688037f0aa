"""The words of the meter, in every language that is complete: `meter/words/<language>.toml`.

Own small files and no gettext, because the terminal keypad and the driver's advice run without the web's libraries. A
sentence is whole; figures are put in by name. What the display itself writes (ACCEPT, USED …) is the device's and stays.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

FOLDER = resources.files("meter") / "words"
DEFAULT = "en"
LANGUAGES = ("en", "zh", "fr", "ar")


@dataclass(frozen=True, slots=True)
class Words:
    """One language."""

    code: str
    name: str
    direction: str
    sections: dict[str, dict[str, str]]

    def say(self, section: str, key: str, **fields: Any) -> str:
        """The sentence for a key. A key without a sentence is our own fault."""
        return self.sections[section][key].format(**fields)

    def label(self, key: str) -> str:
        return self.sections["label"].get(key, key)


@cache
def words(code: str) -> Words:
    """The words of a language; English for one that is not here."""
    code = code if code in LANGUAGES else DEFAULT
    content = tomllib.loads((FOLDER / f"{code}.toml").read_text("utf-8"))
    name, direction = content.pop("language"), content.pop("direction")
    return Words(code, name, direction, content)


def choose(wanted: str | None) -> str:
    """The language for an Accept-Language header or a plain code."""
    for part in (wanted or "").split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return DEFAULT
