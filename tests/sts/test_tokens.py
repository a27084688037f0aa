"""Token values: what they refuse to be, and what 44 bits unpack to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sts_cast import DATA, TOKENS

from sts import tokens
from sts.errors import (
    AmountNegative,
    AmountNotEncodable,
    AmountTooLarge,
    ClassReserved,
    OutOfRange,
    WrongType,
)
from sts.tokens import Credit, CurrencyCredit, MeterTest
from sts.tokens.meter_test import everything


@given(TOKENS)
def test_a_token_comes_back_from_its_data(token):
    assert tokens.unpack(token.token_class, token.subclass, token.pack()) == token


@given(st.integers(0, 2), st.integers(0, 15), DATA)
def test_any_data_of_any_subclass_is_some_token(token_class, subclass, data):
    token = tokens.unpack(token_class, subclass, data)
    assert (token.token_class, token.subclass) == (token_class, subclass)
    assert token.name


def test_layouts_are_those_of_the_standard():
    assert Credit(0, 0xA, 0x123456, 16384).pack() == 0xA1234564000
    assert CurrencyCredit(4, 0x123456, -5).pack() == 0x81234560005
    assert MeterTest(0, 0x800000001, 0xFE).pack() == 0x800000001FE
    assert MeterTest(1, 0x8000001, 0xFEDC).pack() == 0x8000001FEDC
    assert tokens.PowerLimit(1, 2, 16384).pack() == 0x10000024000
    assert tokens.ClearCredit(1, 2, 0xFFFF).pack() == 0x1000002FFFF
    assert tokens.KeyChange1(0xF, 9, 1, 0, 2, 0xDEADBEEF).pack() == 0xF9ADEADBEEF
    assert tokens.KeyChange1(0xF, 9, 0, 1, 1, 0xDEADBEEF).pack() == 0xF95DEADBEEF
    assert tokens.KeyChange2(0xE, 99, 0xDEADBEEF).pack() == 0xE63DEADBEEF
    assert tokens.KeyChange3(0xABC, 0xDEADBEEF).pack() == 0xABCDEADBEEF
    assert tokens.KeyChange4(0xABC, 0xDEADBEEF).pack() == 0xABCDEADBEEF
    assert tokens.Proprietary(2, 11, 0xABCDEADBEEF).pack() == 0xABCDEADBEEF


@pytest.mark.parametrize(
    ("kind", "token_class", "subclass"),
    [
        (tokens.Credit, 0, 0),
        (tokens.Credit, 0, 3),
        (tokens.CurrencyCredit, 0, 4),
        (tokens.CurrencyCredit, 0, 7),
        (tokens.Reserved, 0, 8),
        (tokens.Reserved, 0, 15),
        (tokens.MeterTest, 1, 0),
        (tokens.MeterTest, 1, 1),
        (tokens.Unpublished, 1, 2),
        (tokens.Reserved, 1, 3),
        (tokens.Reserved, 1, 5),
        (tokens.Proprietary, 1, 6),
        (tokens.Proprietary, 1, 15),
        (tokens.PowerLimit, 2, 0),
        (tokens.ClearCredit, 2, 1),
        (tokens.SetTariffRate, 2, 2),
        (tokens.KeyChange1, 2, 3),
        (tokens.KeyChange2, 2, 4),
        (tokens.ClearTamper, 2, 5),
        (tokens.PhaseUnbalanceLimit, 2, 6),
        (tokens.WaterFactor, 2, 7),
        (tokens.KeyChange3, 2, 8),
        (tokens.KeyChange4, 2, 9),
        (tokens.Unpublished, 2, 10),
        (tokens.Proprietary, 2, 11),
        (tokens.Proprietary, 2, 15),
    ],
)
def test_class_and_subclass_say_what_a_token_is(kind, token_class, subclass):
    assert type(tokens.unpack(token_class, subclass, 0)) is kind


def test_class_three_is_reserved():
    with pytest.raises(ClassReserved):
        tokens.unpack(3, 0, 0)


def test_only_key_change_is_key_change():
    changes = {s for s in range(16) if tokens.unpack(2, s, 0).is_key_change}
    assert changes == {3, 4, 8, 9}
    assert not any(tokens.unpack(c, s, 0).is_key_change for c in (0, 1) for s in range(16))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Credit(4, 0, 0, 0), OutOfRange),
        (lambda: Credit(-1, 0, 0, 0), OutOfRange),
        (lambda: Credit(0, 16, 0, 0), OutOfRange),
        (lambda: Credit(0, 0, 1 << 24, 0), OutOfRange),
        (lambda: Credit(0, 0, 0, 16385), AmountNotEncodable),
        (lambda: Credit(0, 0, 0, -1), AmountNegative),
        (lambda: Credit(0, 0, 0, 18201625), AmountTooLarge),
        (lambda: Credit(0, 0, 0, 1.5), WrongType),
        (lambda: Credit(0, "0", 0, 0), WrongType),
        (lambda: CurrencyCredit(3, 0, 0), OutOfRange),
        (lambda: CurrencyCredit(8, 0, 0), OutOfRange),
        (lambda: CurrencyCredit(4, -1, 0), OutOfRange),
        (lambda: CurrencyCredit(4, 1 << 24, 0), OutOfRange),
        (lambda: CurrencyCredit(4, 0, 16385), AmountNotEncodable),
        (lambda: MeterTest(2, 0, 0), OutOfRange),
        (lambda: MeterTest(-1, 0, 0), OutOfRange),
        (lambda: MeterTest(0, 1 << 36, 0), OutOfRange),
        (lambda: MeterTest(0, 0, 256), OutOfRange),
        (lambda: MeterTest(1, 1 << 28, 0), OutOfRange),
        (lambda: MeterTest(1, 0, 65536), OutOfRange),
        (lambda: everything(2), OutOfRange),
        (lambda: tokens.PowerLimit(0, 0, 16385), AmountNotEncodable),
        (lambda: tokens.PhaseUnbalanceLimit(0, 0, 18201625), AmountTooLarge),
        (lambda: tokens.PowerLimit(16, 0, 0), OutOfRange),
        (lambda: tokens.ClearCredit(0, 1 << 24, 0), OutOfRange),
        (lambda: tokens.ClearCredit(0, 0, 65536), OutOfRange),
        (lambda: tokens.ClearTamper(0, 0, -1), OutOfRange),
        (lambda: tokens.KeyChange1(16, 0, 0, 0, 0, 0), OutOfRange),
        (lambda: tokens.KeyChange1(0, 0, 2, 0, 0, 0), OutOfRange),
        (lambda: tokens.KeyChange1(0, 0, 0, 0, 4, 0), OutOfRange),
        (lambda: tokens.KeyChange2(0, 256, 0), OutOfRange),
        (lambda: tokens.KeyChange3(4096, 0), OutOfRange),
        (lambda: tokens.KeyChange4(0, 1 << 32), OutOfRange),
        (lambda: tokens.Reserved(3, 0, 0), OutOfRange),
        (lambda: tokens.Reserved(0, 16, 0), OutOfRange),
        (lambda: tokens.Proprietary(2, 11, 1 << 44), OutOfRange),
    ],
)
def test_a_token_that_no_meter_could_read_cannot_be_built(make, error):
    with pytest.raises(error):
        make()


def test_an_amount_between_steps_is_told_its_neighbours():
    with pytest.raises(AmountNotEncodable) as refusal:
        Credit(0, 0, 0, 16385)
    assert refusal.value.fields == {"amount": 16385, "below": 16384, "above": 16394}
    with pytest.raises(AmountNotEncodable) as refusal:
        CurrencyCredit(4, 0, -16385)
    assert refusal.value.fields == {"amount": -16385, "below": -16384, "above": -16394}


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Credit(9, 0, 0, 0), "The subclass of a credit in units"),
        (lambda: Credit(0, 99, 0, 0), "RND"),
        (lambda: Credit(0, 0, -1, 0), "A TID"),
        (lambda: CurrencyCredit(0, 0, 0), "The subclass of a credit in money"),
        (lambda: CurrencyCredit(4, -1, 0), "A TID"),
        (lambda: MeterTest(2, 0, 0), "The subclass of a meter test"),
        (lambda: everything(2), "The subclass of a meter test"),
        (lambda: MeterTest(0, -1, 0), "The control field"),
        (lambda: MeterTest(0, 0, -1), "The manufacturer field"),
        (lambda: tokens.ClearCredit(99, 0, 0), "RND"),
        (lambda: tokens.ClearCredit(0, -1, 0), "A TID"),
        (lambda: tokens.ClearCredit(0, 0, -1), "The value"),
        (lambda: tokens.Reserved(3, 0, 0), "A token class"),
        (lambda: tokens.Reserved(0, 16, 0), "A subclass"),
        (lambda: tokens.Reserved(0, 8, -1), "The data"),
    ],
)
def test_the_error_names_the_field(make, what):
    with pytest.raises(OutOfRange) as refusal:
        make()
    assert refusal.value.fields["what"] == what


def test_named_controls_are_said_in_words():
    assert MeterTest(0, 1).controls == ("load switch",)
    assert MeterTest(0, 0b1001).controls == ("load switch", "key revision and type")
    assert MeterTest(0, 1 << 20).controls == ()
    assert MeterTest(0, 0).controls == ()
    assert everything() == MeterTest(0, (1 << 36) - 1, 0)
    assert everything().controls == everything(1).controls == ("everything",)
    assert everything(1).control == (1 << 28) - 1
    assert len(MeterTest(0, (1 << 18) - 1).controls) == len(tokens.Control) == 18


def test_a_value_is_frozen_and_two_kinds_are_never_equal():
    with pytest.raises(AttributeError):
        Credit(0, 0, 0, 0).tid = 5
    assert tokens.ClearCredit(0, 0, 0) != tokens.SetTariffRate(0, 0, 0)
    assert tokens.ClearTamper(3, 4) == tokens.ClearTamper(3, 4, 0)
    assert tokens.ClearTamper(3, 4) != tokens.ClearTamper(3, 4, 1)


def test_a_key_part_is_never_shown():
    for section in (
        tokens.KeyChange1(0, 1, 0, 0, 2, 0xDEADBEEF),
        tokens.KeyChange2(0, 1, 0xDEADBEEF),
        tokens.KeyChange3(0, 0xDEADBEEF),
        tokens.KeyChange4(0, 0xDEADBEEF),
    ):
        assert str(0xDEADBEEF) not in repr(section)
        assert "deadbeef" not in repr(section).lower()


@pytest.mark.parametrize(
    ("token_class", "subclass", "data", "crc"),
    [
        (0, 0, 0x4A2D900FF2, 0x0FFA),
        (0, 4, 0, None),
        (0, 7, 0, None),
        (0, 3, 0, None),
        (0, 8, 0, None),
        (2, 4, 0, None),
        (1, 5, 0, None),
    ],
)
def test_only_credit_in_money_has_the_other_checksum(token_class, subclass, data, crc):
    from sts import checks

    plain = checks.crc_of_token(token_class, subclass, data)
    money = checks.crc_of_currency_token(token_class, subclass, data)
    assert tokens.crc(token_class, subclass, data) == (
        money if (token_class, subclass) in {(0, 4), (0, 7)} else plain
    )
    assert crc is None or plain == crc
