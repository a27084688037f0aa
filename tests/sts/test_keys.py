"""Keys: a rule for every part, what each type may carry, and no byte in any repr."""

import pytest
from sts_cast import decoder_key, vending_key

from sts import keys, tokens
from sts.errors import (
    AlgorithmUnknown,
    BaseDateUnknown,
    DerivationMismatch,
    DerivationUnknown,
    KeyExpired,
    KeyExpiryOutOfRange,
    KeyLengthWrong,
    KeyRevisionOutOfRange,
    KeyTypeRefuses,
    KeyTypeUnknown,
    LengthWrong,
    NotDigits,
    WrongType,
)
from sts.keys import KeyType
from sts.tid import BaseDate

CREDIT = tokens.Credit(0, 5, 1000, 100)
LIMIT = tokens.PowerLimit(5, 1000, 100)
SECTION = tokens.KeyChange2(1, 7, 0)
TEST = tokens.MeterTest(0, 1)


@pytest.mark.parametrize("key", [decoder_key("07"), decoder_key("11"), vending_key("02"), vending_key("04")])
def test_a_repr_never_shows_bytes(key):
    assert key.value.hex() not in repr(key)
    assert repr(key.value) not in repr(key)
    assert "123456" in repr(key)


def test_plain_numbers_become_named_values():
    key = decoder_key(key_type=1, base_date=1993)
    assert key.key_type is KeyType.DDTK
    assert key.base_date is BaseDate.Y1993
    assert vending_key(key_type=3, base_date=2035).key_type is KeyType.DCTK
    assert vending_key(base_date=2035).base_date is BaseDate.Y2035


@pytest.mark.parametrize(("dkga", "length"), [("01", 8), ("02", 8), ("03", 16), ("04", 20)])
def test_a_vending_key_has_the_length_of_its_derivation(dkga, length):
    assert len(vending_key(dkga).value) == length
    for wrong in (length - 1, length + 1, 0):
        with pytest.raises(KeyLengthWrong) as refusal:
            vending_key(dkga, bytes(wrong))
        assert refusal.value.fields == {
            "what": f"A vending key for DKGA{dkga}",
            "expected": length,
            "found": wrong,
        }


@pytest.mark.parametrize(("ea", "length"), [("07", 8), ("11", 16)])
def test_a_decoder_key_has_the_length_of_its_algorithm(ea, length):
    for wrong in (length - 1, length + 1, 0):
        with pytest.raises(KeyLengthWrong) as refusal:
            decoder_key(ea, bytes(wrong))
        assert refusal.value.fields == {
            "what": f"A decoder key for EA{ea}",
            "expected": length,
            "found": wrong,
        }


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"sgc": "12345"}, LengthWrong),
        ({"sgc": "1234567"}, LengthWrong),
        ({"sgc": "12345x"}, NotDigits),
        ({"sgc": 123456}, WrongType),
        ({"krn": 0}, KeyRevisionOutOfRange),
        ({"krn": 10}, KeyRevisionOutOfRange),
        ({"krn": "1"}, WrongType),
        ({"ken": -1}, KeyExpiryOutOfRange),
        ({"ken": 256}, KeyExpiryOutOfRange),
        ({"key_type": 4}, KeyTypeUnknown),
        ({"key_type": -1}, KeyTypeUnknown),
        ({"key_type": "2"}, KeyTypeUnknown),
        ({"key_type": True}, KeyTypeUnknown),
        ({"base_date": 2000}, BaseDateUnknown),
        ({"value": bytearray(16)}, WrongType),
        ({"value": "0" * 16}, WrongType),
    ],
)
def test_each_part_of_a_key_has_its_rule(changes, error):
    with pytest.raises(error):
        decoder_key(**changes)
    if "value" not in changes:
        with pytest.raises(error):
            vending_key(**changes)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"ti": "1"}, LengthWrong),
        ({"ti": "100"}, LengthWrong),
        ({"ti": 1}, WrongType),
        ({"ti": "-1"}, NotDigits),
    ],
)
def test_a_tariff_index_is_two_digits(changes, error):
    with pytest.raises(error):
        decoder_key(**changes)


@pytest.mark.parametrize("ea", ["09", "7", 7, None, "", "12"])
def test_an_algorithm_that_is_none_is_refused(ea):
    with pytest.raises(AlgorithmUnknown):
        keys.algorithm(ea)


def test_a_derivation_that_is_none_is_refused():
    with pytest.raises(DerivationUnknown):
        keys.VendingKey(bytes(8), KeyType.DUTK, "123456", 1, 255, BaseDate.Y2014, "05")


@pytest.mark.parametrize(
    ("dkga", "ea", "pairs"),
    [
        ("02", "07", True),
        ("02", "11", False),
        ("03", "07", True),
        ("03", "11", False),
        ("04", "07", True),
        ("04", "11", True),
        ("01", "11", False),
    ],
)
def test_derivation_and_algorithm_pair_as_the_standard_says(dkga, ea, pairs):
    if pairs:
        keys.require_pairing(dkga, ea)
    else:
        with pytest.raises(DerivationMismatch) as refusal:
            keys.require_pairing(dkga, ea)
        assert refusal.value.fields == {"dkga": dkga, "ea": ea, "expected": "07"}


def test_revisions_go_round():
    assert [keys.next_revision(krn) for krn in (1, 8, 9)] == [2, 9, 1]
    with pytest.raises(KeyRevisionOutOfRange):
        keys.next_revision(0)
    assert [keys.revision(krn) for krn in (1, 9)] == [1, 9]
    assert [keys.expiry(ken) for ken in (0, 255)] == [0, 255]


def test_a_supply_group_is_read_in_two_groups():
    assert keys.format_supply_group("123456") == "123 456"
    assert keys.supply_group("098838") == "098838"
    with pytest.raises(LengthWrong) as refusal:
        keys.supply_group("1")
    assert refusal.value.fields["what"] == "A supply group code (SGC)"
    with pytest.raises(LengthWrong) as refusal:
        keys.tariff_index("1")
    assert refusal.value.fields["what"] == "A tariff index (TI)"


@pytest.mark.parametrize(
    ("ken", "tid", "expired"),
    [
        (255, 0xFFFFFF, False),
        (254, 0xFEFFFF, False),
        (254, 0xFF0000, True),
        (0, 0xFFFF, False),
        (0, 0x10000, True),
        (103, 0x670000, False),
        (102, 0x670000, True),
    ],
)
def test_a_key_expires_when_the_upper_bits_of_the_time_pass_it(ken, tid, expired):
    assert keys.is_expired(ken, tid) == expired
    key = decoder_key(ken=ken)
    token = tokens.Credit(0, 0, tid, 0)
    if expired:
        with pytest.raises(KeyExpired) as refusal:
            keys.require_carries(key, token)
        assert refusal.value.fields == {"ken": ken}
    else:
        keys.require_carries(key, token)
    keys.require_carries(key, SECTION)
    keys.require_carries(key, TEST)


@pytest.mark.parametrize(
    ("kind", "credit", "setting", "section"),
    [
        (KeyType.DITK, False, False, True),
        (KeyType.DDTK, False, True, True),
        (KeyType.DUTK, True, True, True),
        (KeyType.DCTK, True, True, True),
    ],
)
def test_a_key_type_carries_what_the_standard_lets_it(kind, credit, setting, section):
    allowed = (credit, setting, section, True)
    assert tuple(keys.may_carry(kind, token) for token in (CREDIT, LIMIT, SECTION, TEST)) == allowed
    if not credit:
        with pytest.raises(KeyTypeRefuses) as refusal:
            keys.require_carries(decoder_key(key_type=kind), CREDIT)
        assert refusal.value.fields == {"key_type": kind.name, "token": "credit"}


@pytest.mark.parametrize(
    "weak",
    [
        "0101010101010101",
        "FEFEFEFEFEFEFEFE",
        "E0E0E0E0F1F1F1F1",
        "1F1F1F1F0E0E0E0E",
        "0000000000000000",
        "e1e1e1e1f0f0f0f0",
    ],
)
def test_the_four_weak_keys_of_des_are_named_whatever_their_parity(weak):
    value = bytes.fromhex(weak)
    assert vending_key("02", value).warnings == (
        "This is one of the four weak keys of DES; ask for another key.",
    )
    assert len(vending_key("03", value + bytes(range(8))).warnings) == 1
    assert len(vending_key("03", bytes(range(8)) + value).warnings) == 1


def test_a_sound_key_has_no_warning_and_equal_halves_have():
    assert vending_key("02").warnings == ()
    assert vending_key("03").warnings == ()
    assert vending_key("04", bytes(20)).warnings == ()
    (warning,) = vending_key("03", bytes(range(8)) * 2).warnings
    assert warning == "Both halves of this key are equal, which makes triple DES single DES."
    assert keys.weaknesses(bytes(8), "01")
