"""What people are told about a token: every kind has its words."""

import pytest
from sts_cast import decoder_key

from sts import engine, explain, tokens


@pytest.mark.parametrize(
    ("token", "rows"),
    [
        (tokens.Credit(1, 1, 2, 15), {"subclass": "1: credit", "service": "water", "amount": "1.5 m³"}),
        (tokens.Credit(2, 1, 2, 15), {"service": "gas", "amount": "1.5 m³"}),
        (tokens.Credit(3, 1, 2, 15), {"service": "time", "amount": "1.5 min"}),
        (
            tokens.CurrencyCredit(6, 2, -12345),
            {
                "subclass": "6: currency credit",
                "service": "gas",
                "amount": "-0.12345 of the currency's base unit",
            },
        ),
        (tokens.MeterTest(0, 3, 5), {"tests": "load switch, display", "manufacturer": 5}),
        (tokens.MeterTest(0, 1 << 30), {"tests": "none that has a name", "manufacturer": "any"}),
        (tokens.PowerLimit(1, 2, 3000), {"subclass": "0: power limit", "limit": "3000 W"}),
        (tokens.PhaseUnbalanceLimit(1, 2, 300), {"limit": "300 W"}),
        (tokens.ClearCredit(1, 2, 0), {"register": "electricity"}),
        (tokens.ClearCredit(1, 2, 5), {"register": "water currency"}),
        (tokens.ClearCredit(1, 2, 0xFFFF), {"register": "all"}),
        (tokens.ClearCredit(1, 2, 77), {"register": 77}),
        (tokens.SetTariffRate(1, 2, 77), {"value": 77, "rnd": 1, "tid": 2}),
        (tokens.ClearTamper(1, 2), {"subclass": "5: clear tamper", "value": 0}),
        (tokens.KeyChange2(1, 7, 0xDEADBEEF), {"section": 2, "ken_low": 1, "ti": "07"}),
        (tokens.Proprietary(2, 12, 5), {"standing": "left to manufacturers", "data": "00000000005"}),
        (tokens.Reserved(0, 9, 5), {"standing": "reserved by the standard"}),
        (tokens.Unpublished(2, 10, 5), {"standing": "an extended token set"}),
    ],
)
def test_a_token_has_its_words(token, rows):
    key = decoder_key()
    said = explain.explain(engine.encode(token, key), key)
    assert said | rows == said
    assert "deadbeef" not in str(said).lower()
    assert ("time" in said) == hasattr(token, "tid")


def test_class_three_is_named():
    digits = "00000000000402653184"
    assert explain.explain(digits) == {
        "token": "0000 0000 0004 0265 3184",
        "class": "3: reserved by the standard",
        "refused": "class_reserved",
        "verdict": "Tokens of class 3 are reserved by the standard; their content is not defined.",
    }
