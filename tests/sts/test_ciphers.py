"""Ciphers: reference, tables and arrays say the same; so do the bit-string oracle and Botan."""

import json
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sts_oracle import naive

from sts import ciphers
from sts.ciphers import misty1, misty1_arrays, misty1_tables, sta
from sts.ciphers.sta import SAMPLE, Tables
from sts.ciphers.sta_arrays import StaArrays
from sts.ciphers.sta_tables import Sta

KEYS_07, KEYS_11 = st.binary(min_size=8, max_size=8), st.binary(min_size=16, max_size=16)
BLOCKS = st.integers(0, (1 << 64) - 1)

_shuffle = random.Random(7)
OTHER = Tables(  # like production tables, its substitutions are not each other's inverse
    tuple(_shuffle.sample(range(16), 16)),
    tuple(_shuffle.sample(range(16), 16)),
    tuple(_shuffle.sample(range(64), 64)),
    "other",
)


def _arrays(function, key, block):
    keys = np.frombuffer(key, dtype=np.uint8).reshape(1, -1)
    return int(function(keys, np.array([block], dtype=np.uint64))[0])


@pytest.mark.parametrize("tables", [SAMPLE, OTHER], ids=lambda tables: tables.name)
@given(key=KEYS_07, block=BLOCKS)
def test_all_forms_of_sta_agree_and_come_back(tables, key, block):
    cipher_text = sta.encipher(tables, key, block)
    fast, arrays = _FAST[tables.name], _ARRAYS[tables.name]
    assert fast.encipher(key, block) == cipher_text
    assert _arrays(arrays.encipher, key, block) == cipher_text
    assert sta.decipher(tables, key, cipher_text) == block
    assert fast.decipher(key, cipher_text) == block
    assert _arrays(arrays.decipher, key, cipher_text) == block


_FAST = {tables.name: Sta(tables) for tables in (SAMPLE, OTHER)}
_ARRAYS = {tables.name: StaArrays(tables) for tables in (SAMPLE, OTHER)}


@given(KEYS_07, BLOCKS)
def test_the_oracle_in_strings_agrees(key, block):
    text = naive.sta_encrypt(naive.binary(int.from_bytes(key, "big"), 64), naive.binary(block, 64))
    assert sta.encipher(SAMPLE, key, block) == int(text, 2)


@given(KEYS_11, BLOCKS)
def test_all_forms_of_misty1_agree_and_come_back(key, block):
    cipher_text = misty1.encipher(key, block)
    assert misty1_tables.encipher(key, block) == cipher_text
    assert _arrays(misty1_arrays.encipher, key, block) == cipher_text
    assert misty1.decipher(key, cipher_text) == block
    assert misty1_tables.decipher(key, cipher_text) == block
    assert _arrays(misty1_arrays.decipher, key, cipher_text) == block


def test_the_worked_example_of_the_standard():
    key = bytes.fromhex("0ABC12DEF3456789")
    assert sta.encipher(SAMPLE, key, 0x0B19EB230100C207) == 0xC45ED1619406DF95


def test_the_example_of_the_rfc():
    key = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert misty1.encipher(key, 0x0123456789ABCDEF) == 0x8B1DA5F56AB3D07C
    assert misty1.encipher(key, 0xFEDCBA9876543210) == 0x04B68240B13BE95D


def test_the_sample_tables_are_permutations_and_each_other_s_inverse():
    assert SAMPLE.inverse.first == SAMPLE.second
    assert OTHER.inverse.first != OTHER.second
    assert sorted(SAMPLE.permutation) == list(range(64))
    assert SAMPLE.inverse.inverse == SAMPLE
    assert sorted(misty1.S7) == list(range(128))
    assert sorted(misty1.S9) == list(range(512))


def test_the_tables_by_number_are_complete():
    for form in (ciphers.REFERENCE, ciphers.DEFAULT, ciphers.reference(OTHER), ciphers.by_tables(OTHER)):
        assert set(form) == {"07", "11"}
        assert [form[ea].name for ea in ("07", "11")] == ["STA", "MISTY1"]
        for ea, length in (("07", 8), ("11", 16)):
            assert form[ea].decipher(bytes(length), form[ea].encipher(bytes(length), 5)) == 5
    assert ciphers.by_tables(OTHER)["07"].encipher(bytes(8), 5) == sta.encipher(OTHER, bytes(8), 5)
    assert ciphers.REFERENCE["07"].encipher(bytes(8), 5) == sta.encipher(SAMPLE, bytes(8), 5)


BOTAN = """
import json, sys
import botan2
for line in sys.stdin:
    key, block = json.loads(line)
    cipher = botan2.BlockCipher("MISTY1")
    cipher.set_key(bytes.fromhex(key))
    print(bytes(cipher.encrypt(bytes.fromhex(block))).hex())
"""


def test_botan_agrees_on_misty1():
    """The oracle is another project's code, in another language, by other people."""
    python = Path("/usr/bin/python3")
    if (
        not python.exists()
        or subprocess.run([python, "-c", "import botan2"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs python3-botan")
    draw = random.Random(2994)
    questions = [(draw.randbytes(16).hex(), draw.randbytes(8).hex()) for _ in range(2000)]
    lines = "\n".join(json.dumps(question) for question in questions)
    answers = subprocess.run(
        [python, "-c", BOTAN], input=lines, capture_output=True, text=True, check=True
    ).stdout.split()
    ours = [f"{misty1_tables.encipher(bytes.fromhex(key), int(block, 16)):016x}" for key, block in questions]
    assert answers == ours
