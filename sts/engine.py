"""One token at a time: a value and a key to 20 digits, and 20 digits and a key to a value.

Each function is the other's mirror, in the order of a meter: digits, class, cipher, checksum, content,
and last what the key may carry. Randomness, time and uniqueness are the caller's: a token holds the RND
and TID that it is given, the reserved minute included.
"""

from __future__ import annotations

from sts import ciphers, keys, tokens, wire
from sts.ciphers import Ciphers
from sts.errors import CrcWrong, KeyMissing, WrongType
from sts.keys import DecoderKey
from sts.tokens import ENCIPHERED_CLASSES, Token


def encode(token: Token, key: DecoderKey | None = None, *, ciphers: Ciphers = ciphers.DEFAULT) -> str:
    """The 20 digits of a token, which `key` must be allowed to carry."""
    block = to_block(token)
    if token.token_class in ENCIPHERED_CLASSES:
        key = _needed(key, token.token_class)
        keys.require_carries(key, token)
        block = ciphers[key.ea].encipher(key.value, block)
    return wire.to_digits(wire.insert_class(block, token.token_class))


def decode(digits: str, key: DecoderKey | None = None, *, ciphers: Ciphers = ciphers.DEFAULT) -> Token:
    """The token of 20 digits, which `key` must be allowed to carry."""
    token = read(digits, key, ciphers=ciphers)
    if token.token_class in ENCIPHERED_CLASSES:
        keys.require_carries(_needed(key, token.token_class), token)
    return token


def read(digits: str, key: DecoderKey | None = None, *, ciphers: Ciphers = ciphers.DEFAULT) -> Token:
    """What 20 digits say, whether or not the key may carry it: for the people who look into a refusal."""
    block, token_class = wire.extract_class(wire.from_digits(digits))
    if token_class in ENCIPHERED_CLASSES:
        key = _needed(key, token_class)
        block = ciphers[key.ea].decipher(key.value, block)
    return from_block(token_class, block)


def to_block(token: Token) -> int:
    """The block in clear: subclass, data and checksum."""
    if not isinstance(token, Token):
        raise WrongType(what="A token", expected="one of sts.tokens", found=type(token).__name__)
    data = token.pack()
    crc = tokens.crc(token.token_class, token.subclass, data)
    return wire.BLOCK.pack(subclass=token.subclass, data=data, crc=crc)


def from_block(token_class: int, block: int) -> Token:
    """The token in a block in clear, if its checksum matches."""
    parts = wire.BLOCK.unpack(block)
    subclass, data = parts["subclass"], parts["data"]
    if token_class != 3 and parts["crc"] != tokens.crc(token_class, subclass, data):
        raise CrcWrong()
    return tokens.unpack(token_class, subclass, data)


def _needed(key: DecoderKey | None, token_class: int) -> DecoderKey:
    if key is None:
        raise KeyMissing(token_class=token_class)
    if not isinstance(key, DecoderKey):
        raise WrongType(what="A key", expected="a decoder key", found=type(key).__name__)
    return key
