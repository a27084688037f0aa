"""The known-answer interface: JSON lines in, JSON lines out (`python -m sts answer`).

Other projects put questions to it and compare; so it works at the level of the wire. Values are not
narrowed to those that have names, reserved minutes can be encoded, amounts round up to what the field
can say. One line is held at a time, whatever the length of the input.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, BinaryIO, TextIO

from sts import amount, bits, checks, ciphers, dkga, drn, engine, keys, pan, tid, tokens, wire
from sts.errors import (
    FormatWrong,
    InputMissing,
    NotHexadecimal,
    NotJson,
    OutOfRange,
    StsError,
    UnknownKind,
    Unsupported,
    WrongType,
)
from sts.keys import DecoderKey, VendingKey
from sts.tokens import Token
from sts.tokens.meter_test import CONTROL_WIDTHS

Result = dict[str, Any]

LONGEST_LINE = 1 << 20

_HEX = re.compile(r"[0-9A-Fa-f]+", re.ASCII)


class Inputs:
    """The inputs of one question, taken by name and type."""

    def __init__(self, values: object) -> None:
        if not isinstance(values, dict):
            raise WrongType(what="inputs", expected="an object", found=type(values).__name__)
        self._values = values

    def get(self, name: str) -> object:
        if name not in self._values:
            raise InputMissing(name=name)
        return self._values[name]

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str):
            raise WrongType(what=name, expected="text", found=type(value).__name__)
        return value

    def number(self, name: str) -> int:
        return bits.whole(name, self.get(name))

    def hex_number(self, name: str, width: int) -> int:
        """Hexadecimal digits, minimal or padded, that say a number of `width` bits."""
        text = self.text(name)
        if not _HEX.fullmatch(text):
            raise NotHexadecimal(what=name)
        significant = text.lstrip("0")
        if len(significant) > (width + 3) // 4 or int(significant or "0", 16) >> width:
            raise OutOfRange(what=name, low=0, high=f"2^{width} - 1")
        return int(significant or "0", 16)

    def hex_bytes(self, name: str) -> bytes:
        """An even number of hexadecimal digits."""
        text = self.text(name)
        if text and not _HEX.fullmatch(text):
            raise NotHexadecimal(what=name)
        if len(text) % 2:
            raise NotHexadecimal(what=name)
        return bytes.fromhex(text)

    def key(self, name: str, length: int) -> bytes:
        return self.hex_number(name, 8 * length).to_bytes(length, "big")

    def decoder_key(self, name: str = "decoder_key") -> DecoderKey:
        """A key that may carry everything, as these questions know nothing of key types."""
        ea = keys.algorithm(self.get("ea"))
        value = self.key(name, keys.DECODER_KEY_BYTES[ea])
        return _anonymous_key(value, ea)


def _anonymous_key(value: bytes, ea: str) -> DecoderKey:
    return DecoderKey(
        value=value,
        ea=ea,
        key_type=keys.KeyType.DUTK,
        sgc="000000",
        krn=1,
        ti="00",
        ken=keys.NEVER_EXPIRES,
        base_date=tid.BaseDate.Y1993,
    )


# ---- one function for each kind


def _meter_pan(given: Inputs) -> Result:
    meter_number = drn.of(given.text("mfr_and_serial"))
    return {"drn": meter_number, "meter_pan": pan.of(given.text("iin"), meter_number)}


def _crc16(given: Inputs) -> Result:
    return {"crc": f"{checks.crc16(given.hex_bytes('bytes')):04x}"}


def _crc16_currency(given: Inputs) -> Result:
    """The bytes with 01h behind them; it is added when only the seven bytes of a message are given."""
    message = given.hex_bytes("bytes")
    if len(message) == 7:
        message += b"\x01"
    return {"crc": f"{checks.crc16(message):04x}"}


def _amount_field(given: Inputs) -> Result:
    field = amount.encode(given.number("amount_tenths"))
    return {"field": f"{field:04x}", "decoded_tenths": amount.decode(field)}


def _insert_class_bits(given: Inputs) -> Result:
    token = wire.insert_class(given.hex_number("block", 64), given.number("token_class"))
    return {"token66_hex": f"{token:017x}", "token": wire.to_digits(token)}


def _dkga(number: str) -> Callable[[Inputs], Result]:
    def answer(given: Inputs) -> Result:
        ea, base_date = "07", tid.BaseDate.Y1993
        if number == "04":
            ea, base_date = given.text("ea"), tid.base_date(given.get("base_date"))
        vending_key = VendingKey(
            value=given.key("vending_key", keys.VENDING_KEY_BYTES[number]),
            key_type=keys.key_type(given.get("kt")),
            sgc=given.text("sgc"),
            krn=given.number("krn"),
            ken=keys.NEVER_EXPIRES,
            base_date=base_date,
            dkga=number,
        )
        meter_pan = pan.of(given.text("iin"), given.text("drn"))
        return {
            "decoder_key": dkga.derive(vending_key, pan=meter_pan, ti=given.text("ti"), ea=ea).value.hex()
        }

    return answer


def _cipher(ea: str, direction: str) -> Callable[[Inputs], Result]:
    def answer(given: Inputs) -> Result:
        function = getattr(ciphers.DEFAULT[ea], direction)
        key = given.key("decoder_key", keys.DECODER_KEY_BYTES[ea])
        return {"block": f"{function(key, given.hex_number('block', 64)):016x}"}

    return answer


def _credit(given: Inputs) -> Result:
    units = amount.quantise(given.number("amount_tenths"), "up")
    token = tokens.Credit(given.number("subclass"), given.number("rnd"), given.number("tid"), units)
    return {"token": engine.encode(token, given.decoder_key())}


def _currency_credit(given: Inputs) -> Result:
    amount_1e5 = amount.quantise_currency(given.number("amount_1e5"), "up")
    token = tokens.CurrencyCredit(given.number("subclass"), given.number("tid"), amount_1e5)
    return {"token": engine.encode(token, given.decoder_key())}


def _class1(given: Inputs) -> Result:
    subclass = bits.in_range("subclass", given.get("subclass"), 0, 1)
    control = given.hex_number("control", CONTROL_WIDTHS[subclass])
    return {"token": engine.encode(tokens.MeterTest(subclass, control, given.number("mfr_field_raw")))}


_MANAGEMENT: dict[int, type[tokens.management.Management]] = {
    kind.subclass: kind
    for kind in (
        tokens.PowerLimit,
        tokens.ClearCredit,
        tokens.SetTariffRate,
        tokens.ClearTamper,
        tokens.PhaseUnbalanceLimit,
        tokens.WaterFactor,
    )
}


def _class2(given: Inputs) -> Result:
    kind = _MANAGEMENT.get(given.number("subclass"))
    if kind is None:
        raise OutOfRange(what="subclass", low="0", high="7, without 3 and 4 (key change)")
    value = given.number("value")
    if issubclass(kind, tokens.management.Limit):
        value = amount.quantise(value, "up")
    token = kind(given.number("rnd"), given.number("tid"), value)
    return {"token": engine.encode(token, given.decoder_key())}  # type: ignore[arg-type]


def _key_change(length: int) -> Callable[[Inputs], Result]:
    def answer(given: Inputs) -> Result:
        current = given.decoder_key("current_decoder_key")
        sections = tokens.key_change.split(
            given.key("new_decoder_key", length),
            key_type=keys.key_type(given.get("kt")),
            krn=given.number("krn"),
            ken=given.number("ken"),
            ti=given.text("ti"),
            sgc=given.text("sgc") if length == 16 else "",
            rollover=_flag(given, "rollover"),
            flag_3kct=_flag(given, "flag_3kct"),
        )
        return {"tokens": [engine.encode(section, current) for section in sections]}

    return answer


def _flag(given: Inputs, name: str) -> int:
    value = given.get(name)
    return int(value) if isinstance(value, bool) else bits.in_range(name, value, 0, 1)


def _decode(given: Inputs) -> Result:
    text = given.text("token")
    block, token_class = wire.extract_class(wire.from_digits(text))
    if token_class in tokens.ENCIPHERED_CLASSES:
        key = given.decoder_key()
        block = ciphers.DEFAULT[key.ea].decipher(key.value, block)
    token = engine.from_block(token_class, block)
    return {"token_class": token.token_class, "subclass": token.subclass, **fields_of(token)}


def fields_of(token: Token) -> Result:
    """The fields of a token by the names of the known-answer interface."""
    match token:
        case tokens.Credit():
            return {"rnd": token.rnd, "tid": token.tid, "amount_tenths": token.units}
        case tokens.CurrencyCredit():
            return {"tid": token.tid, "amount_1e5": token.amount_1e5}
        case tokens.MeterTest():
            digits_of_control = CONTROL_WIDTHS[token.subclass] // 4
            return {
                "control": f"{token.control:0{digits_of_control}x}",
                "mfr_field_raw": token.manufacturer,
            }
        case tokens.KeyChange1():
            return {
                "ken_high": token.ken_high,
                "krn": token.krn,
                "rollover": token.rollover,
                "flag_3kct": token.flag_3kct,
                "kt": token.key_type,
                "key_part": f"{token.key_part:08x}",
            }
        case tokens.KeyChange2():
            return {
                "ken_low": token.ken_low,
                "ti": f"{token.ti:02d}",
                "key_part": f"{token.key_part:08x}",
            }
        case tokens.KeyChange3():
            return {"sgc_low": token.sgc_low, "key_part": f"{token.key_part:08x}"}
        case tokens.KeyChange4():
            return {"sgc_high": token.sgc_high, "key_part": f"{token.key_part:08x}"}
        case tokens.Reserved() | tokens.Proprietary() | tokens.Unpublished():
            raise Unsupported(token_class=token.token_class, subclass=token.subclass, standing=token.standing)
        case _:
            return {"rnd": token.rnd, "tid": token.tid, "value": token.value}


KINDS: dict[str, Callable[[Inputs], Result]] = {
    "meter_pan": _meter_pan,
    "crc16": _crc16,
    "crc16_currency": _crc16_currency,
    "amount_field": _amount_field,
    "insert_class_bits": _insert_class_bits,
    "dkga02": _dkga("02"),
    "dkga03": _dkga("03"),
    "dkga04": _dkga("04"),
    "ea07_encrypt": _cipher("07", "encipher"),
    "ea07_decrypt": _cipher("07", "decipher"),
    "ea11_encrypt": _cipher("11", "encipher"),
    "ea11_decrypt": _cipher("11", "decipher"),
    "credit": _credit,
    "currency_credit": _currency_credit,
    "class1": _class1,
    "class2": _class2,
    "key_change_2": _key_change(8),
    "key_change_4": _key_change(16),
    "decode": _decode,
}


# ---- lines


def answer(kind: object, inputs: object) -> Result:
    """The answer to one question, or the error."""
    function = KINDS.get(kind) if isinstance(kind, str) else None
    if function is None:
        raise UnknownKind()
    return function(Inputs(inputs))


def answer_line(line: bytes) -> str:
    """The line of output that belongs to a line of input."""
    identity: str | int | None = None
    try:
        question = _question(line)
        identity = _identity(question)
        return json.dumps({"id": identity, "result": answer(question.get("kind"), question.get("inputs"))})
    except StsError as error:
        return json.dumps({"id": identity, "error": {"code": code_of(error), "message": error.sentence}})


def serve(questions: BinaryIO, answers: TextIO) -> None:
    """One line out for every line in, each before the next is read; of a line that is too long, nothing is kept."""
    while line := questions.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := questions.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            line = b""
        answers.write(answer_line(line) + "\n")
        answers.flush()


def code_of(error: StsError) -> str:
    """All errors of the digits are one code here, and all contents that are not defined are another."""
    for group in (FormatWrong, Unsupported):
        if isinstance(error, group):
            return group.code
    return error.code


def _question(line: bytes) -> dict[str, Any]:
    try:
        question = json.loads(line)
    except (ValueError, RecursionError):
        raise NotJson() from None
    if not isinstance(question, dict):
        raise NotJson()
    return question


def _identity(question: dict[str, Any]) -> str | int | None:
    """What the answer is to be known by: text or a whole number."""
    identity = question.get("id")
    if identity is None or isinstance(identity, (str, int)):
        return identity
    raise WrongType(what="id", expected="text or a whole number", found=type(identity).__name__)
