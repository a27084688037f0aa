"""The protocol of the socket: one JSON object in one packet, at most 64 KiB, version 1.

A request is `{"v": 1, "verb": ..., "body": {...}}`, an answer `{"v": 1, "ok": true, "body": ...}` or
`{"v": 1, "ok": false, "error": {"code", "sentence"}}`. The socket is SOCK_SEQPACKET: a message arrives whole or
not at all, so there is no half a message to wait for, and a longer one is seen as too long.

Decoding is strict: an unknown field, a missing one, a boolean where a number belongs, are refused. Not here: what
a verb does (`server.py`), whether a value makes sense (`engine.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from operator import gt, itemgetter
from typing import Any

import orjson

from keystore.errors import MessageInvalid
from keystore.module import (
    ActSignature,
    AlreadyIssued,
    Approved,
    Budget,
    Cancelled,
    Checkpoint,
    CreditRequest,
    Issued,
    KeyChangeRequest,
    KeyLine,
    LimitLine,
    ManagementRequest,
    MeterKeying,
    Proof,
    PublicEntry,
    Refused,
    Request,
    Status,
    Verified,
)

VERSION = 1
MAX_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 160 * 1024  # 64 answers with four tokens each fit; below the usual socket buffer

Json = dict[str, Any]


def pack(message: Json, limit: int = MAX_BYTES) -> bytes:
    try:
        data = orjson.dumps(message)
    except TypeError as error:  # a number beyond 64 bits, half a character
        raise MessageInvalid(f"The message cannot be written: {error}.") from error
    if len(data) > limit:
        raise MessageInvalid(
            f"The message is {len(data)} bytes; at most {limit} fit. Send fewer requests in one message."
        )
    return data


def unpack(data: bytes, limit: int = MAX_BYTES) -> Json:
    if len(data) > limit:
        raise MessageInvalid(f"The message is longer than {limit} bytes. Send fewer requests in one message.")
    try:
        message = orjson.loads(data)
        if (
            orjson.dumps(message) != data
        ):  # written otherwise than this protocol does, or with a field given twice
            message = _loads(data.decode())
    except (ValueError, TypeError, RecursionError) as error:
        raise MessageInvalid("The message is not one JSON object in UTF-8.") from error
    if not isinstance(message, dict):
        raise MessageInvalid("The message is not one JSON object in UTF-8.")
    return message


def unpack_answer(data: bytes | memoryview) -> Json:
    """The caller's side: what the module says is not hostile, only perhaps of another version."""
    message = orjson.loads(data)
    if not isinstance(message, dict):
        raise MessageInvalid("The answer is not one JSON object in UTF-8.")
    return message


def _no_constants(name: str) -> None:
    raise ValueError(name)


def _no_twins(pairs: list[tuple[str, Any]]) -> Json:
    """A field given twice means different things to different readers; refuse it."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("twice")
    return found


_loads = json.JSONDecoder(parse_constant=_no_constants, object_pairs_hook=_no_twins).decode


# --- values out -------------------------------------------------------------------------------------------------


def request_out(request: Request) -> Json:
    meter = keying_out(request.meter)
    if isinstance(request, CreditRequest):
        return {
            "kind": "credit",
            "order_id": request.order_id,
            "meter": meter,
            "service": request.service,
            "subclass": request.subclass,
            "units": request.units,
            "meter_class": request.meter_class,
            "content_hash": request.content_hash,
            "free": request.free,
            "approval": request.approval,
        }
    if isinstance(request, ManagementRequest):
        return {
            "kind": "management",
            "order_id": request.order_id,
            "meter": meter,
            "action": request.action,
            "value": request.value,
            "content_hash": request.content_hash,
            "approval": request.approval,
        }
    return {
        "kind": "key-change",
        "order_id": request.order_id,
        "meter": meter,
        "to": keying_out(request.to),
        "rollover": request.rollover,
        "content_hash": request.content_hash,
        "approval": request.approval,
    }


def keying_out(meter: MeterKeying) -> Json:
    return {
        "pan": meter.pan,
        "ea": meter.ea,
        "tct": meter.tct,
        "dkga": meter.dkga,
        "sgc": meter.sgc,
        "krn": meter.krn,
        "ti": meter.ti,
        "key_type": meter.key_type,
        "ken": meter.ken,
        "base_date": meter.base_date,
    }


_NAMES: dict[type, str] = {
    Issued: "issued",
    Refused: "refused",
    Cancelled: "cancelled",
    AlreadyIssued: "already-issued",
    Approved: "approved",
    Budget: "budget",
    KeyLine: "key",
    LimitLine: "limit",
    Status: "status",
    Checkpoint: "checkpoint",
    Proof: "proof",
    PublicEntry: "public-entry",
    Verified: "verified",
}
_TYPES = {name: kind for kind, name in _NAMES.items()}
_FIELDS = {kind: tuple(f.name for f in fields(kind)) for kind in _NAMES}
_ISSUED_FIELDS = len(_FIELDS[Issued]) + 1


def answer_out(value: Any) -> Any:
    """An answer value as JSON, tagged with its name."""
    kind = type(value)
    if kind is Issued:
        return _issued_out(value)
    if kind in _NAMES:
        found: Json = {"is": _NAMES[kind]}
        for name in _FIELDS[kind]:
            item = getattr(value, name)
            found[name] = item if item is None or type(item) in (str, int, bool) else answer_out(item)
        return found
    if kind in (tuple, list):
        return [answer_out(item) for item in value]
    if kind is datetime:
        return {"at": value.isoformat()}
    return value


def _issued_out(value: Issued) -> Json:
    """As every other answer; written out, because each sale passes here."""
    return {
        "is": "issued",
        "order_id": value.order_id,
        "tokens": value.tokens,
        "tid": value.tid,
        "base_date": value.base_date,
        "units": value.units,
        "sequence": value.sequence,
        "logged_at": {"at": value.logged_at.isoformat()},
        "salt": value.salt,
        "leaf": value.leaf,
        "signature": value.signature,
        "log": value.log,
        "budget_left": value.budget_left,
        "warnings": value.warnings,
        "replayed": value.replayed,
    }


def _issued_in(value: Json) -> Issued:
    return Issued(
        value["order_id"],
        tuple(value["tokens"]),
        value["tid"],
        value["base_date"],
        value["units"],
        value["sequence"],
        datetime.fromisoformat(value["logged_at"]["at"]),
        value["salt"],
        value["leaf"],
        value["signature"],
        value["log"],
        value["budget_left"],
        tuple(value["warnings"]),
        value["replayed"],
    )


def answer_in(value: Any) -> Any:
    """The other direction, on the caller's side. Lists become tuples, tagged objects become values."""
    if isinstance(value, list):
        return tuple([answer_in(item) for item in value])
    if isinstance(value, dict):
        if value.get("is") == "issued" and len(value) == _ISSUED_FIELDS:
            return _issued_in(value)
        if "is" in value:
            kind = _TYPES[value["is"]]
            return kind(**{name: answer_in(value[name]) for name in _FIELDS[kind] if name in value})
        if set(value) == {"at"}:
            return datetime.fromisoformat(value["at"])
    return value


# --- values in: strict ------------------------------------------------------------------------------------------

Reader = Callable[[Any], Any]
_LEAST, _MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Plain:
    """The kind of a field that holds text of a limited length, a whole number, or yes or no."""

    kind: type
    limit: int = 0

    def __call__(self, value: Any) -> Any:
        if type(value) is not self.kind:
            raise TypeError
        if type(value) is str and (len(value) > self.limit or not value.isprintable()):
            raise TypeError
        if type(value) is int and not _LEAST <= value <= _MOST:
            raise TypeError
        return value


def _text(limit: int) -> Plain:
    return Plain(str, limit)


_whole = Plain(int)
_yes_no = Plain(bool)


def _maybe(reader: Reader) -> Reader:
    return lambda value: None if value is None else reader(value)


class Shape:
    """An object with exactly these fields, each of its kind.

    Plain fields are looked at together, because each sale passes here; what is not in order goes through them one by
    one, so that the sentence names the field.
    """

    def __init__(self, what: str, readers: Mapping[str, Reader]) -> None:
        self._what = what
        self._readers = readers
        plain = {name: reader for name, reader in readers.items() if isinstance(reader, Plain)}
        self._names = tuple(plain)
        self._get = itemgetter(*self._names)
        self._kinds = tuple(reader.kind for reader in plain.values())
        self._texts = [at for at, p in enumerate(plain.values()) if p.kind is str]
        self._limits = [p.limit for p in plain.values() if p.kind is str]
        self._wholes = [at for at, p in enumerate(plain.values()) if p.kind is int]
        self._others = [(name, reader) for name, reader in readers.items() if name not in plain]

    def read(self, value: Any) -> Json:
        if type(value) is not dict or value.keys() != self._readers.keys():
            raise self._other_fields(value)
        plain = self._get(value)
        if not self._in_order(plain):
            return {name: self._one(name, reader, value[name]) for name, reader in self._readers.items()}
        found = dict(zip(self._names, plain))  # noqa: B905 - of one length: itemgetter made the second from the first
        for name, reader in self._others:
            found[name] = self._one(name, reader, value[name])
        return found

    def row(self, value: Any) -> tuple[Any, ...]:
        """The values of an object whose fields are all plain, in the order in which they were declared."""
        if type(value) is dict and value.keys() == self._readers.keys():
            plain: tuple[Any, ...] = self._get(value)
            if self._in_order(plain):
                return plain
        return tuple(self.read(value).values())  # says what is wrong

    def _in_order(self, plain: tuple[Any, ...]) -> bool:
        if tuple(map(type, plain)) != self._kinds:
            return False
        texts = [plain[at] for at in self._texts]
        if not "".join(texts).isprintable() or any(map(gt, map(len, texts), self._limits)):
            return False
        return all([_LEAST <= plain[at] <= _MOST for at in self._wholes])  # noqa: C419 - each sale passes here

    def _one(self, name: str, reader: Reader, value: Any) -> Any:
        try:
            return reader(value)
        except TypeError:
            raise MessageInvalid(
                f"The field {name!r} of the {self._what} is not of the right kind."
            ) from None

    def _other_fields(self, value: Any) -> MessageInvalid:
        if not isinstance(value, dict):
            return MessageInvalid(f"The {self._what} is not a JSON object.")
        missing = sorted(self._readers.keys() - value.keys())
        if missing:
            return MessageInvalid(f"The {self._what} lacks the field {missing[0]!r}.")
        return MessageInvalid(f"The {self._what} has a field that this protocol does not know.")


_KEYING = Shape(
    "meter",
    {
        "pan": _text(18),
        "ea": _text(2),
        "tct": _text(2),
        "dkga": _text(2),
        "sgc": _text(6),
        "krn": _whole,
        "ti": _text(2),
        "key_type": _whole,
        "ken": _whole,
        "base_date": _whole,
    },
)


def keying_in(value: Any) -> MeterKeying:
    return MeterKeying(*_KEYING.row(value))


_ALL: dict[str, Reader] = {
    "kind": _text(16),
    "order_id": _text(64),
    "meter": keying_in,
    "content_hash": _text(64),
    "approval": _maybe(_text(64)),
}
_CREDIT: dict[str, Reader] = {
    "service": _text(16),
    "subclass": _whole,
    "units": _whole,
    "meter_class": _text(16),
    "free": _yes_no,
}
_REQUESTS: dict[str, tuple[type[Any], Shape]] = {
    "credit": (CreditRequest, Shape("request", _ALL | _CREDIT)),
    "management": (
        ManagementRequest,
        Shape("request", _ALL | {"action": _text(32), "value": _whole}),
    ),
    "key-change": (KeyChangeRequest, Shape("request", _ALL | {"to": keying_in, "rollover": _yes_no})),
}


def request_in(value: Any) -> Request:
    name = value.get("kind") if isinstance(value, dict) else None
    if type(name) is not str or name not in _REQUESTS:
        raise MessageInvalid("A request has a kind: credit, management or key-change.")
    kind, shape = _REQUESTS[name]
    found = shape.read(value)
    del found["kind"]
    request: Request = kind(**found)
    return request


def request_or_refusal(value: Any) -> Request | Refused:
    """A request that does not follow the protocol is refused alone: its neighbours are not to suffer for it."""
    try:
        return request_in(value)
    except MessageInvalid as error:
        said = value.get("order_id") if isinstance(value, dict) else None
        order_id = said if type(said) is str and len(said) <= 64 and said.isprintable() else ""
        return Refused(order_id, error.code, error.sentence)


_SIGNATURE = Shape(
    "signature",
    {
        "approver": _text(64),
        "signature": _text(1024),
        "authenticator_data": _maybe(_text(2048)),
        "client_data": _maybe(_text(4096)),
    },
)


def signature_in(value: Any) -> ActSignature:
    return ActSignature(**_SIGNATURE.read(value))


def each(value: Any, reader: Callable[[Any], Any], most: int, what: str) -> list[Any]:
    """A list of 1 to `most` items."""
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise MessageInvalid(f"Give 1 to {most} {what} in one message.")
    return [reader(item) for item in value]


order_id_in = _text(64)


def text_in(value: Any, limit: int, what: str) -> str:
    """Free text that may hold line feeds (acts, notes)."""
    if type(value) is not str or len(value) > limit:
        raise MessageInvalid(f"The {what} is not text of at most {limit} characters.")
    return value
