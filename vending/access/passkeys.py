"""Passkeys (WebAuthn): registering one, signing in with it, and signing the hash of an act with it.

The server's half of the ceremony; the browser's half is `navigator.credentials`. A challenge is good once and for five
minutes, bound to its purpose, and a passkey whose counter runs backwards is refused: it was copied.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import webauthn
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from vending import audit
from vending.access import service
from vending.access.errors import PasskeyRefused
from vending.access.policy import Actor
from vending.access.service import Signed, SignedIn
from vending.access.tables import Ceremony, Passkey, Person
from vending.clock import Clock
from vending.db import Database, new_key
from vending.errors import InvalidInput, NotFound

CHALLENGE_LASTS = timedelta(minutes=5)
MOST_PASSKEYS = 10
LARGEST_ANSWER = 16 * 1024  # characters of JSON from the browser


@dataclass(frozen=True, slots=True)
class PasskeyView:
    key: str
    label: str
    created_at: datetime
    used_at: datetime | None


def begin_registration(db: Database, clock: Clock, signed: Signed, *, rp_id: str, site_name: str) -> str:
    """The options for `navigator.credentials.create`, as JSON. The person must have confirmed to be there."""
    service.require_confirmed(signed, clock)
    with db.writing() as session:
        held = _list(session, signed.actor.key)
        if len(held) >= MOST_PASSKEYS:
            raise InvalidInput(
                f"There are {MOST_PASSKEYS} passkeys on this account already. Remove one first."
            )
        options = webauthn.generate_registration_options(
            rp_id=rp_id,
            rp_name=site_name,
            user_name=signed.login,
            user_id=signed.actor.key.encode(),
            user_display_name=signed.actor.name,
            challenge=_new_challenge(session, clock, "register", signed.actor.key),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=base64url_to_bytes(row.credential_id)) for row in held
            ],
        )
    return str(webauthn.options_to_json(options))


def finish_registration(
    db: Database, clock: Clock, signed: Signed, answer: str, *, rp_id: str, origin: str, label: str
) -> str:
    """Keeps the new passkey; gives its key."""
    with db.writing() as session:
        challenge = _take_challenge(session, clock, answer, "register", signed.actor.key)
        try:
            verified = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=rp_id,
                expected_origin=origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, RecursionError) as error:
            raise PasskeyRefused from error
        row = Passkey(
            key=new_key(),
            person_key=signed.actor.key,
            credential_id=bytes_to_base64url(verified.credential_id),
            public_key=bytes_to_base64url(verified.credential_public_key),
            sign_count=verified.sign_count,
            label=" ".join(label.split())[:60] or "Passkey",
            created_at=clock.now(),
        )
        session.add(row)
        session.flush()
        audit.record(
            session,
            clock,
            actor=signed.actor,
            act="passkey added",
            subject=f"person:{signed.actor.key}",
            detail={"passkey": row.key, "label": row.label},
        )
        return row.key


def begin_sign_in(db: Database, clock: Clock, *, rp_id: str) -> str:
    """The options for `navigator.credentials.get`. They name no account, so they tell nobody who has one."""
    with db.writing() as session:
        options = webauthn.generate_authentication_options(
            rp_id=rp_id,
            challenge=_new_challenge(session, clock, "sign-in", None),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    return str(webauthn.options_to_json(options))


def sign_in(
    db: Database,
    clock: Clock,
    answer: str,
    *,
    rp_id: str,
    origin: str,
    address: str = "",
    strict: bool = False,
) -> SignedIn:
    """A new session by passkey alone: it is two factors in one, the device and its own PIN or fingerprint."""
    with db.writing() as session:
        challenge = _take_challenge(session, clock, answer, "sign-in", None)
        person_key = session.scalar(
            sa.select(Passkey.person_key)
            .join(Person, Person.key == Passkey.person_key)
            .where(
                Passkey.credential_id == _credential_id(answer),
                Passkey.removed_at.is_(None),
                Person.disabled_at.is_(None),
            )
        )
        if person_key is None:
            raise PasskeyRefused
        verify(session, clock, person_key, answer, challenge, rp_id=rp_id, origin=origin)
        secret = service.open_session(session, clock, person_key, address=address, factor="passkey")
    return SignedIn(secret, service.session_of(db, clock, secret, strict=strict))


def options_to_sign(session: Session, person_key: str, challenge: bytes, *, rp_id: str) -> str:
    """The options for signing an act: the challenge is the hash of the act, so nothing needs to be kept."""
    held = _list(session, person_key)
    if not held:
        raise NotFound("You have no passkey yet. Add one under your name first.")
    options = webauthn.generate_authentication_options(
        rp_id=rp_id,
        challenge=challenge,
        allow_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(row.credential_id)) for row in held
        ],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return str(webauthn.options_to_json(options))


def verify(
    session: Session, clock: Clock, person_key: str, answer: str, challenge: bytes, *, rp_id: str, origin: str
) -> None:
    """Checks the answer of a passkey of this person over this challenge, and moves its counter on."""
    row = session.scalar(
        sa.select(Passkey)
        .where(
            Passkey.credential_id == _credential_id(answer),
            Passkey.person_key == person_key,
            Passkey.removed_at.is_(None),
        )
        .with_for_update()
    )
    if row is None:
        raise PasskeyRefused
    try:
        verified = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=base64url_to_bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, RecursionError) as error:
        raise PasskeyRefused from error
    row.sign_count, row.used_at = verified.new_sign_count, clock.now()


def confirm(db: Database, clock: Clock, signed: Signed, answer: str, *, rp_id: str, origin: str) -> None:
    """ "It is me", by passkey, in a living session (`begin_sign_in` gives the options)."""
    with db.writing() as session:
        challenge = _take_challenge(session, clock, answer, "sign-in", None)
        verify(session, clock, signed.actor.key, answer, challenge, rp_id=rp_id, origin=origin)
        service.mark_confirmed(session, clock, signed.session_key)


def list_passkeys(session: Session, person_key: str) -> list[PasskeyView]:
    return [
        PasskeyView(row.key, row.label, row.created_at, row.used_at) for row in _list(session, person_key)
    ]


def remove(session: Session, clock: Clock, actor: Actor, key: str) -> None:
    """The person removes one of his own."""
    row = session.scalar(
        sa.select(Passkey).where(
            Passkey.key == key, Passkey.person_key == actor.key, Passkey.removed_at.is_(None)
        )
    )
    if row is None:
        raise NotFound("There is no such passkey on your account.")
    row.removed_at = clock.now()
    audit.record(
        session,
        clock,
        actor=actor,
        act="passkey removed",
        subject=f"person:{actor.key}",
        detail={"passkey": key, "label": row.label},
    )


def _list(session: Session, person_key: str) -> list[Passkey]:
    return list(
        session.scalars(
            sa.select(Passkey)
            .where(Passkey.person_key == person_key, Passkey.removed_at.is_(None))
            .order_by(Passkey.id)
        )
    )


def _new_challenge(session: Session, clock: Clock, purpose: str, person_key: str | None) -> bytes:
    session.execute(sa.delete(Ceremony).where(Ceremony.expires_at < clock.now() - timedelta(hours=1)))
    challenge = secrets.token_bytes(32)
    session.add(
        Ceremony(
            challenge=bytes_to_base64url(challenge),
            purpose=purpose,
            person_key=person_key,
            expires_at=clock.now() + CHALLENGE_LASTS,
        )
    )
    return challenge


def _take_challenge(
    session: Session, clock: Clock, answer: str, purpose: str, person_key: str | None
) -> bytes:
    """The challenge that this answer claims to answer: handed out here, for this purpose, in time, and never used."""
    try:
        client = json.loads(base64url_to_bytes(_parsed(answer)["response"]["clientDataJSON"]))
        claimed = client["challenge"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PasskeyRefused from error
    used = session.scalar(
        sa.update(Ceremony)
        .where(
            Ceremony.challenge == str(claimed),
            Ceremony.purpose == purpose,
            Ceremony.person_key.is_(None) if person_key is None else Ceremony.person_key == person_key,
            Ceremony.used_at.is_(None),
            Ceremony.expires_at > clock.now(),
        )
        .values(used_at=clock.now())
        .returning(Ceremony.challenge)
    )
    if used is None:
        raise PasskeyRefused
    return bytes(base64url_to_bytes(used))


def _credential_id(answer: str) -> str:
    return str(_parsed(answer).get("id", ""))


def _parsed(answer: str) -> dict[str, Any]:
    if len(answer) > LARGEST_ANSWER:
        raise PasskeyRefused
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise PasskeyRefused from error
    if not isinstance(value, dict):
        raise PasskeyRefused
    return value
