"""Decoder keys: blocks and data as the standard lays them out, and every reason not to derive."""

import hmac

import pytest
from Crypto.Cipher import DES
from hypothesis import given
from hypothesis import strategies as st
from sts_cast import PAN_11, PAN_13, decoder_key, vending_key

from sts import dkga
from sts.errors import (
    CheckDigitWrong,
    DerivationMismatch,
    DerivationRefused,
    DerivationUnknown,
    LengthWrong,
)
from sts.keys import KeyType


@pytest.mark.parametrize(
    ("pan", "kind", "block"),
    [
        (PAN_11, 2, 0x0072757494724198),
        (PAN_13, 1, 0x0007402896548659),
        (PAN_11, 3, 0x0072700000000000),
        (PAN_13, 3, 0x0000000000000000),
    ],
)
def test_the_pan_block_is_the_end_of_the_issuer_and_the_drn(pan, kind, block):
    assert dkga.pan_block(pan, KeyType(kind)) == block


def test_the_control_block_names_the_keying():
    assert dkga.control_block(KeyType.DUTK, "123456", "07", 9) == 0x2123456079FFFFFF


def test_the_data_of_dkga04_is_49_bytes_in_ten_fields():
    data = dkga.dkga04_data(vending_key(base_date=2035), PAN_11, "07", "11")
    assert data == (
        b"\x04\x0204\x0235\x0211\x0207\x00\x04\x06123456\x012\x011\x12" + PAN_11.encode() + b"\0\0\0\x80"
    )
    assert len(data) == 49
    assert dkga.dkga04_data(vending_key(), PAN_11, "07", "07").endswith(b"\0\0\0\x40")


def test_a_derived_key_says_what_it_is_for():
    key = dkga.derive(vending_key(ken=9, krn=3, key_type=1, base_date=1993), pan=PAN_11, ti="42", ea="11")
    expected = decoder_key(value=key.value, ken=9, krn=3, key_type=1, base_date=1993, ti="42")
    assert key == expected
    assert len(key.value) == 16
    assert len(dkga.derive(vending_key(), pan=PAN_11, ti="42", ea="07").value) == 8


def test_dkga02_is_des_as_a_compression_function():
    key = vending_key("02")
    block = (dkga.pan_block(PAN_11, key.key_type) ^ dkga.control_block(2, "123456", "07", 1)).to_bytes(
        8, "big"
    )
    des = DES.new(key.value, DES.MODE_ECB).encrypt(block)
    expected = bytes(a ^ b ^ c for a, b, c in zip(des, block, key.value, strict=True))
    assert dkga.derive(key, pan=PAN_11, ti="07", ea="07").value == expected


@given(st.binary(min_size=20, max_size=20), st.sampled_from(["07", "11"]))
def test_dkga04_is_hmac_over_the_data(value, ea):
    key = vending_key(value=value)
    digest = hmac.digest(value, dkga.dkga04_data(key, PAN_13, "07", ea), "sha256")
    assert dkga.derive(key, pan=PAN_13, ti="07", ea=ea).value == digest[: 8 if ea == "07" else 16]


def test_parity_of_des_keys_does_not_enter_the_cipher_but_the_key_is_used_as_it_stands():
    even = vending_key("03", bytes(b & 0xFE for b in range(16)))
    odd = vending_key("03", bytes(b | 1 for b in range(16)))
    assert (
        dkga.derive(even, pan=PAN_11, ti="07", ea="07").value
        == dkga.derive(odd, pan=PAN_11, ti="07", ea="07").value
    )


@pytest.mark.parametrize("change", [{"krn": 2}, {"sgc": "123457"}, {"key_type": 1}, {"base_date": 2035}])
def test_what_is_listed_enters_the_key(change):
    base = dkga.derive(vending_key(), pan=PAN_11, ti="07", ea="11").value
    assert dkga.derive(vending_key(**change), pan=PAN_11, ti="07", ea="11").value != base
    assert dkga.derive(vending_key(ken=1), pan=PAN_11, ti="07", ea="11").value == base


def test_only_dkga04_knows_the_base_date():
    old = vending_key("02", base_date=1993)
    new = vending_key("02", base_date=2035)
    assert (
        dkga.derive(old, pan=PAN_11, ti="07", ea="07").value
        == dkga.derive(new, pan=PAN_11, ti="07", ea="07").value
    )


def test_a_common_key_is_the_same_for_all_meters_of_an_issuer():
    key = vending_key("02", key_type=3)
    one = dkga.derive(key, pan=PAN_11, ti="07", ea="07")
    other = dkga.derive(key, pan="600727000000000009", ti="07", ea="07")
    assert one == other


@pytest.mark.parametrize(
    ("key", "asked", "error"),
    [
        (vending_key("01"), {}, DerivationRefused),
        (vending_key("04", key_type=3), {}, DerivationRefused),
        (vending_key("02"), {"ea": "11"}, DerivationMismatch),
        (vending_key("04"), {"ti": "7"}, LengthWrong),
        (vending_key("04"), {"pan": PAN_11[:-1] + "4"}, CheckDigitWrong),
        (vending_key("02"), {"pan": PAN_11[:-1]}, LengthWrong),
    ],
)
def test_a_derivation_that_must_not_be_is_refused(key, asked, error):
    with pytest.raises(error):
        dkga.derive(key, **{"pan": PAN_11, "ti": "07", "ea": "07"} | asked)


def test_the_refusals_say_why():
    with pytest.raises(DerivationRefused, match="old meters only"):
        dkga.derive(vending_key("01"), pan=PAN_11, ti="07", ea="07")
    with pytest.raises(DerivationRefused, match="has not been established"):
        dkga.derive(vending_key("04", key_type=3), pan=PAN_11, ti="07", ea="07")


@pytest.mark.parametrize("number", ["05", "4", 4, None])
def test_a_derivation_that_is_none_is_refused(number):
    with pytest.raises(DerivationUnknown):
        dkga.algorithm(number)


def test_the_known_derivations_are_named():
    assert [dkga.algorithm(number) for number in ("01", "02", "03", "04")] == ["01", "02", "03", "04"]
