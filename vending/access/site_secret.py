"""The site's secret: 32 random bytes in a file beside the database and never in it.

Somebody who has only the database (a back-up, a copied disk of the database host) can neither read the TOTP secrets of the
staff nor write an approval that counts. It protects people, not STS keys: those live in the security module.
"""

import hashlib
import hmac
import json
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vending.errors import Unavailable

FILE = "site.secret"


class SiteSecretMissing(Unavailable):
    code = "site_secret_missing"


class SiteSecret:
    """Seals small values and puts a seal on rows. Its repr shows nothing."""

    __slots__ = ("_cipher", "_mac_key")

    def __init__(self, value: bytes) -> None:
        assert len(value) == 32
        self._cipher = AESGCM(hmac.digest(value, b"ampoule seal 1", "sha256"))
        self._mac_key = hmac.digest(value, b"ampoule row seal 1", "sha256")

    def __repr__(self) -> str:
        return "SiteSecret(…)"

    @classmethod
    def of_folder(cls, folder: Path) -> "SiteSecret":
        """The secret of this site, made on first use, readable by the product's own user alone."""
        path = folder / FILE
        try:
            return cls._read(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise SiteSecretMissing(
                f"{path} cannot be read ({error.strerror}). Give it to the user that runs Ampoule, with mode 600."
            ) from error
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls._read(path)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        return cls._read(path)

    @classmethod
    def _read(cls, path: Path) -> "SiteSecret":
        value = path.read_bytes()
        if len(value) != 32:
            raise SiteSecretMissing(f"{path} is damaged: it must hold 32 bytes. Restore it from a back-up.")
        return cls(value)

    def seal(self, value: bytes, context: str) -> str:
        nonce = secrets.token_bytes(12)
        return urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, value, context.encode())).decode()

    def open(self, sealed: str, context: str) -> bytes:
        raw = urlsafe_b64decode(sealed)
        try:
            return self._cipher.decrypt(raw[:12], raw[12:], context.encode())
        except InvalidTag:
            raise SiteSecretMissing(
                "A sealed value does not open under this site's secret. Restore site.secret from the same back-up as the database."
            ) from None

    def row_seal(self, row: dict[str, Any]) -> str:
        """A seal over every named column of a row."""
        text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hmac.new(self._mac_key, text.encode(), hashlib.sha256).hexdigest()

    def seal_holds(self, row: dict[str, Any], seal: str) -> bool:
        return hmac.compare_digest(self.row_seal(row), seal)
