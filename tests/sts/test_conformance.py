"""The conformance table of the documents: every row is true, and every test that it names exists."""

import json
import re
from pathlib import Path

import pytest

from sts.answer import answer, code_of
from sts.errors import StsError

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs" / "reference" / "conformance.md").read_text()
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| `(\w+)` `(\{.*?\})` \| `(.+?)` \| (\w+) \| ", TABLE, re.MULTILINE)


def came(kind, inputs):
    try:
        return json.dumps(answer(kind, inputs))
    except StsError as error:
        return f"refused: {code_of(error)}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_the_row_is_true(row):
    _, _, kind, inputs, expected, ours = row
    assert ours == "same"
    assert came(kind, json.loads(inputs)) == expected


def test_the_table_was_read():
    assert len(ROWS) > 35
    assert "This is not a certification" in TABLE.split("\n## ")[0]
    assert came("amount_field", {"amount_tenths": 5}) != '{"field": "0006", "decoded_tenths": 5}'


@pytest.mark.parametrize("name", re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", TABLE))
def test_the_test_that_a_row_names_exists(name):
    file, _, function = name.partition("::")
    assert f"def {function}" in (ROOT / file).read_text()
