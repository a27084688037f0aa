"""Approvers and their signatures: whose word opens a budget, and is this really it (decisions.md D7, D8).

The module verifies, nobody else counts. Approvers are enrolled at the ceremony (in the key file) or later by an act
of the others (in the log). Two signatures of one person are one. A signature is Ed25519 over the act's text, or a
passkey's assertion whose challenge is the hash of that text. Pure; what an act does is in `powers.py`.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keystore import acts
from keystore.module import ActSignature

_USER_PRESENT, _USER_VERIFIED = 0x01, 0x04
_SKEW_S = 300  # an act may be this far ahead of the module's clock
MAX_ACT_BYTES = 56 * 1024

ONE_IS_ENOUGH = frozenset({"close-budget", "dismiss", "suspend-key"})
KINDS = ("ed25519", "webauthn")


class Rejected(Exception):
    """An act that does not count, with a code and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Approver:
    """A person's signing key. Several keys may belong to one person; they count once."""

    name: str
    person: str
    kind: str
    public_key: bytes
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """An act whose signatures were checked."""

    act_id: str
    name: str
    content: Mapping[str, Any]
    approvers: tuple[str, ...]
    persons: frozenset[str]
    ends: int


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ValueError("not base64url")
    return data


def check(
    act: str,
    signatures: Sequence[ActSignature],
    approvers: Mapping[str, Approver],
    now: float,
    *,
    module: str,
) -> Act:
    """The act, if it is well formed, for this module, in time, and every signature under it is genuine."""
    content = _parse(act)
    if content["module"] != module:
        # Approvers may be enrolled in several modules: what they granted to one, none of the others takes.
        raise Rejected(
            "act-other-module",
            f"This act is for the module {content['module']}, and this is {module}. Make it again for this one.",
        )
    made, ends = _moment(content, "made"), _moment(content, "expires")
    if not 0 < ends - made <= acts.LONGEST.total_seconds():
        raise Rejected("act-too-long", "An act ends at most 24 hours after it was made. Make it again.")
    if made > now + _SKEW_S:
        raise Rejected("act-not-yet", "The act is dated in the future. Check the clock where it was made.")
    if ends <= now:
        raise Rejected("act-expired", "The act has expired. Make it again and collect new signatures.")
    if not 1 <= len(signatures) <= 8:
        raise Rejected("signatures-missing", "Hand in the act with one to eight signatures.")
    persons = set()
    for signature in signatures:
        approver = approvers.get(signature.approver)
        if approver is None:
            raise Rejected(
                "approver-unknown",
                f"{signature.approver!r} is not an enrolled approver. `keystore status` lists who is.",
            )
        if not _genuine(act, signature, approver):
            raise Rejected(
                "signature-wrong",
                f"The signature of {approver.name} does not belong to this act. Sign the act as it is handed in.",
            )
        persons.add(approver.person)
    if content["beneficiary"] is not None and content["beneficiary"] in persons:
        raise Rejected(
            "beneficiary-signs", "Nobody approves an act for his own benefit. Ask another approver."
        )
    return Act(
        acts.act_id(act),
        content["act"],
        content,
        tuple(s.approver for s in signatures),
        frozenset(persons),
        int(ends),
    )


def require(act: Act, count: int) -> None:
    """That enough different people signed."""
    if len(act.persons) < count:
        raise Rejected(
            "two-people" if count == 2 else "quorum",
            f"This act needs the signatures of {count} different people; it carries those of {len(act.persons)}.",
        )


def _parse(act: str) -> dict[str, Any]:
    wrong = Rejected(
        "act-invalid", "The act is not a canonical act of this system. Make it with `keystore approve`."
    )
    try:
        if len(act.encode()) > MAX_ACT_BYTES:
            raise wrong
        content = json.loads(act)
        if not isinstance(content, dict) or acts.canonical(content) != act:
            raise wrong
        texts = [content[name] for name in ("act", "module", "maker", "reason", "nonce", "made", "expires")]
        if not all(type(text) is str and text for text in texts) or type(content["beneficiary"]) not in (
            str,
            type(None),
        ):
            raise wrong
    except (ValueError, KeyError, RecursionError):
        raise wrong from None
    return content


def _moment(content: Mapping[str, Any], name: str) -> float:
    try:
        moment = datetime.fromisoformat(content[name])
    except (ValueError, TypeError, KeyError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Rejected("act-invalid", f"The act's time {name!r} is not a time with its offset.")
    return moment.timestamp()


def _genuine(act: str, signature: ActSignature, approver: Approver) -> bool:
    try:
        if approver.kind == "ed25519":
            key = Ed25519PublicKey.from_public_bytes(approver.public_key)
            key.verify(from_base64url(signature.signature), acts.signed_bytes(act))
            return True
        return _genuine_passkey(act, signature, approver)
    except (InvalidSignature, ValueError, KeyError, TypeError, RecursionError):
        # The last: what the browser said is read before its signature can be checked, and may be nested without end.
        return False


def _genuine_passkey(act: str, signature: ActSignature, approver: Approver) -> bool:
    """A WebAuthn assertion: made here (origin), for this act (challenge), by a person (presence, verification)."""
    from webauthn.helpers import (
        decode_credential_public_key,
        decoded_public_key_to_cryptography,
        verify_signature,
    )
    from webauthn.helpers.exceptions import WebAuthnException

    if signature.authenticator_data is None or signature.client_data is None:
        return False
    client = from_base64url(signature.client_data)
    said = json.loads(client)
    data = from_base64url(signature.authenticator_data)
    host = urlsplit(approver.origin).hostname or ""
    if (
        said["type"] != "webauthn.get"
        or said["challenge"] != base64url(acts.challenge(act))
        or said["origin"] != approver.origin
        or len(data) < 37
        or data[:32] != hashlib.sha256(host.encode()).digest()
        or data[32] & (_USER_PRESENT | _USER_VERIFIED) != _USER_PRESENT | _USER_VERIFIED
    ):
        return False
    try:
        public = decode_credential_public_key(approver.public_key)
        verify_signature(
            public_key=decoded_public_key_to_cryptography(public),
            signature_alg=public.alg,
            signature=from_base64url(signature.signature),
            data=data + hashlib.sha256(client).digest(),
        )
    except WebAuthnException:
        return False
    return True
