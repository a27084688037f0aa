"""One entry of the issuance log: its public half, its sealed half, and the commitments between them.

A line of the log is `public JSON <tab> base64(sealed) <line feed>`. The public half is what the leaf hash covers:
order, time, key, token identifier, units, budget, and salted commitments of the meter, the tokens and the slip; it
names nobody. The sealed half holds what the module needs to work from the log alone (the request, the random
bits, the salt), encrypted under the log's own secret; its hash is in the public half, so it cannot be changed
either. Each public half carries the leaf hash of the entry before it.

Not here: the file (`journal.py`) and the tree (`merkle.py`). `verify_log.py` reads the same lines with code of its
own.
"""

from __future__ import annotations

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystore.errors import LogDamaged
from keystore.merkle import leaf_hash

Json = dict[str, Any]

GENESIS = "0" * 64
SALT_BYTES = 16


def _canonical(half: Json) -> bytes:
    """Sorted names, no spaces, UTF-8."""
    return orjson.dumps(half, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as read back: both halves, its leaf hash, and where its line begins and ends in the file."""

    public: Json
    private: Json
    leaf: bytes
    offset: int
    end: int

    @property
    def sequence(self) -> int:
        return int(self.public["n"])


def commitment(salt: bytes, what: str, value: str) -> str:
    """A hash that shows nothing without the salt and fits one value only."""
    return hmac.digest(salt, f"{what}\n{value}".encode(), "sha256").hex()


def commitments(salt: bytes, pan: str, tokens: Sequence[str], content_hash: str) -> Json:
    return {
        "meter": commitment(salt, "meter", pan),
        "tokens": commitment(salt, "tokens", ",".join(tokens)),
        "content": commitment(salt, "content", content_hash),
    }


def statement(log: str, sequence: int, leaf: str, committed: Json) -> bytes:
    """What the module signs for a receipt: short, and checkable from paper without the log."""
    return (
        f"ampoule entry 1\n{log}\n{sequence}\n{leaf}\n"
        f"{committed['meter']}\n{committed['tokens']}\n{committed['content']}\n"
    ).encode()


def write(public: Json, private: Json, secret: AESGCM) -> tuple[bytes, bytes]:
    """The line of an entry and its leaf hash. `public` gets the hash of the sealed half.

    The sealed half is bound to the public one (its associated data), so that the module itself sees every change of
    the last entry too, which no later entry vouches for.
    """
    public["sealed"] = ""
    open_half = _canonical(public)
    nonce = os.urandom(12)
    sealed = nonce + secret.encrypt(nonce, _canonical(private), open_half)
    digest = sha256(sealed).hexdigest()
    public["sealed"] = digest
    data = open_half.replace(_NOT_SEALED, _sealed_as(digest), 1)
    return data + b"\t" + b64encode(sealed) + b"\n", leaf_hash(data)


_NOT_SEALED = b'"sealed":""'


def _sealed_as(digest: str) -> bytes:
    return b'"sealed":"%b"' % digest.encode()


def split(line: bytes) -> tuple[bytes, bytes]:
    """Public bytes and sealed bytes of a whole line, without its line feed."""
    data, tab, sealed = line.partition(b"\t")
    if not tab:
        raise LogDamaged("A line of the issuance log is not an entry.")
    try:
        blob = b64decode(sealed, validate=True)
    except ValueError:
        raise LogDamaged("A line of the issuance log is not an entry.") from None
    if b64encode(blob) != sealed:
        raise LogDamaged("A line of the issuance log is not an entry.")
    return data, blob


def read(line: bytes, offset: int, secret: AESGCM) -> Entry:
    """One line with its line feed, opened and checked in itself. Its place in the chain is the caller's check."""
    data, sealed = split(line[:-1])
    try:
        public = orjson.loads(data)
        if public["sealed"] != sha256(sealed).hexdigest() or _canonical(public) != data:
            raise LogDamaged("An entry of the issuance log was altered.")
        open_half = data.replace(_sealed_as(public["sealed"]), _NOT_SEALED, 1)
        private = orjson.loads(secret.decrypt(sealed[:12], sealed[12:], open_half))
    except (ValueError, KeyError, TypeError, InvalidTag) as error:
        raise LogDamaged("An entry of the issuance log cannot be read.") from error
    return Entry(public, private, leaf_hash(data), offset, offset + len(line))
