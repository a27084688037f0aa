"""T-15: what a decoder does with digits that were mistyped, damaged or invented.

A 16-bit checksum cannot refuse everything: it lets one wrong block in 65,536 through, and no more. So the
battery demands that rate, that 2^66 is refused always, that nothing but a refusal leaves the decoder,
and that decoder and arrays agree. First it shows that it would notice a decoder that is too generous.
"""

import os
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sts_cast import KEY_LENGTH, decoder_key

from sts import batch, engine, tokens, wire
from sts.errors import CrcWrong, FormatWrong, StsError, TokenTooLarge, Unsupported

RATE = 1 / 65536
CREDIT = tokens.Credit(0, 5, 6_778_500, 1_500)


def within_five_sigma(passed, tried):
    expected = tried * RATE
    return abs(passed - expected) <= 5 * (expected * (1 - RATE)) ** 0.5 + 1


def edits(digits, *, doubled):
    """Every single wrong digit and every exchange of neighbours; with `doubled`, every two wrong digits."""
    for at, digit in enumerate(digits):
        for other in "0123456789":
            if other != digit:
                changed = digits[:at] + other + digits[at + 1 :]
                yield changed
                if doubled:
                    for then in range(at + 1, len(digits)):
                        for second in "0123456789":
                            if second != changed[then]:
                                yield changed[:then] + second + changed[then + 1 :]
        if at and digits[at - 1] != digit:
            yield digits[: at - 1] + digit + digits[at - 1] + digits[at + 1 :]


def sound(texts, ea, key):
    """How many are in range, how many of those pass the checksum (classes that have one)."""
    rows = np.broadcast_to(np.frombuffer(key.value, dtype=np.uint8), (len(texts), KEY_LENGTH[ea]))
    reading = batch.read(np.asarray(texts, dtype="S20"), np.ascontiguousarray(rows), ea=ea)
    tried = reading.in_range & (reading.token_class != 3)
    return int(tried.sum()), int(reading.crc_holds.sum())


def random_digits(count, generator):
    return (generator.integers(0, 10, (count, 20), dtype=np.uint8) + ord("0")).view("S20").reshape(count)


def test_a_decoder_that_is_too_generous_would_be_caught():
    assert not within_five_sigma(passed=120, tried=1_000_000)
    assert not within_five_sigma(passed=4 * 65_536, tried=65_536 * 16)
    assert within_five_sigma(passed=15, tried=1_000_000)


@pytest.mark.parametrize("ea", ["07", "11"])
def test_wrong_digits_pass_at_the_rate_of_the_checksum_and_no_more(ea):
    draw = random.Random(15)
    tried = passed = 0
    for number in range(100):
        key = decoder_key(ea, draw.randbytes(KEY_LENGTH[ea]))
        digits = engine.encode(tokens.Credit(0, draw.randrange(16), draw.randrange(1 << 24), 100), key)
        in_range, holds = sound(list(edits(digits, doubled=number < 10)), ea, key)
        tried, passed = tried + in_range, passed + holds
    assert tried > 100_000
    assert within_five_sigma(passed, tried), (passed, tried)


@pytest.mark.parametrize("ea", ["07", "11"])
def test_invented_digits_pass_at_the_rate_of_the_checksum_and_no_more(ea):
    _invented(ea, 500_000, np.random.default_rng(15))


@pytest.mark.long
@pytest.mark.parametrize("ea", ["07", "11"])
def test_a_thousand_million_invented_digits(ea):
    _invented(ea, 500_000_000, np.random.default_rng(int.from_bytes(os.urandom(8), "big")))


def _invented(ea, count, generator):
    key = decoder_key(ea)
    tried = passed = refused = 0
    for _ in range(count // 100_000):
        in_range, holds = sound(random_digits(100_000, generator), ea, key)
        tried, passed, refused = tried + in_range, passed + holds, refused + 100_000 - in_range
    assert within_five_sigma(passed, tried), (passed, tried)
    in_class_3_or_too_large = 1 - 0.75 * 2**66 / 10**20
    assert abs(refused / count - in_class_3_or_too_large) < 5 * (0.25 / count) ** 0.5


@pytest.mark.parametrize("ea", ["07", "11"])
def test_exactly_one_checksum_of_all_is_right(ea):
    key = decoder_key(ea)
    data = np.full(65_536, CREDIT.pack(), dtype=np.uint64)
    clear = np.uint64(CREDIT.subclass << 60) | data << np.uint64(16) | np.arange(65_536, dtype=np.uint64)
    cipher = batch.cipher(ea)
    rows = np.broadcast_to(np.frombuffer(key.value, dtype=np.uint8), (65_536, KEY_LENGTH[ea])).copy()
    blocks = cipher.encipher(rows, clear)
    texts = [wire.to_digits(wire.insert_class(int(block), 0)) for block in blocks]
    assert sound(texts, ea, key) == (65_536, 1)


def test_decoder_and_arrays_agree_on_invented_digits():
    key = decoder_key("11")
    texts = random_digits(20_000, np.random.default_rng(16)).astype("U20").tolist()
    one_by_one = 0
    for text in texts:
        try:
            engine.read(text, key)
        except (CrcWrong, Unsupported, TokenTooLarge):
            continue
        one_by_one += 1
    assert one_by_one == sound(texts, "11", key)[1]


@given(st.integers(1 << 66, 10**20 - 1))
def test_what_66_bits_cannot_hold_is_always_refused(number):
    with pytest.raises(TokenTooLarge):
        engine.decode(str(number), decoder_key())


@given(
    st.text(max_size=40)
    | st.text("0123456789 -\u0660\u00b2", max_size=24)
    | st.binary(max_size=20)
    | st.none()
)
def test_whatever_is_typed_nothing_but_a_refusal_comes_out(typed):
    try:
        engine.decode(typed, decoder_key())
    except StsError as error:
        assert error.sentence  # noqa: PT017  (a token that happens to be sound is fine, too)


@pytest.mark.parametrize(
    "text", ["", "1" * 19, "1" * 21, "1111 1111 1111 1111 1111", "\u0661" * 20, "１" * 20, "1" * 10_000]
)
def test_digits_of_another_shape_are_a_format_error(text):
    with pytest.raises(FormatWrong):
        engine.decode(text, decoder_key())
