"""The shipped vector files: they pass, they are what the generator writes, and a false one is noticed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sts import vectors
from sts.errors import NotJson, VectorFileMissing

FOLDER = Path(__file__).parents[1] / "vectors"


@pytest.mark.parametrize("file", ["published.jsonl", "ampoule.jsonl"])
def test_every_vector_of_the_file_passes(file):
    outcomes = list(vectors.run_file(FOLDER / file))
    assert outcomes
    assert [outcome for outcome in outcomes if not outcome.passed] == []
    assert {outcome.file for outcome in outcomes} == {file}


def test_our_file_is_what_the_seeded_generator_writes():
    run = subprocess.run(
        [sys.executable, FOLDER / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_both_files_are_shipped():
    assert {file.name for file in vectors.shipped_files()} == {"published.jsonl", "ampoule.jsonl"}


def test_every_kind_has_a_positive_vector_and_most_a_negative():
    from sts.answer import KINDS

    lines = [json.loads(line) for file in vectors.shipped_files() for line in file.read_text().splitlines()]
    assert {line["kind"] for line in lines if "expected" in line} == set(KINDS)
    assert {line["kind"] for line in lines if "error" in line} >= {"decode", "credit", "dkga04", "meter_pan"}


def test_identities_are_unique():
    for file in vectors.shipped_files():
        ids = [json.loads(line)["id"] for line in file.read_text().splitlines()]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "planted",
    [
        {"expected": {"field": "0006", "decoded_tenths": 5}},
        {"expected": {"field": "0005"}},
        {"error": "amount_negative"},
        {},
    ],
)
def test_a_false_vector_fails(planted):
    assert not vectors.run(
        {"id": "x", "kind": "amount_field", "inputs": {"amount_tenths": 5}, **planted}
    ).passed


def test_a_negative_vector_passes_by_its_code_alone():
    vector = {"id": 7, "kind": "amount_field", "inputs": {"amount_tenths": -5}, "error": "amount_negative"}
    outcome = vectors.run(vector, "file")
    assert outcome.passed
    assert (outcome.file, outcome.id, outcome.kind) == ("file", "7", "amount_field")
    assert not vectors.run(vector | {"error": "range"}).passed


def test_hexadecimal_digits_are_compared_whatever_their_case():
    vector = {"kind": "crc16", "inputs": {"bytes": "00004A2D900FF2"}, "expected": {"crc": "0FFA"}}
    assert vectors.run(vector).passed


@pytest.mark.parametrize("content", ["[1]\n", "no json\n", '"text"\n'])
def test_a_file_that_holds_no_vectors_is_refused(tmp_path, content):
    file = tmp_path / "v.jsonl"
    file.write_text(content)
    with pytest.raises(NotJson):
        list(vectors.run_file(file))


def test_a_file_that_is_missing_or_not_text_is_refused(tmp_path, monkeypatch):
    with pytest.raises(VectorFileMissing):
        list(vectors.run_file(tmp_path / "none.jsonl"))
    file = tmp_path / "v.jsonl"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(VectorFileMissing):
        list(vectors.run_file(file))
    monkeypatch.setattr(vectors, "SHIPPED", (tmp_path / "nowhere",))
    with pytest.raises(VectorFileMissing):
        vectors.shipped_files()
