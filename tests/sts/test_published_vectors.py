"""The vectors published with the fact sheet, each put to the known-answer interface."""

import json
from pathlib import Path

import pytest

from sts.answer import answer

VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "vectors" / "published.jsonl").read_text().splitlines()
]


def _lower(value):
    return value.lower() if isinstance(value, str) else value


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_the_published_vector_is_answered(vector):
    expected = {name: _lower(value) for name, value in vector["expected"].items()}
    assert answer(vector["kind"], vector["inputs"]) == expected
