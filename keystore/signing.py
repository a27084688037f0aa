"""An approver's Ed25519 key file, and signatures with it on the command line (`keystore approve`).

The file is small and readable: name, public key, and the seed sealed under a passphrase (Argon2id, AES-256-GCM). Test
keys may be without one. A passkey in the browser does the same work without a file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keystore import acts
from keystore.approvals import base64url, from_base64url
from keystore.errors import KeyFileUnusable
from keystore.journal import write_whole
from keystore.module import ActSignature

MAGIC = "ampoule approver key 1"
_COST = {"m_kib": 64 * 1024, "t": 3, "p": 4}


def sign(act: str, name: str, key: Ed25519PrivateKey) -> ActSignature:
    return ActSignature(name, base64url(key.sign(acts.signed_bytes(act))))


def write_key(path: Path, name: str, key: Ed25519PrivateKey, *, passphrase: str | None) -> None:
    seed = key.private_bytes_raw()
    content: dict[str, object] = {
        "format": MAGIC,
        "name": name,
        "public_key": base64url(key.public_key().public_bytes_raw()),
    }
    if passphrase is None:
        content["test_seed"] = base64url(seed)
    else:
        salt, nonce = os.urandom(16), os.urandom(12)
        sealed = AESGCM(_stretch(passphrase, salt)).encrypt(nonce, seed, name.encode())
        content |= {"salt": base64url(salt), "sealed": base64url(nonce + sealed)}
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode())


def read_key(path: Path, passphrase: str | None) -> tuple[str, Ed25519PrivateKey]:
    """The name and the key; raises with one sentence whatever is wrong."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name = str(content["name"])
        if content["format"] != MAGIC:
            raise ValueError("format")
        if "test_seed" in content:
            seed = from_base64url(content["test_seed"])
        else:
            sealed = from_base64url(content["sealed"])
            key = _stretch(passphrase or "", from_base64url(content["salt"]))
            seed = AESGCM(key).decrypt(sealed[:12], sealed[12:], name.encode())
        return name, Ed25519PrivateKey.from_private_bytes(seed)
    except (OSError, ValueError, KeyError, TypeError, InvalidTag):
        raise KeyFileUnusable(
            f"The approver's key {path} does not open: wrong passphrase, or not such a file."
        ) from None


def needs_passphrase(path: Path) -> bool:
    try:
        return "test_seed" not in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _stretch(passphrase: str, salt: bytes) -> bytes:
    return Argon2id(
        salt=salt, length=32, iterations=_COST["t"], lanes=_COST["p"], memory_cost=_COST["m_kib"]
    ).derive(passphrase.encode())
