"""From a planned entry to its digits, and back as a check: the only place where tokens are enciphered.

The inputs are the halves of a log entry, so a token made now and the same token made again in ten years come from
one function. Every token is decoded under the same key before anybody sees it.
"""

from __future__ import annotations

from typing import Any

from keystore.keyring import KeyRing
from keystore.module import MeterKeying
from sts import engine, fast, tokens
from sts.ciphers import Cipher, Ciphers
from sts.errors import StsError
from sts.keys import DecoderKey
from sts.tokens import Token, key_change

Json = dict[str, Any]

ACTIONS: dict[str, type[Any]] = {
    "power-limit": tokens.PowerLimit,
    "clear-credit": tokens.ClearCredit,
    "clear-tamper": tokens.ClearTamper,
    "phase-unbalance-limit": tokens.PhaseUnbalanceLimit,
}


def mint(public: Json, private: Json, ring: KeyRing, ciphers: Ciphers) -> tuple[str, ...]:
    """The digits of an entry."""
    request = private["request"]
    kind = public["kind"]
    if kind == "meter-test":
        return (engine.encode(tokens.MeterTest(0, request["value"]), ciphers=ciphers),)
    keying = MeterKeying(**request["meter"])
    key = ring.decoder_key(private["record"], keying)
    if kind == "credit":
        return (
            _credit(key, ciphers[key.ea], (public["sub"], private["rnd"], public["tid"], public["units"])),
        )
    found: tuple[Token, ...]
    if kind == "management":
        found = (ACTIONS[request["action"]](private["rnd"], public["tid"], request["value"]),)
    else:
        new_key = ring.decoder_key(private["to_record"], MeterKeying(**request["to"]))
        found = key_change.sections(new_key, rollover=request["rollover"])
    return tuple(_checked(token, key, ciphers) for token in found)


def _credit(key: DecoderKey, cipher: Cipher, wanted: tuple[int, int, int, int]) -> str:
    """As `_checked`, for the token of every sale."""
    digits = fast.encode_credit(key, cipher, *wanted)
    assert fast.decode_credit(digits, key, cipher) == wanted, _NOT_DECODED
    return digits


_NOT_DECODED = "a token does not decode to what was asked for"


def _checked(token: Token, key: DecoderKey, ciphers: Ciphers) -> str:
    """A token that does not decode is nobody's bad request: the module ends (AssertionError) before it logs anything."""
    digits = engine.encode(token, key, ciphers=ciphers)
    try:
        said: object = engine.decode(digits, key, ciphers=ciphers)
    except StsError as error:
        said = error
    assert said == token, _NOT_DECODED
    return digits
