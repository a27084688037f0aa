"""Keys and values that the tests of the standard share; none is anybody's key."""

from hypothesis import strategies as st

from sts import amount, keys, tokens
from sts.keys import DecoderKey, KeyType, VendingKey

PAN_11 = "600727574947241983"
PAN_13 = "000074028965486592"
KEY_LENGTH = {"07": 8, "11": 16}


def decoder_key(ea="11", value=None, **changes):
    parts = {
        "value": bytes(range(1, KEY_LENGTH[ea] + 1)) if value is None else value,
        "ea": ea,
        "key_type": KeyType.DUTK,
        "sgc": "123456",
        "krn": 1,
        "ti": "07",
        "ken": 255,
        "base_date": 2014,
    }
    return DecoderKey(**parts | changes)


def vending_key(dkga="04", value=None, **changes):
    parts = {
        "value": bytes(range(1, keys.VENDING_KEY_BYTES[dkga] + 1)) if value is None else value,
        "key_type": KeyType.DUTK,
        "sgc": "123456",
        "krn": 1,
        "ken": 255,
        "base_date": 2014,
        "dkga": dkga,
    }
    return VendingKey(**parts | changes)


# ---- what hypothesis draws

EAS = st.sampled_from(["07", "11"])
NIBBLES = st.integers(0, 15)
TIDS = st.integers(0, (1 << 24) - 1)
FIELDS = st.integers(0, 0xFFFF)
UNITS = FIELDS.map(amount.decode)
PARTS = st.integers(0, 0xFFFFFFFF)
DATA = st.integers(0, (1 << 44) - 1)

CREDITS = st.builds(tokens.Credit, st.integers(0, 3), NIBBLES, TIDS, UNITS)
CURRENCY_CREDITS = st.builds(
    tokens.CurrencyCredit,
    st.integers(4, 7),
    TIDS,
    st.builds(amount.CurrencyCode, NIBBLES, FIELDS).map(amount.decode_currency),
)
METER_TESTS = st.one_of(
    st.builds(tokens.MeterTest, st.just(0), st.integers(0, (1 << 36) - 1), st.integers(0, 255)),
    st.builds(tokens.MeterTest, st.just(1), st.integers(0, (1 << 28) - 1), FIELDS),
)
SETTINGS = st.one_of(
    *(st.builds(kind, NIBBLES, TIDS, UNITS) for kind in (tokens.PowerLimit, tokens.PhaseUnbalanceLimit)),
    *(
        st.builds(kind, NIBBLES, TIDS, FIELDS)
        for kind in (tokens.ClearCredit, tokens.SetTariffRate, tokens.ClearTamper, tokens.WaterFactor)
    ),
)
BIT = st.integers(0, 1)
SECTIONS = st.one_of(
    st.builds(tokens.KeyChange1, NIBBLES, NIBBLES, BIT, BIT, st.integers(0, 3), PARTS),
    st.builds(tokens.KeyChange2, NIBBLES, st.integers(0, 255), PARTS),
    st.builds(tokens.KeyChange3, st.integers(0, 4095), PARTS),
    st.builds(tokens.KeyChange4, st.integers(0, 4095), PARTS),
)
UNDEFINED = st.one_of(
    st.builds(tokens.Reserved, st.just(0), st.integers(8, 15), DATA),
    st.builds(tokens.Reserved, st.just(1), st.integers(3, 5), DATA),
    st.builds(tokens.Proprietary, st.just(1), st.integers(6, 15), DATA),
    st.builds(tokens.Proprietary, st.just(2), st.integers(11, 15), DATA),
    st.builds(tokens.Unpublished, st.just(1), st.just(2), DATA),
    st.builds(tokens.Unpublished, st.just(2), st.just(10), DATA),
)
TOKENS = st.one_of(CREDITS, CURRENCY_CREDITS, METER_TESTS, SETTINGS, SECTIONS, UNDEFINED)
