"""Checkpoints of the log as C2SP signed notes (tlog-checkpoint): readable, and checkable by other people's tools.

ampoule/3f0c…            the name of the log
1027                     how many entries
ld2m…=                   the root, base64
                         (an empty line)
— ampoule/3f0c… 8Kx…     signature: 4 bytes of key id and 64 of Ed25519, base64
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keystore.module import Checkpoint

_ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class Head:
    """A size of the log and the root at that size."""

    log: str
    size: int
    root: bytes


def key_id(name: str, public_key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def body(head: Head) -> str:
    return f"{head.log}\n{head.size}\n{b64encode(head.root).decode()}\n"


def sign(head: Head, key: Ed25519PrivateKey) -> Checkpoint:
    text = body(head)
    public = key.public_key().public_bytes_raw()
    signature = b64encode(key_id(head.log, public) + key.sign(text.encode())).decode()
    return Checkpoint(
        note=f"{text}\n— {head.log} {signature}\n",
        size=head.size,
        root=head.root.hex(),
        short=f"{head.size} {head.root.hex()[:8]}",
    )


def opened(note: str, log: str, public_key: bytes) -> Head | None:
    """The head that a note states, if this log's key signed it; else None."""
    text, found, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if not found or len(lines) < 3 or lines[0] != log or not lines[1].isascii() or not lines[1].isdigit():
        return None
    prefix = f"— {log} "
    for line in signatures.split("\n"):
        if not line.startswith(prefix):
            continue
        try:
            value = b64decode(line[len(prefix) :], validate=True)
            root = b64decode(lines[2], validate=True)
            if value[:4] != key_id(log, public_key) or len(root) != 32:
                continue
            Ed25519PublicKey.from_public_bytes(public_key).verify(value[4:], (text + "\n").encode())
        except (InvalidSignature, Base64Error, ValueError):
            continue
        return Head(log, int(lines[1]), root)
    return None
