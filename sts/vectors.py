"""Running vector files: each line a question, and the answer or the error code that must come.

The files stand in tests/vectors; their format is described in docs/reference/vectors.md, for other
projects to use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sts import answer
from sts.errors import NotJson, StsError, VectorFileMissing

FILES = ("published.jsonl", "ampoule.jsonl")
SHIPPED = (Path(__file__).parent / "_vectors", Path(__file__).parent.parent / "tests" / "vectors")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One vector, what was expected and what came."""

    file: str
    id: str
    kind: str
    expected: object
    came: object

    @property
    def passed(self) -> bool:
        return self.expected == self.came


def shipped_files() -> list[Path]:
    """The vector files that come with the project."""
    for folder in SHIPPED:
        files = [folder / name for name in FILES]
        if all(file.exists() for file in files):
            return files
    raise VectorFileMissing()


def run_file(path: Path) -> Iterator[Outcome]:
    """Every vector of a file, in order."""
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield run(_vector(line), path.name)
    except (OSError, UnicodeDecodeError):
        raise VectorFileMissing() from None


def run(vector: dict[str, Any], file: str = "") -> Outcome:
    """One vector put to the known-answer interface."""
    expected = _lower(vector["expected"]) if "expected" in vector else {"error": vector.get("error")}
    came: object
    try:
        came = answer.answer(vector.get("kind"), vector.get("inputs"))
    except StsError as error:
        came = {"error": answer.code_of(error)}
    return Outcome(file, str(vector.get("id")), str(vector.get("kind")), expected, came)


def _vector(line: str) -> dict[str, Any]:
    try:
        vector = json.loads(line)
    except (ValueError, RecursionError):
        raise NotJson() from None
    if not isinstance(vector, dict):
        raise NotJson()
    return vector


def _lower(expected: object) -> object:
    """Hexadecimal digits are compared whatever their case."""
    if isinstance(expected, dict):
        return {name: value.lower() if isinstance(value, str) else value for name, value in expected.items()}
    return expected
