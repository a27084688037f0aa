"""The errors of the security module and of its key file: one class per rule, a stable code, a sentence with the next step.

No error here ever carries key bytes, a passphrase, a share or a full token. Expected refusals of single
requests are values (`keystore.module.Refused`); an exception means that the caller cannot go on.
"""

from __future__ import annotations


class KeystoreError(Exception):
    """The root of the tree."""

    code = "keystore"

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if code is not None:
            self.code = code


class ModuleUnreachable(KeystoreError):
    """Nobody answers at the socket, and nothing was sent: the request certainly had no effect."""

    code = "module-unreachable"


class OutcomeUnknown(KeystoreError):
    """The request was sent and no answer came. It may have been carried out; ask again with the same order id."""

    code = "outcome-unknown"


class ModuleRefused(KeystoreError):
    """The module answered that it will not carry out the whole message."""

    code = "module-refused"


class MessageInvalid(KeystoreError):
    """A message that does not follow the protocol."""

    code = "message-invalid"


class KeyFileUnusable(KeystoreError):
    """The key file cannot be opened: damaged, altered, or not matching what was given to open it."""

    code = "key-file-unusable"


class SharesInvalid(KeystoreError):
    """The shares or passphrases given do not open the key file."""

    code = "shares-invalid"


class KeyFileBusy(KeystoreError):
    """Another process works with this key file or with this log."""

    code = "key-file-busy"


class LogDamaged(KeystoreError):
    """The issuance log does not verify. The module does not start on it."""

    code = "log-damaged"


class ArchiveDamaged(KeystoreError):
    """A back-up that does not open whole, or could not be written whole."""

    code = "archive-damaged"


class LogFull(KeystoreError):
    """The log could not be extended; nothing was issued."""

    code = "log-full"


class ClockInvalid(KeystoreError):
    """A clock setting that cannot be used."""

    code = "clock-invalid"


class CeremonyStopped(KeystoreError):
    """A step of the ceremony was not carried out as written."""

    code = "ceremony-stopped"


class ComponentInvalid(KeystoreError):
    """A key component or its check value does not fit."""

    code = "component-invalid"
