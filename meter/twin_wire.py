"""The lines between a building of twins and its drivers: one JSON object a line, UTF-8, over a Unix stream socket.

Both halves are here, so that they cannot drift apart: `question` and the `…_from` readers for the driver, `answer`
for the building, which needs no more than a way from a PAN to a `MeterDriver`. No I/O and no clock.

A question is `{"id": 7, "verb": "token", "pan": "600727…", "token": "…"}`; its answer is on the next line of the
same connection, `{"id": 7, "ok": true, "result": {…}}` or `{"id": 7, "ok": false, "code": "…", "sentence": "…"}`.
Answers come in the order of the questions. A line is at most 64 KiB; a longer one ends the connection.

    verb         more fields  result
    meters       (no pan)     {"meters": [{"pan", "label", "service"}]}
    info                      {"number", "pan", "maker", "model", "firmware", "service", "capabilities": ["token", …],
                               "keys": {"sgc", "krn", "key_type", "ti", "ken", "ea"} | null}
    read                      {"at", "credit": {"amount", "unit"} | null, "relay": {"state", "reason"},
                               "registers": [{"obis", "amount", "unit"}], "tamper": ["cover", …],
                               "power_limit": {"amount", "unit"} | null,
                               "accounts": [{"name", "amount", "unit"}]}   more than one credit, else empty
    token        token        {"number": 0…255, "credit": … | null, "relay": … | null}
    disconnect                {"state", "reason"}
    reconnect                 {"state", "reason"}
    last_tokens               {"tokens": [{"tail", "status", "at"}]}   newest first
    clock                     {"at"}

Amounts are integers of Wh, W, l or minor; times are ISO 8601 with an offset. A meter that plays dead gives no
answer at all: the driver's time-out is the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from meter.driver import (
    Account,
    Capability,
    LastToken,
    MeterDriver,
    MeterInfo,
    MeterKeys,
    Outcome,
    Quantity,
    Reading,
    Register,
    Relay,
    RelayState,
    clocked,
    switching,
    token_history,
)
from meter.errors import MeterAnswerWrong, MeterError

LONGEST_LINE = 65_536

MeterLookup = Callable[[str], MeterDriver | None]
"""From a PAN to its meter in this building, or None."""


class RequestMalformed(MeterError):
    code = "request_malformed"


class VerbUnknown(MeterError):
    code = "verb_unknown"


class MeterUnknown(MeterError):
    code = "meter_unknown"


class MeterSilent(Exception):
    """Raised by a meter that plays dead: the building sends no answer to this question."""


# The building's side.


def answer(line: bytes, find: MeterLookup, listing: Callable[[], Sequence[dict[str, str]]]) -> bytes | None:
    """The answer line to one question line, or None when the meter stays silent."""
    number: object = None
    try:
        asked = _object(line)
        number = asked.get("id")
        result = _result(asked, find, listing)
    except MeterSilent:
        return None
    except MeterError as error:
        return _line({"id": number, "ok": False, "code": error.code, "sentence": error.sentence})
    return _line({"id": number, "ok": True, "result": result})


def _result(
    asked: dict[str, Any], find: MeterLookup, listing: Callable[[], Sequence[dict[str, str]]]
) -> dict[str, Any]:
    verb = asked.get("verb")
    if verb == "meters":
        return {"meters": list(listing())}
    do = _VERBS.get(verb) if isinstance(verb, str) else None
    if do is None:
        raise VerbUnknown("The building does not know this verb. Update the driver or the building.")
    pan = asked.get("pan")
    meter = find(pan) if isinstance(pan, str) else None
    if meter is None:
        raise MeterUnknown("No meter with this number hangs in this building. Check the pan in the URL.")
    return do(meter, asked)


def _info(meter: MeterDriver, _: dict[str, Any]) -> dict[str, Any]:
    info = meter.info()
    keys = info.keys
    return {
        "number": info.number,
        "pan": info.pan,
        "maker": info.maker,
        "model": info.model,
        "firmware": info.firmware,
        "service": info.service,
        "capabilities": [flag.name.lower() for flag in meter.capabilities if flag.name],
        "keys": keys
        and {
            "sgc": keys.sgc,
            "krn": keys.krn,
            "key_type": keys.key_type,
            "ti": keys.ti,
            "ken": keys.ken,
            "ea": keys.ea,
        },
    }


def _read(meter: MeterDriver, _: dict[str, Any]) -> dict[str, Any]:
    reading = meter.read()
    return {
        "at": reading.at.isoformat(),
        "credit": _quantity(reading.credit),
        "relay": _relay(reading.relay),
        "registers": [
            {"obis": each.obis, "amount": each.quantity.amount, "unit": each.quantity.unit}
            for each in reading.registers
        ],
        "tamper": list(reading.tamper),
        "power_limit": _quantity(reading.power_limit),
        "accounts": [
            {"name": each.name, "amount": each.credit.amount, "unit": each.credit.unit}
            for each in reading.accounts
        ],
    }


def _token(meter: MeterDriver, asked: dict[str, Any]) -> dict[str, Any]:
    token = asked.get("token")
    if not isinstance(token, str):
        raise RequestMalformed("The verb “token” needs the field “token” with twenty digits.")
    outcome = meter.enter_token(token)
    return {
        "number": outcome.number,
        "credit": _quantity(outcome.credit),
        "relay": outcome.relay and _relay(outcome.relay),
    }


def _last_tokens(meter: MeterDriver, _: dict[str, Any]) -> dict[str, Any]:
    return {
        "tokens": [
            {"tail": each.tail, "status": each.status, "at": each.at and each.at.isoformat()}
            for each in token_history(meter).last_tokens()
        ]
    }


_VERBS: dict[str, Callable[[MeterDriver, dict[str, Any]], dict[str, Any]]] = {
    "info": _info,
    "read": _read,
    "token": _token,
    "disconnect": lambda meter, _: _relay(switching(meter).disconnect()),
    "reconnect": lambda meter, _: _relay(switching(meter).reconnect()),
    "last_tokens": _last_tokens,
    "clock": lambda meter, _: {"at": clocked(meter).clock().isoformat()},
}


def _quantity(quantity: Quantity | None) -> dict[str, Any] | None:
    return None if quantity is None else {"amount": quantity.amount, "unit": quantity.unit}


def _relay(relay: Relay) -> dict[str, Any]:
    return {"state": relay.state.value, "reason": relay.reason}


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise RequestMalformed("The line is longer than 64 KiB.")
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        raise RequestMalformed("The line is not one JSON object.") from None
    if not isinstance(content, dict):
        raise RequestMalformed("The line is not one JSON object.")
    return content


# The driver's side.


def question(number: int, verb: str, pan: str | None = None, **fields: str) -> bytes:
    """One question line."""
    return _line({"id": number, "verb": verb, **({"pan": pan} if pan else {}), **fields})


def result_of(line: bytes, number: int) -> dict[str, Any]:
    """The result in an answer line to question `number`, or the refusal it carries, raised."""
    try:
        content = _object(line)
    except RequestMalformed:
        raise MeterAnswerWrong(
            "The building sent a line that is not an answer. Nothing was taken from it."
        ) from None
    if content.get("id") != number:
        raise MeterAnswerWrong("The building answered another question. Nothing was taken from it.")
    if content.get("ok") is not True:
        error = MeterError(str(content.get("sentence", "The building refused without a reason."))[:300])
        error.code = str(content.get("code", "meter_error"))[:60]
        raise error
    result = content.get("result")
    if not isinstance(result, dict):
        raise _wrong()
    return result


def capabilities_from(result: dict[str, Any]) -> Capability:
    names = result.get("capabilities")
    if not isinstance(names, list):
        raise _wrong()
    # A flag of a newer building that this driver does not know is simply not offered.
    flags = Capability.NONE
    for name in names:
        flags |= Capability.__members__.get(str(name).upper(), Capability.NONE)
    return flags


def info_from(result: dict[str, Any]) -> MeterInfo:
    keys = result.get("keys")
    return MeterInfo(
        number=_text(result, "number"),
        pan=_text(result, "pan"),
        maker=_text(result, "maker"),
        model=_text(result, "model"),
        firmware=_text(result, "firmware"),
        service=_text(result, "service"),
        keys=None
        if keys is None
        else MeterKeys(
            sgc=_text(keys, "sgc"),
            **{name: _integer(keys, name) for name in ("krn", "key_type", "ti", "ken", "ea")},
        ),
    )


def reading_from(result: dict[str, Any]) -> Reading:
    relay = relay_from(result.get("relay"))
    registers = result.get("registers")
    tamper = result.get("tamper", [])
    accounts = result.get("accounts", [])
    if not isinstance(registers, list) or not isinstance(tamper, list) or not isinstance(accounts, list):
        raise _wrong()
    return Reading(
        at=moment_from(result),
        credit=_quantity_from(result.get("credit")),
        relay=relay,
        registers=tuple(
            Register(_text(each, "obis"), Quantity(_integer(each, "amount"), _text(each, "unit")))
            for each in registers
        ),
        tamper=tuple(str(each) for each in tamper),
        power_limit=_quantity_from(result.get("power_limit")),
        accounts=tuple(
            Account(_text(each, "name"), Quantity(_integer(each, "amount"), _text(each, "unit")))
            for each in accounts
        ),
    )


def outcome_from(result: dict[str, Any]) -> Outcome:
    number = _integer(result, "number")
    if not 0 <= number <= 255:
        raise _wrong()
    relay = result.get("relay")
    return Outcome.of(
        number,
        credit=_quantity_from(result.get("credit")),
        relay=None if relay is None else relay_from(relay),
    )


def relay_from(content: object) -> Relay:
    try:
        return Relay(RelayState(_text(content, "state")), _text(content, "reason"))
    except ValueError:
        raise _wrong() from None


def last_tokens_from(result: dict[str, Any]) -> tuple[LastToken, ...]:
    tokens = result.get("tokens")
    if not isinstance(tokens, list):
        raise _wrong()
    return tuple(
        LastToken(
            tail=_text(each, "tail")[-4:],
            status=_integer(each, "status"),
            at=None if each.get("at") is None else moment_from(each),
        )
        for each in tokens
    )


def moment_from(content: object) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(content, "at"))
    except ValueError:
        raise _wrong() from None
    if moment.tzinfo is None:
        raise _wrong()
    return moment


def _quantity_from(content: object) -> Quantity | None:
    return None if content is None else Quantity(_integer(content, "amount"), _text(content, "unit"))


def _text(content: object, name: str) -> str:
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, str) or len(value) > 200:
        raise _wrong()
    return value


def _integer(content: object, name: str) -> int:
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong()
    return value


def _wrong() -> MeterAnswerWrong:
    return MeterAnswerWrong(
        "The building's answer has a field missing or of the wrong kind. Nothing was taken from it."
    )
