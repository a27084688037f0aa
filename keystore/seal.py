"""The cryptography of the key file, and the only file that does it.

    R         32 random bytes, split M of N into SLIP-39 shares (words for paper)
    slot      share sealed by AES-256-GCM under Argon2id(passphrase, salt)
    KEK       HKDF-SHA-256(R, salt = keystore id, info = "stsks/1 kek")
    record    AES-256-GCM under HKDF(KEK, "rec" || record id || generation), description as associated data
    MAC       HMAC-SHA-256 over the whole file; commitment: HKDF(R, "stsks/1 commitment"), since GCM does not
              commit to its key

What stays in clear is the description of each key, so that `list` works without shares. Errors say what to do and
never what was inside. Python cannot wipe what it copied; that is why locking ends the process (docs/concepts/trust-and-keys.md).
"""

from __future__ import annotations

import hmac
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.share import Share

from keystore import format as layout
from keystore.errors import KeyFileUnusable, SharesInvalid
from keystore.format import DAMAGED, Kdf, KeyFile, Record, Slot

WRONG = "The shares do not open this key file. Check that each is complete and belongs to this file."
ROOT_BYTES = 32
MIN_THRESHOLD = 2


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """A key file with its root. The representation shows neither."""

    file: KeyFile
    root: bytes

    def __repr__(self) -> str:
        return f"Opened({self.file.keystore_id}, generation {self.file.generation})"


def new_root() -> bytes:
    return os.urandom(ROOT_BYTES)


# --- shares -------------------------------------------------------------------------------------------------------


def split(root: bytes, threshold: int, shares: int) -> list[str]:
    """N shares as words; any M of them give the root back."""
    if not MIN_THRESHOLD <= threshold <= shares <= 16:
        raise SharesInvalid(
            "Choose 2 to 16 shares and a threshold of at least two: one person never opens the file."
        )
    words: list[str] = generate_mnemonics(1, [(threshold, shares)], root, iteration_exponent=0)[0]
    return words


def combine(shares: Sequence[str]) -> bytes:
    try:
        root: bytes = combine_mnemonics([" ".join(share.split()) for share in shares])
    except (MnemonicError, ValueError, IndexError):
        raise SharesInvalid(WRONG) from None
    return root


def is_words(text: str) -> bool:
    """Whether this is a share written as words, rather than a passphrase."""
    return len(text.split()) >= 20


def share_place(words: str) -> tuple[int, int, int]:
    """Set identifier, number of the share and threshold of a share; raises if a word was mistyped."""
    try:
        share = Share.from_mnemonic(" ".join(words.split()))
    except (MnemonicError, ValueError, IndexError):
        raise SharesInvalid(
            "These words are not a share: a word is missing, mistyped or out of order. Read them again."
        ) from None
    return share.identifier, share.index + 1, share.member_threshold


def _stretch(passphrase: str, salt: bytes, kdf: Kdf) -> bytes:
    return Argon2id(salt=salt, length=32, iterations=kdf.t, lanes=kdf.p, memory_cost=kdf.m_kib).derive(
        passphrase.encode()
    )


def make_slot(number: int, holder: str, words: str, passphrase: str, kdf: Kdf, keystore_id: str) -> Slot:
    salt, nonce = os.urandom(16), os.urandom(12)
    key = _stretch(passphrase, salt, kdf)
    sealed = AESGCM(key).encrypt(nonce, words.encode(), _slot_about(number, holder, keystore_id))
    return Slot(number, holder, kdf, salt, nonce + sealed)


def open_slot(slot: Slot, passphrase: str, keystore_id: str) -> str:
    """The share in this slot; raises if the passphrase is not its own."""
    try:
        key = _stretch(passphrase, slot.salt, slot.kdf)
        about = _slot_about(slot.slot, slot.holder, keystore_id)
        return AESGCM(key).decrypt(slot.sealed[:12], slot.sealed[12:], about).decode()
    except (InvalidTag, ValueError):
        raise SharesInvalid(WRONG) from None


def find_share(file: KeyFile, text: str) -> str:
    """A share from what a custodian typed: his words, or the passphrase of one of the slots."""
    if is_words(text):
        share_place(text)
        return " ".join(text.split())
    for slot in file.slots:
        try:
            return open_slot(slot, text, file.keystore_id)
        except SharesInvalid:
            continue
    raise SharesInvalid(WRONG)


def _slot_about(number: int, holder: str, keystore_id: str) -> bytes:
    return layout.canonical({"keystore_id": keystore_id, "slot": number, "holder": holder})


# --- keys from the root ---------------------------------------------------------------------------------------------


def _derive(key: bytes, info: str, salt: bytes = b"") -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt or None, info=info.encode()).derive(key)


def _kek(root: bytes, keystore_id: str) -> bytes:
    return _derive(root, "stsks/1 kek", keystore_id.encode())


def purpose_key(root: bytes, keystore_id: str, purpose: str) -> bytes:
    """A key of its own for each purpose outside the file (the anchor beside it, the sealed back-up)."""
    return _derive(root, f"stsks/1 {purpose}", keystore_id.encode())


def commitment(root: bytes, keystore_id: str) -> bytes:
    return _derive(root, "stsks/1 commitment", keystore_id.encode())


def mac(root: bytes, file: KeyFile) -> bytes:
    key = _derive(root, "stsks/1 mac", file.keystore_id.encode())
    return hmac.digest(key, layout.body(file), "sha256")


# --- records --------------------------------------------------------------------------------------------------------


def make_record(
    root: bytes, file: KeyFile, kind: str, about: dict[str, Any], secret: bytes, record_id: str | None = None
) -> Record:
    """Seal a secret with its description; a change of either needs the file's root."""
    name = record_id or str(uuid.uuid4())
    record = Record(name, file.generation, kind, about, b"")
    nonce = os.urandom(12)
    sealed = AESGCM(_record_key(root, file, record)).encrypt(nonce, secret, _record_about(file, record))
    return replace(record, sealed=nonce + sealed)


def open_record(root: bytes, file: KeyFile, record: Record) -> bytes:
    try:
        return AESGCM(_record_key(root, file, record)).decrypt(
            record.sealed[:12], record.sealed[12:], _record_about(file, record)
        )
    except (InvalidTag, ValueError):
        raise KeyFileUnusable(DAMAGED) from None


def _record_key(root: bytes, file: KeyFile, record: Record) -> bytes:
    return _derive(_kek(root, file.keystore_id), f"rec {record.record_id} {record.generation}")


def _record_about(file: KeyFile, record: Record) -> bytes:
    return layout.canonical(
        {
            "keystore_id": file.keystore_id,
            "nature": file.nature,
            "record_id": record.record_id,
            "generation": record.generation,
            "kind": record.kind,
            "about": record.about,
        }
    )


# --- the whole file -------------------------------------------------------------------------------------------------


def write(opened: Opened) -> bytes:
    return layout.write(opened.file, mac(opened.root, opened.file))


def open_with_root(data: bytes, root: bytes) -> Opened:
    """Check the whole file against a root: commitment, MAC, and every record."""
    file, found = layout.read(data)
    if not hmac.compare_digest(commitment(root, file.keystore_id), file.commitment):
        raise KeyFileUnusable(DAMAGED)
    if not hmac.compare_digest(mac(root, file), found):
        raise KeyFileUnusable(DAMAGED)
    if not file.all_test and any(s.kdf.m_kib < layout.SMALL_DEVICE.m_kib for s in file.slots):
        raise KeyFileUnusable(
            "A live key file must be sealed at full cost; this one is sealed like a test file."
        )
    for record in file.records:
        open_record(root, file, record)
    return Opened(file, root)


def unlock(data: bytes, given: Sequence[str]) -> Opened:
    """Open a file with shares, as words or as passphrases of its slots."""
    file, _ = layout.read(data)
    shares: list[str] = []
    for text in given:
        words = find_share(file, text)
        if words not in shares:
            shares.append(words)
    if len(shares) < file.threshold:
        raise SharesInvalid(
            f"The key file opens with {file.threshold} different shares; {len(shares)} were given. "
            "Ask another custodian."
        )
    root = combine(shares[: file.threshold])
    if not hmac.compare_digest(commitment(root, file.keystore_id), file.commitment):
        raise SharesInvalid(WRONG)
    return open_with_root(data, root)
