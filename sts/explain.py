"""What 20 digits say, for people: rows of (name, value), with a key or without.

Without a key the structure is all there is to see: the class stands open in the digits, the rest of classes
0 and 2 is enciphered. The sentences name no key bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timezone
from decimal import Decimal

from sts import answer, engine, keys, tid, tokens, wire
from sts.ciphers import DEFAULT, Ciphers
from sts.errors import KeyMissing, KeyRefuses, StsError
from sts.keys import DecoderKey
from sts.tokens import Token

Rows = dict[str, object]

CLASSES = {
    0: "0: credit",
    1: "1: meter test or display, for any meter",
    2: "2: settings and key change",
    3: "3: reserved by the standard",
}
UNITS: Mapping[int, str] = {0: "kWh", 1: "m³", 2: "m³", 3: "min"}


def explain(
    text: str,
    key: DecoderKey | None = None,
    *,
    ciphers: Ciphers = DEFAULT,
    offset: timezone = tid.UTC,
) -> Rows:
    """Everything that can be said of these digits. Digits that cannot be a token raise their error."""
    digits = wire.compact(text)
    _, token_class = wire.extract_class(wire.from_digits(digits))
    rows: Rows = {"token": wire.group(digits), "class": CLASSES[token_class]}
    if token_class in tokens.ENCIPHERED_CLASSES and key is None:
        rows["verdict"] = KeyMissing(token_class=token_class).sentence
        return rows
    try:
        token = engine.read(digits, key, ciphers=ciphers)
    except StsError as error:
        rows["refused"] = error.code
        rows["verdict"] = error.sentence
        return rows
    if not token.is_key_change:  # the block of a section holds a part of the new key
        rows["block"] = f"{engine.to_block(token):016x}"
    rows |= describe(token, key.base_date if key else None, offset)
    if key is not None and token_class in tokens.ENCIPHERED_CLASSES:
        rows |= _verdict(token, key)
    else:
        rows["verdict"] = "Sound; every meter that knows this test takes it."
    return rows


def describe(token: Token, base_date: tid.BaseDate | None = None, offset: timezone = tid.UTC) -> Rows:
    """The fields of a token, in words."""
    rows: Rows = {"subclass": f"{token.subclass}: {token.name}"}
    match token:
        case tokens.Credit():
            rows["service"] = tokens.Service(token.subclass).name.lower()
            rows["amount"] = f"{Decimal(token.units) / 10} {UNITS[token.subclass]}"
        case tokens.CurrencyCredit():
            rows["service"] = tokens.Service(token.subclass - 4).name.lower()
            rows["amount"] = f"{Decimal(token.amount_1e5).scaleb(-5):f} of the currency's base unit"
        case tokens.MeterTest():
            rows["tests"] = ", ".join(token.controls) or "none that has a name"
            rows["manufacturer"] = token.manufacturer or "any"
        case tokens.KeyChange1() | tokens.KeyChange2() | tokens.KeyChange3() | tokens.KeyChange4():
            fields = answer.fields_of(token)
            del fields["key_part"]
            rows |= {"section": token.section, **fields}
        case tokens.Reserved() | tokens.Proprietary() | tokens.Unpublished():
            rows |= {"standing": token.standing, "data": f"{token.data:011x}"}
        case tokens.PowerLimit() | tokens.PhaseUnbalanceLimit():
            rows["limit"] = f"{token.value} W"
        case tokens.ClearCredit():
            rows["register"] = _register(token.value)
        case _:
            rows["value"] = token.value
    rows |= {name: value for name in ("rnd", "tid") if (value := getattr(token, name, None)) is not None}
    if base_date is not None and "tid" in rows:
        token_tid = token.tid  # type: ignore[union-attr]
        rows["time"] = f"{tid.decode(token_tid, base_date, offset=offset):%Y-%m-%d %H:%M %z}"
        rows["reserved minute"] = tid.is_reserved(token_tid, base_date)
    return rows


def _register(value: int) -> str | int:
    if value in tuple(tokens.Register):
        return tokens.Register(value).name.lower().replace("_", " ")
    return value


def _verdict(token: Token, key: DecoderKey) -> Rows:
    try:
        keys.require_carries(key, token)
    except KeyRefuses as error:
        return {"refused": error.code, "verdict": error.sentence}
    return {"verdict": "Sound, and this key may carry it."}
