"""Meters and tokens for the tests of the meter: one group's keys, one meter, tokens made on the spot."""

from __future__ import annotations

from itertools import count

from meter import profile
from meter.profile import Installation, Profile
from meter.twin import Twin
from sts import engine
from sts.keys import DecoderKey, KeyType
from sts.tid import BaseDate
from sts.tokens import Credit, Token
from sts.tokens.key_change import sections

PAN = "600727070144823064"
START = 1_790_000_100
_TIDS = count(1_000_000)


def a_key(
    fill: int = 1,
    ea: str = "11",
    kind: KeyType = KeyType.DUTK,
    *,
    krn: int = 1,
    ken: int = 255,
    ti: str = "01",
    sgc: str = "600217",
) -> DecoderKey:
    """A decoder key whose bytes are easy to tell apart."""
    size = 16 if ea == "11" else 8
    return DecoderKey(bytes([fill] * size), ea, kind, sgc, krn, ti, ken, BaseDate.Y2014)


def a_twin(
    model: str | Profile = "single-phase", key: DecoderKey | None = None, units: int = 0, **installed: object
) -> Twin:
    """A delivered meter."""
    found = profile.load(model) if isinstance(model, str) else model
    twin = Twin.fresh(found, Installation(PAN, **installed), key or a_key(), START)  # type: ignore[arg-type]
    twin.deliver(units)
    return twin


def a_token(token: Token, key: DecoderKey | None = None) -> str:
    return engine.encode(token, key or a_key())


def credit(
    units: int = 100, key: DecoderKey | None = None, *, tid: int | None = None, subclass: int = 0
) -> str:
    """A credit token with a TID of its own unless one is given."""
    return a_token(Credit(subclass, 5, next(_TIDS) if tid is None else tid, units), key)


def key_change(new: DecoderKey, old: DecoderKey | None = None, *, rollover: bool = False) -> list[str]:
    return [a_token(each, old) for each in sections(new, rollover=rollover)]


def forge(token_class: int, subclass: int, data: int, key: DecoderKey) -> str:
    """Digits for any 44 bits, also ones that no vendor would make."""
    from sts import ciphers, tokens, wire

    block = wire.BLOCK.pack(subclass=subclass, data=data, crc=tokens.crc(token_class, subclass, data))
    if token_class in (0, 2):
        block = ciphers.DEFAULT[key.ea].encipher(key.value, block)
    return wire.to_digits(wire.insert_class(block, token_class))
