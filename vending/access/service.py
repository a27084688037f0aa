"""Signing in, and the sessions that follow: use cases with transactions of their own.

A session is a row here and a random secret in the browser's cookie; only the secret's hash is stored. So a session can be
ended at once, and a stolen database opens none. Roles are read at every request: what is withdrawn is gone at the next one.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from vending import audit
from vending.access import passwords, people, policy, second_factor, throttle
from vending.access.errors import (
    ConfirmationNeeded,
    NotConfirmed,
    PasskeyNeeded,
    SecondFactorNeeded,
    SessionOver,
    SignInRefused,
    TooManyGuesses,
    WitnessNotConfirmed,
)
from vending.access.policy import Actor, Permission
from vending.access.site_secret import SiteSecret
from vending.access.tables import Guesses, Passkey, Person, SignInSession
from vending.clock import Clock
from vending.db import Database, new_key
from vending.errors import InvalidInput, NotFound

SEEN_EVERY = timedelta(
    minutes=1
)  # how exactly the rest of a session is measured; saves a write on most requests
CONFIRMED_FOR = timedelta(minutes=5)  # how long "yes, it is me" is good for an act of weight
WRONG_PINS = 5


@dataclass(frozen=True, slots=True)
class Signed:
    """A living session and who is in it."""

    actor: Actor
    session_key: str
    login: str
    language: str
    began_at: datetime
    ends_at: datetime
    confirmed_at: datetime
    second_factor: str | None
    needs: frozenset[str]  # "password", "second factor": to be set before anything else

    def is_confirmed(self, now: datetime) -> bool:
        return self.confirmed_at + CONFIRMED_FOR > now


@dataclass(frozen=True, slots=True)
class SignedIn:
    secret: str  # for the cookie, never for the database or a log
    signed: Signed

    def __repr__(self) -> str:
        return f"SignedIn({self.signed.login})"


@dataclass(frozen=True, slots=True)
class SessionView:
    key: str
    person_key: str
    person_name: str
    began_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    second_factor: str | None


def sign_in(
    db: Database,
    clock: Clock,
    vault: SiteSecret,
    *,
    login: str,
    password: str,
    code: str | None = None,
    address: str = "",
    strict: bool = False,
) -> SignedIn:
    """A new session, or one of: SignInRefused, SecondFactorNeeded, PasskeyNeeded, TooManyGuesses.

    Every try is counted as wrong before it is judged and forgiven when it was right, so that a hundred tries at the same
    time are a hundred counted tries.
    """
    login = login.strip().casefold()
    before = _count_try(db, clock, login, address)
    with db.reading() as session:
        person = session.scalar(sa.select(Person).where(Person.login == login))
    right = passwords.matches(person.password_hash if person else None, password)
    if person is None or not right or person.disabled_at is not None:
        with db.writing() as session:
            audit.record(
                session,
                clock,
                actor=audit.Doer(person.key, person.name) if person else audit.Doer("nobody", "somebody"),
                act="sign-in refused",
                subject=f"person:{person.key}" if person else "person:unknown",
                detail={"address": address},
            )
        raise SignInRefused
    step = None
    if person.totp_confirmed_at is not None:
        if not code:
            _put_back(db, before)
            raise SecondFactorNeeded
        totp = vault.open(person.totp_sealed or "", f"totp {person.key}").decode()
        step = second_factor.step_of(code, totp, clock.now(), person.totp_last_step)
        if step is None:
            # The password was right, so this one is worth knowing of more than any other.
            with db.writing() as session:
                audit.record(
                    session,
                    clock,
                    actor=audit.Doer(person.key, person.name),
                    act="sign-in refused",
                    subject=f"person:{person.key}",
                    detail={"address": address, "why": "second factor"},
                )
            raise SignInRefused
    elif strict and _has_passkey_for_weight(db, person.key):
        _put_back(db, before)
        raise PasskeyNeeded
    new_hash = passwords.hash_of(password) if passwords.is_outdated(person.password_hash or "") else None
    with db.writing() as session:
        if step is not None and not _use_step(session, person.key, step):
            raise SignInRefused
        if new_hash:
            session.execute(sa.update(Person).where(Person.key == person.key).values(password_hash=new_hash))
        _forgive(session, login, address)
        secret = open_session(
            session, clock, person.key, address=address, factor="totp" if step is not None else None
        )
    return SignedIn(secret, session_of(db, clock, secret, strict=strict))


def open_session(session: Session, clock: Clock, person_key: str, *, address: str, factor: str | None) -> str:
    """A step for `sign_in` and for passkeys: the row of a new session; gives the secret."""
    secret = secrets.token_urlsafe(32)
    person = session.scalars(sa.select(Person).where(Person.key == person_key)).one()
    if person.disabled_at is not None:
        raise SignInRefused
    roles = {grant.role for grant in people.grants_of(session, person_key).get(person_key, frozenset())}
    now = clock.now()
    row = SignInSession(
        key=new_key(),
        secret_hash=_hash(secret),
        person_key=person_key,
        began_at=now,
        seen_at=now,
        ends_at=now + timedelta(minutes=policy.LONGEST_MINUTES),
        rest_minutes=policy.rest_minutes(roles),
        second_factor=factor,
        confirmed_at=now,
        address=address[:64],
    )
    session.add(row)
    audit.record(
        session,
        clock,
        actor=audit.Doer(person.key, person.name),
        act="signed in",
        subject=f"person:{person.key}",
        detail={"session": row.key, "second factor": factor, "address": address[:64]},
    )
    return secret


def session_of(db: Database, clock: Clock, secret: str, *, strict: bool = False) -> Signed:
    """Who is in this session, with the roles of this moment; SessionOver when it has ended or rested too long.

    `strict` (production): who must still set a password or a second factor holds no role until it is done.
    """
    now = clock.now()
    with db.reading() as session:
        found = session.execute(
            sa.select(SignInSession, Person)
            .join(Person, Person.key == SignInSession.person_key)
            .where(SignInSession.secret_hash == _hash(secret))
        ).first()
        if found is None:
            raise SessionOver("it is not known here")
        row, person = found
        why = _over(row, person, now)
        if why is not None:
            raise SessionOver(why)
        grants = people.grants_of(session, person.key).get(person.key, frozenset())
        roles = {grant.role for grant in grants}
        has_factor = person.totp_confirmed_at is not None or (
            bool(roles & policy.NEEDS_SECOND_FACTOR) and _has_passkey(session, person.key)
        )
    if row.seen_at + SEEN_EVERY <= now:
        with db.writing() as session:
            session.execute(
                sa.update(SignInSession)
                .where(SignInSession.id == row.id, SignInSession.ended_at.is_(None))
                .values(seen_at=now)
            )
    needs = set()
    if person.must_change_password:
        needs.add("password")
    if roles & policy.NEEDS_SECOND_FACTOR and not has_factor:
        needs.add("second factor")
    actor = Actor(
        person.key,
        person.name,
        frozenset() if strict and needs else grants,
        tenant=person.tenant_key,
        session=row.key,
    )
    return Signed(
        actor,
        row.key,
        person.login,
        person.language,
        row.began_at,
        row.ends_at,
        row.confirmed_at,
        row.second_factor,
        frozenset(needs),
    )


def actor_of_session(db: Database, clock: Clock, secret: str, *, strict: bool = False) -> Actor | None:
    """The same for callers who only ask who it is: None when nobody is signed in any more."""
    try:
        return session_of(db, clock, secret, strict=strict).actor
    except SessionOver:
        return None


def confirm(
    db: Database,
    clock: Clock,
    vault: SiteSecret,
    secret: str,
    *,
    pin: str | None = None,
    password: str | None = None,
    code: str | None = None,
) -> Signed:
    """Proves that the person of a living session is at the till: by PIN, password or code. Five wrong ones end it.

    The PIN works here and nowhere else: it opens no session.
    """
    signed = session_of(db, clock, secret)
    given = [each for each in (pin, password, code) if each]
    if len(given) != 1:
        raise ConfirmationNeeded
    wrong = _count_in_session(db, clock, signed.session_key)
    with db.reading() as session:
        person = session.scalars(sa.select(Person).where(Person.key == signed.actor.key)).one()
    step = None
    if pin:
        right = passwords.pin_matches(person.pin_hash, pin)
    elif password:
        right = passwords.matches(person.password_hash, password)
    else:
        assert code is not None
        totp = (
            vault.open(person.totp_sealed, f"totp {person.key}").decode()
            if person.totp_sealed and person.totp_confirmed_at
            else ""
        )
        step = second_factor.step_of(code, totp, clock.now(), person.totp_last_step) if totp else None
        right = step is not None
    with db.writing() as session:
        if right and step is not None:
            right = _use_step(session, person.key, step)
        if right:
            mark_confirmed(session, clock, signed.session_key)
        elif wrong >= WRONG_PINS:
            _end(session, clock, signed.session_key, "too many wrong PINs")
    if right:
        return session_of(db, clock, secret)
    if wrong >= WRONG_PINS:
        raise SessionOver("too many wrong PINs")
    raise NotConfirmed(WRONG_PINS - wrong)


def _count_in_session(db: Database, clock: Clock, session_key: str) -> int:
    """As at sign-in: counted as wrong first, forgiven when right (`mark_confirmed`)."""
    with db.writing() as session:
        wrong = session.scalar(
            sa.update(SignInSession)
            .where(SignInSession.key == session_key)
            .values(wrong_pins=SignInSession.wrong_pins + 1)
            .returning(SignInSession.wrong_pins)
        )
        if wrong is None or wrong > WRONG_PINS:
            _end(session, clock, session_key, "too many wrong PINs")
    if wrong is None or wrong > WRONG_PINS:
        raise SessionOver("too many wrong PINs")
    return int(wrong)


def witness(db: Database, clock: Clock, *, person_key: str, secret: str, address: str = "") -> Actor:
    """A second person at the desk says "I saw it" with his PIN or password: counted and slowed down like a sign-in,
    and it opens no session."""
    with db.reading() as session:
        person = session.scalar(sa.select(Person).where(Person.key == person_key))
        grants = people.grants_of(session, person_key).get(person_key, frozenset())
    _count_try(db, clock, person.login if person else person_key, address)
    right = person is not None and (
        passwords.pin_matches(person.pin_hash, secret)
        if secret.isascii() and secret.isdigit() and len(secret) <= 8
        else passwords.matches(person.password_hash, secret)
    )
    if person is None or not right or person.disabled_at is not None:
        with db.writing() as session:
            audit.record(
                session,
                clock,
                actor=audit.Doer(person.key, person.name) if person else audit.Doer("nobody", "somebody"),
                act="witness refused",
                subject=f"person:{person.key}" if person else "person:unknown",
                detail={"address": address[:64]},
            )
        raise WitnessNotConfirmed
    with db.writing() as session:
        _forgive(session, person.login, address)
    return Actor(person.key, person.name, grants, tenant=person.tenant_key)


def require_confirmed(signed: Signed, clock: Clock) -> None:
    """Before an act of weight (ASVS 7.5.3)."""
    if not signed.is_confirmed(clock.now()):
        raise ConfirmationNeeded


def sign_out(db: Database, clock: Clock, secret: str) -> None:
    with db.writing() as session:
        key = session.scalar(sa.select(SignInSession.key).where(SignInSession.secret_hash == _hash(secret)))
        if key is not None:
            _end(session, clock, key, "signed out")


def end_session(db: Database, clock: Clock, actor: Actor, session_key: str, *, reason: str) -> None:
    """A manager ends somebody's session, at once; a person ends his own others."""
    with db.writing() as session:
        row = session.scalar(sa.select(SignInSession).where(SignInSession.key == session_key))
        if row is None:
            raise NotFound("There is no such session. It may have ended already.")
        if row.person_key != actor.key:
            people.require_over(session, actor, row.person_key)
        _end(
            session,
            clock,
            session_key,
            "ended by a manager" if row.person_key != actor.key else "signed out elsewhere",
        )
        audit.record(
            session,
            clock,
            actor=actor,
            act="session ended",
            subject=f"person:{row.person_key}",
            detail={"session": session_key},
            reason=reason,
        )


def list_sessions(
    session: Session, clock: Clock, actor: Actor, person_key: str | None = None
) -> list[SessionView]:
    """The living sessions: one's own, or those of people at the sites where one may see people."""
    now = clock.now()
    seen = {view.key for view in people.list_people(session, actor)} | {actor.key}
    rows = session.execute(
        sa.select(SignInSession, Person)
        .join(Person, Person.key == SignInSession.person_key)
        .where(SignInSession.ended_at.is_(None), SignInSession.ends_at > now)
        .order_by(SignInSession.seen_at.desc())
    )
    return [
        SessionView(
            row.key,
            person.key,
            person.name,
            row.began_at,
            row.seen_at,
            row.ends_at,
            row.address,
            row.second_factor,
        )
        for row, person in rows
        if person.key in seen
        and (person_key is None or person.key == person_key)
        and _over(row, person, now) is None
    ]


def begin_totp(db: Database, clock: Clock, vault: SiteSecret, signed: Signed, *, site_name: str) -> str:
    """A new secret for the person's telephone, as the address that the QR code shows. Counts only once confirmed. Who finds
    a session open must not tie the account to his own telephone: the person has just shown that it is he."""
    require_confirmed(signed, clock)
    secret = second_factor.new_secret()
    with db.writing() as session:
        person = session.scalars(sa.select(Person).where(Person.key == signed.actor.key)).one()
        if person.totp_confirmed_at is not None:
            raise InvalidInput(
                "A second factor is set up already. A manager can reset it when the telephone is lost."
            )
        person.totp_sealed = vault.seal(secret.encode(), f"totp {person.key}")
    return second_factor.address(secret, signed.login, site_name)


def confirm_totp(db: Database, clock: Clock, vault: SiteSecret, signed: Signed, code: str) -> None:
    with db.writing() as session:
        person = session.scalars(sa.select(Person).where(Person.key == signed.actor.key)).one()
        secret = vault.open(person.totp_sealed, f"totp {person.key}").decode() if person.totp_sealed else ""
        step = second_factor.step_of(code, secret, clock.now(), person.totp_last_step) if secret else None
        if step is None:
            raise InvalidInput(
                "That code does not fit. Check that the telephone's clock is right, and type the code that it shows now.",
                "code",
            )
        person.totp_confirmed_at, person.totp_last_step = clock.now(), step
        session.execute(
            sa.update(SignInSession)
            .where(SignInSession.key == signed.session_key)
            .values(second_factor="totp", confirmed_at=clock.now())
        )
        audit.record(
            session,
            clock,
            actor=signed.actor,
            act="second factor set up",
            subject=f"person:{person.key}",
            detail={"kind": "totp"},
        )


def change_password(db: Database, clock: Clock, signed: Signed, *, old: str, new: str) -> None:
    """The present password is counted like a PIN: who finds a session open cannot try passwords in it without end."""
    wrong = _count_in_session(db, clock, signed.session_key)
    with db.reading() as session:
        person = session.scalars(sa.select(Person).where(Person.key == signed.actor.key)).one()
    if not passwords.matches(person.password_hash, old):
        if wrong >= WRONG_PINS:
            with db.writing() as session:
                _end(session, clock, signed.session_key, "too many wrong passwords")
            raise SessionOver("too many wrong passwords")
        raise InvalidInput("The present password is not right.", "old")
    with db.writing() as session:
        mark_confirmed(session, clock, signed.session_key)
    passwords.check(new, person.login, person.name)
    new_hash = passwords.hash_of(new)
    with db.writing() as session:
        people.set_password(session, clock, signed.actor, person.key, new_hash, must_change=False)


def reset_guesses(db: Database, clock: Clock, actor: Actor, person_key: str) -> None:
    """A manager opens an account again that too many wrong guesses had closed."""
    with db.writing() as session:
        people.require_over(session, actor, person_key)
        login = session.scalars(sa.select(Person.login).where(Person.key == person_key)).one()
        session.execute(sa.delete(Guesses).where(Guesses.subject == people.guess_subject(login)))
        audit.record(
            session, clock, actor=actor, act="wrong guesses forgiven", subject=f"person:{person_key}"
        )


def forget_old_rows(db: Database, clock: Clock, *, older: timedelta = timedelta(days=90)) -> int:
    """Sessions that ended long ago and guesses that are no longer counted; for the worker's nightly round."""
    limit = clock.now() - older
    with db.writing() as session:
        gone = session.execute(sa.delete(SignInSession).where(SignInSession.ends_at < limit)).rowcount  # type: ignore[attr-defined]
        gone += session.execute(sa.delete(Guesses).where(Guesses.last_at < limit)).rowcount  # type: ignore[attr-defined]
    return int(gone)


def may_see_people(actor: Actor) -> bool:
    return policy.allowed_anywhere(actor, Permission.PEOPLE_READ)


def _hash(secret: str) -> str:
    # The secret has 256 random bits, so a plain hash cannot be searched.
    return hashlib.sha256(secret.encode()).hexdigest()


def _over(row: SignInSession, person: Person, now: datetime) -> str | None:
    if row.ended_at is not None:
        return row.ended_why or "it was ended"
    if person.disabled_at is not None:
        return "the account was closed"
    if row.ends_at <= now:
        return "it lasted its full time"
    if row.seen_at + timedelta(minutes=row.rest_minutes) <= now:
        return "it rested too long"
    return None


def _end(session: Session, clock: Clock, session_key: str, why: str) -> None:
    session.execute(
        sa.update(SignInSession)
        .where(SignInSession.key == session_key, SignInSession.ended_at.is_(None))
        .values(ended_at=clock.now(), ended_why=why)
    )


def mark_confirmed(session: Session, clock: Clock, session_key: str) -> None:
    """A step: the person of this session has just proved to be there."""
    session.execute(
        sa.update(SignInSession)
        .where(SignInSession.key == session_key)
        .values(confirmed_at=clock.now(), wrong_pins=0)
    )


def _has_passkey(session: Session, person_key: str) -> bool:
    return (
        session.scalar(
            sa.select(Passkey.id)
            .where(Passkey.person_key == person_key, Passkey.removed_at.is_(None))
            .limit(1)
        )
        is not None
    )


def _has_passkey_for_weight(db: Database, person_key: str) -> bool:
    """Whether a passkey is what this person's roles ask for beside a password."""
    with db.reading() as session:
        grants = people.grants_of(session, person_key).get(person_key, frozenset())
        roles = {grant.role for grant in grants}
        return bool(roles & policy.NEEDS_SECOND_FACTOR) and _has_passkey(session, person_key)


def _use_step(session: Session, person_key: str, step: int) -> bool:
    """Takes the code's step for good. Of two who bring the same code at the same time, one is refused."""
    used = session.scalar(
        sa.update(Person)
        .where(Person.key == person_key, Person.totp_last_step < step)
        .values(totp_last_step=step)
        .returning(Person.id)
    )
    return used is not None


def _subjects(login: str, address: str) -> list[tuple[str, int]]:
    pairs = [(people.guess_subject(login), throttle.FREE_GUESSES)]
    if address:
        pairs.append(
            ("address:" + hashlib.sha256(address.encode()).hexdigest()[:32], throttle.ADDRESS_FREE_GUESSES)
        )
    return pairs


def _count_try(db: Database, clock: Clock, login: str, address: str) -> dict[str, throttle.Count | None]:
    """Counts one wrong guess in advance; gives the counts as they were. Refuses while there is a wait."""
    now = clock.now()
    before: dict[str, throttle.Count | None] = {}
    with db.writing() as session:
        for subject, free in _subjects(login, address):
            # The row is there before it is locked, so that two first guesses at the same time are two counted guesses.
            _insert_if_new(session, subject, now)
            row = session.scalars(
                sa.select(Guesses).where(Guesses.subject == subject).with_for_update()
            ).one()
            count = throttle.Count(row.wrong, row.wait_until) if row.wrong else None
            wait = throttle.seconds_to_wait(count, now)
            if subject.startswith("login:") and throttle.is_stopped(count):
                raise TooManyGuesses(24 * 3600)
            if wait:
                raise TooManyGuesses(wait)
            before[subject] = count
            after = throttle.after_wrong(count, now, free=free)
            row.wrong, row.last_at, row.wait_until = after.wrong, now, after.wait_until
    return before


def _insert_if_new(session: Session, subject: str, now: datetime) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"subject": subject, "wrong": 0, "last_at": now, "wait_until": now}
    session.execute(insert(Guesses).values(row).on_conflict_do_nothing())


def _put_back(db: Database, before: dict[str, throttle.Count | None]) -> None:
    """The password was right and only the code was missing: this try counts neither as wrong nor as right. Only this one
    is taken back: wrong codes that were counted meanwhile stay, or who knows the password could try codes without end."""
    with db.writing() as session:
        for subject, count in before.items():
            row = session.scalar(sa.select(Guesses).where(Guesses.subject == subject).with_for_update())
            if row is None:
                continue  # forgiven meanwhile
            if row.wrong == (count.wrong if count else 0) + 1:
                row.wait_until = count.wait_until if count else row.last_at
            row.wrong = max(row.wrong - 1, 0)


def _forgive(session: Session, login: str, address: str) -> None:
    for subject, _free in _subjects(login, address):
        session.execute(sa.delete(Guesses).where(Guesses.subject == subject))
