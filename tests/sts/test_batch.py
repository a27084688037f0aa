"""Arrays of tokens: the same digits as one at a time, and an error that names the place."""

import os
import random

import numpy as np
import pytest
from sts_cast import KEY_LENGTH, PAN_11, PAN_13, decoder_key, vending_key
from sts_oracle import naive

from sts import amount, batch, ciphers, dkga, drn, engine, pan, tokens, wire
from sts.errors import (
    AmountNotEncodable,
    CheckDigitWrong,
    DerivationMismatch,
    DerivationRefused,
    KeyLengthWrong,
    LengthsDiffer,
    LengthWrong,
    NotDigits,
    OutOfRange,
    StsError,
    WrongType,
)
from sts.tokens import Credit


def _keys(ea, count, draw):
    return np.frombuffer(draw.randbytes(count * KEY_LENGTH[ea]), dtype=np.uint8).reshape(count, -1)


def _meters(count, draw):
    for _ in range(count):
        if draw.random() < 0.5:
            yield pan.of("600727", drn.of(f"{draw.randrange(10**10):010d}"))
        else:
            yield pan.of("0000", drn.of(f"{draw.randrange(10**12):012d}"))


def _compare(ea, count, seed, engine_ciphers):
    draw = random.Random(seed)
    keys = _keys(ea, count, draw)
    values = {
        "subclass": [draw.randrange(4) for _ in range(count)],
        "rnd": [draw.randrange(16) for _ in range(count)],
        "tid": [draw.randrange(1 << 24) for _ in range(count)],
        "units": [amount.decode(draw.randrange(65536)) for _ in range(count)],
    }
    digits = batch.credits(keys, ea=ea, **values)
    expected = [
        Credit(*fields)
        for fields in zip(values["subclass"], values["rnd"], values["tid"], values["units"], strict=True)
    ]
    for row, token, text in zip(keys, expected, batch.as_text(digits), strict=True):
        key = decoder_key(ea, row.tobytes())
        assert engine.encode(token, key, ciphers=engine_ciphers) == text, f"seed {seed}"
    reading = batch.read(digits, keys, ea=ea)
    assert reading.in_range.all()
    assert reading.crc_holds.all()
    assert not reading.token_class.any()
    assert reading.subclass.tolist() == values["subclass"]
    assert reading.data.tolist() == [token.pack() for token in expected]


@pytest.mark.parametrize("ea", ["07", "11"])
def test_twenty_thousand_random_tokens_agree(ea):
    _compare(ea, 20_000, 62055, ciphers.DEFAULT)


@pytest.mark.parametrize("ea", ["07", "11"])
def test_a_thousand_agree_with_the_reference(ea):
    _compare(ea, 1_000, 62056, ciphers.REFERENCE)


@pytest.mark.long
@pytest.mark.parametrize("ea", ["07", "11"])
def test_a_million_random_tokens_agree(ea):
    _compare(ea, 500_000, int.from_bytes(os.urandom(4), "big"), ciphers.DEFAULT)


@pytest.mark.parametrize(("dkga_number", "ea"), [("04", "07"), ("04", "11"), ("02", "07")])
def test_derived_keys_are_those_of_one_at_a_time(dkga_number, ea):
    draw = random.Random(5)
    meters, key = list(_meters(300, draw)), vending_key(dkga_number)
    tis = [f"{draw.randrange(100):02d}" for _ in meters]
    rows = batch.derive(key, meters, tis, ea=ea)
    assert rows.shape == (300, KEY_LENGTH[ea])
    for meter, ti, row in zip(meters, tis, rows, strict=True):
        assert dkga.derive(key, pan=meter, ti=ti, ea=ea).value == row.tobytes()


@pytest.mark.parametrize(
    ("pans", "tis", "error"),
    [
        ([PAN_11, PAN_11[:-1] + "4"], ["07", "07"], CheckDigitWrong),
        ([PAN_11, "600727000000000017"], ["07", "07"], CheckDigitWrong),
        ([PAN_11, PAN_13[:-1] + "x"], ["07", "07"], NotDigits),
        ([PAN_11, PAN_13[:-1] + "\u0661"], ["07", "07"], NotDigits),
        ([PAN_11, PAN_13 + "0"], ["07", "07"], LengthWrong),
        ([PAN_11 + "0", PAN_13[:-1]], ["07", "07"], LengthWrong),
        ([PAN_11, PAN_13], ["07", "7"], LengthWrong),
        ([PAN_11, PAN_13], ["07", None], WrongType),
        ([PAN_11, None], ["07", "07"], WrongType),
        ([PAN_11, PAN_13], ["07"], LengthsDiffer),
    ],
)
def test_a_meter_that_is_none_is_refused(pans, tis, error):
    with pytest.raises(error):
        batch.derive(vending_key(), pans, tis, ea="11")


def test_a_derivation_that_must_not_be_is_refused():
    with pytest.raises(DerivationMismatch):
        batch.derive(vending_key("02"), [PAN_11], ["07"], ea="11")
    with pytest.raises(DerivationRefused):
        batch.derive(vending_key(key_type=3), [PAN_11], ["07"], ea="11")
    assert len(batch.derive(vending_key(), [], [], ea="11")) == 0


@pytest.mark.parametrize("ea", ["07", "11"])
@pytest.mark.parametrize("token_class", [0, 1, 2])
def test_every_class_and_subclass_agrees(ea, token_class):
    draw = random.Random(token_class)
    keys = _keys(ea, 64, draw)
    subclasses, data = [n % 16 for n in range(64)], [draw.randrange(1 << 44) for _ in range(64)]
    digits = batch.encode(token_class, subclasses, data, keys, ea=ea)
    reading = batch.read(digits, keys, ea=ea)
    assert reading.crc_holds.all()
    assert reading.token_class.tolist() == [token_class] * 64
    for subclass, bits, row, text in zip(subclasses, data, keys, batch.as_text(digits), strict=True):
        token = tokens.unpack(token_class, subclass, bits)
        if token.pack() == bits:  # money below nothing at nothing has two codes
            assert engine.encode(token, decoder_key(ea, row.tobytes())) == text


def test_digits_of_any_class_are_read_as_the_engine_reads_them():
    draw = random.Random(9)
    texts = [f"{draw.randrange(10**20):020d}" for _ in range(3000)] + [
        "0" * 20,
        "9" * 20,
        str(1 << 66),
        str((1 << 66) - 1),
    ]
    keys = _keys("07", len(texts), draw)
    reading = batch.read(np.array(texts, dtype="S20"), keys, ea="07")
    for at, text in enumerate(texts):
        assert reading.in_range[at] == (int(text) < 1 << 66)
        if reading.in_range[at]:
            block, token_class = wire.extract_class(int(text))
            assert reading.token_class[at] == token_class
            if token_class == 1:
                assert int(reading.subclass[at]) << 44 | int(reading.data[at]) == block >> 16
        try:
            engine.read(text, decoder_key("07", keys[at].tobytes()))
        except StsError:
            assert not reading.crc_holds[at]
        else:
            assert reading.crc_holds[at]


def test_what_is_not_digits_is_not_in_range():
    texts = np.array([b"1234567890123456789", b"1234567890123456789x", b"0" * 20, b" " * 20], dtype="S20")
    reading = batch.read(texts, np.zeros((4, 8), dtype=np.uint8), ea="07")
    assert reading.in_range.tolist() == [False, False, True, False]
    assert not reading.crc_holds[[0, 1, 3]].any()


def test_class_three_never_holds():
    text = naive.digits(naive.with_class("0" * 64, 3))
    reading = batch.read(np.array([text], dtype="S20"), np.zeros((1, 8), dtype=np.uint8), ea="07")
    assert reading.in_range.all()
    assert not reading.crc_holds.any()


KEYS = np.zeros((3, 16), dtype=np.uint8)
GOOD = {"ea": "11", "subclass": 0, "rnd": 5, "tid": 1, "units": 100}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"subclass": 4}, OutOfRange),
        ({"rnd": 16}, OutOfRange),
        ({"rnd": [0, -1, 0]}, OutOfRange),
        ({"tid": 1 << 24}, OutOfRange),
        ({"units": 18201625}, OutOfRange),
        ({"units": [1, 2, 16385]}, AmountNotEncodable),
        ({"units": [1, 2]}, LengthsDiffer),
        ({"units": 1.5}, WrongType),
        ({"units": "100"}, WrongType),
        ({"units": None}, WrongType),
        ({"units": True}, WrongType),
        ({"units": [[1, 2, 3]]}, WrongType),
        ({"units": [1, [2], 3]}, WrongType),
        ({"tid": 1 << 70}, WrongType),
        ({"ea": "09"}, StsError),
        ({"ea": "07"}, KeyLengthWrong),
    ],
)
def test_a_bad_value_is_refused(change, error):
    assert len(batch.credits(KEYS, **GOOD)) == 3
    with pytest.raises(error):
        batch.credits(KEYS, **GOOD | change)


def test_the_error_names_the_place():
    with pytest.raises(OutOfRange) as refusal:
        batch.credits(KEYS, **GOOD | {"tid": [1, 2, 1 << 24]})
    assert refusal.value.fields == {"what": "TID at place 2", "low": 0, "high": 0xFFFFFF}
    with pytest.raises(AmountNotEncodable) as refusal:
        batch.credits(KEYS, **GOOD | {"units": [1, 180220, 2]})
    assert refusal.value.fields == {"amount": 180220, "below": 180214, "above": 180224}


@pytest.mark.parametrize(
    "keys", [None, b"", [[0] * 16], np.zeros(16, dtype=np.uint8), np.zeros((3, 16), dtype=np.int64)]
)
def test_what_are_no_keys_are_refused(keys):
    with pytest.raises(WrongType):
        batch.encode(0, 0, 0, keys, ea="11")


def test_tokens_come_in_as_an_array_of_digits():
    for wrong in (["0" * 20] * 3, np.array(["0" * 20] * 3), np.array([b"0" * 19] * 3), None):
        with pytest.raises(WrongType):
            batch.read(wrong, KEYS, ea="11")
    with pytest.raises(LengthsDiffer):
        batch.read(np.array([b"0" * 20]), KEYS, ea="11")
    with pytest.raises(OutOfRange):
        batch.encode(3, 0, 0, KEYS, ea="11")
