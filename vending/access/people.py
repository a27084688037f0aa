"""Adding people, giving and withdrawing roles, closing accounts: steps inside the caller's transaction.

A role is given by two people (`acts.ROLE_GRANT`); only set-up, which the command line and the demonstration run as
`policy.SYSTEM`, gives the first ones alone, and the trail says so. Taking a right away needs one person.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit
from vending.access import passwords, policy
from vending.access.errors import LastManager, LoginTaken, LoginUnfit, RoleHeldAlready, RoleNotHeld
from vending.access.policy import EVERYWHERE, Actor, Grant, Permission
from vending.access.tables import Guesses, Passkey, Person, RoleGrant, SignInSession
from vending.clock import Clock
from vending.db import new_key
from vending.errors import InvalidInput, NotFound

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}")


@dataclass(frozen=True, slots=True)
class PersonView:
    key: str
    login: str
    name: str
    language: str
    tenant_key: str | None
    grants: frozenset[Grant]
    has_second_factor: bool
    has_pin: bool
    created_at: datetime
    disabled_at: datetime | None


def login_of(text: str) -> str:
    login = text.strip().casefold()
    if not _LOGIN.fullmatch(login):
        raise LoginUnfit(
            f"{text.strip()!r} cannot be a sign-in name. Use two to 64 letters, digits, dots, hyphens or an e-mail address.",
            "login",
        )
    return login


def name_of(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > 120 or any(ord(c) < 32 for c in name):
        raise InvalidInput("A person's name has 1 to 120 characters on one line.", "name")
    return name


def add_person(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    login: str,
    name: str,
    site: str = EVERYWHERE,
    password_hash: str | None = None,
    pin_hash: str | None = None,
    language: str = "en",
    tenant_key: str | None = None,
    must_change_password: bool = True,
) -> str:
    """The key of the new person, who can do nothing until a role is given. Hashes come ready (`passwords.hash_of`),
    because hashing is slow and no transaction waits for it."""
    policy.require(actor, Permission.PEOPLE_EDIT, site)
    login, name = login_of(login), name_of(name)
    if session.scalar(sa.select(Person.id).where(Person.login == login)) is not None:
        raise LoginTaken(f"The sign-in name {login} is taken. Choose another.", "login")
    person = Person(
        key=new_key(),
        login=login,
        name=name,
        language=language,
        tenant_key=tenant_key,
        password_hash=password_hash,
        password_set_at=clock.now() if password_hash else None,
        must_change_password=must_change_password and password_hash is not None,
        pin_hash=pin_hash,
        created_at=clock.now(),
    )
    session.add(person)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="person added",
        subject=f"person:{person.key}",
        detail={"login": login, "name": name, "tenant": tenant_key},
    )
    return person.key


def one_person(session: Session, key: str) -> PersonView:
    return _view(session, _row(session, key))


def find_person(session: Session, login: str) -> PersonView | None:
    person = session.scalar(sa.select(Person).where(Person.login == login.strip().casefold()))
    return None if person is None else _view(session, person)


def list_people(session: Session, actor: Actor) -> list[PersonView]:
    """The people of the sites where the actor may see people; with him, those who hold no role yet."""
    sites = policy.sites_where(actor, Permission.PEOPLE_READ)
    if not sites:
        return []
    grants = grants_of(session)
    return [
        _view(session, person, grants.get(person.key, frozenset()))
        for person in session.scalars(sa.select(Person).order_by(Person.name, Person.id))
        if EVERYWHERE in sites or any(grant.site in sites for grant in grants.get(person.key, ()))
    ]


def who_may(session: Session, permissions: Iterable[Permission], site: str) -> list[PersonView]:
    """The people who hold one of these permissions at a site, by name: for choosing a second person."""
    wanted = tuple(permissions)
    grants = grants_of(session)
    return [
        _view(session, person, own)
        for person in session.scalars(
            sa.select(Person).where(Person.disabled_at.is_(None)).order_by(Person.name, Person.id)
        )
        if (own := grants.get(person.key, frozenset()))
        and any(policy.allowed(Actor(person.key, person.name, own), one, site) for one in wanted)
    ]


def grants_of(session: Session, person_key: str | None = None) -> dict[str, frozenset[Grant]]:
    query = sa.select(RoleGrant.person_key, RoleGrant.role, RoleGrant.site).where(
        RoleGrant.revoked_at.is_(None)
    )
    if person_key is not None:
        query = query.where(RoleGrant.person_key == person_key)
    found: dict[str, set[Grant]] = {}
    for key, role, site in session.execute(query):
        found.setdefault(key, set()).add(Grant(role, site))
    return {key: frozenset(grants) for key, grants in found.items()}


def role_grant_content(person_key: str, role: str, site: str) -> dict[str, str]:
    """What two people agree to when a role is given."""
    return {"person": person_key, "role": policy.known_role(role), "site_of_role": site}


def grant_role(
    session: Session,
    clock: Clock,
    actor: Actor,
    person_key: str,
    role: str,
    site: str,
    *,
    approval: str | None,
) -> None:
    """Gives the role. `approval` is the key of the used request; `approvals.grant_role` calls this after its checks."""
    policy.known_role(role)
    policy.require(actor, Permission.PEOPLE_GRANT, site)
    assert approval is not None or actor.key == policy.SYSTEM.key, "roles are given by two people"
    person = _row(session, person_key)
    held = grants_of(session, person_key).get(person_key, frozenset())
    if Grant(role, site) in held:
        raise RoleHeldAlready(f"{person.name} is {role} there already.", "role")
    policy.refuse_conflict({grant.role for grant in held}, role)
    session.add(
        RoleGrant(
            person_key=person_key,
            role=role,
            site=site,
            granted_at=clock.now(),
            granted_by=actor.key,
            approval_key=approval,
        )
    )
    audit.record(
        session,
        clock,
        actor=actor,
        act="role given",
        subject=f"person:{person_key}",
        detail={"role": role, "site": site, "approval": approval},
        reason=None if approval else "set-up",
    )


def revoke_role(
    session: Session, clock: Clock, actor: Actor, person_key: str, role: str, site: str, *, reason: str
) -> None:
    """Takes a role away, at once: the next request of that person is judged without it."""
    policy.require(actor, Permission.PEOPLE_EDIT, site)
    person = _row(session, person_key)
    row = session.scalar(
        sa.select(RoleGrant).where(
            RoleGrant.person_key == person_key,
            RoleGrant.role == role,
            RoleGrant.site == site,
            RoleGrant.revoked_at.is_(None),
        )
    )
    if row is None:
        raise RoleNotHeld(f"{person.name} is not {role} there.", "role")
    if role == "manager":
        _refuse_last_manager(session, person_key)
    row.revoked_at, row.revoked_by = clock.now(), actor.key
    audit.record(
        session,
        clock,
        actor=actor,
        act="role withdrawn",
        subject=f"person:{person_key}",
        detail={"role": role, "site": site},
        reason=reason,
    )


def disable_person(session: Session, clock: Clock, actor: Actor, person_key: str, *, reason: str) -> None:
    """Closes the account and ends its sessions in the same transaction. History keeps the name."""
    person = _row(session, person_key)
    require_over(session, actor, person_key)
    if any(grant.role == "manager" for grant in grants_of(session, person_key).get(person_key, ())):
        _refuse_last_manager(session, person_key)
    person.disabled_at = clock.now()
    session.execute(
        sa.update(SignInSession)
        .where(SignInSession.person_key == person_key, SignInSession.ended_at.is_(None))
        .values(ended_at=clock.now(), ended_why="the account was closed")
    )
    audit.record(
        session, clock, actor=actor, act="person disabled", subject=f"person:{person_key}", reason=reason
    )


def enable_person(session: Session, clock: Clock, actor: Actor, person_key: str, *, reason: str) -> None:
    person = _row(session, person_key)
    require_over(session, actor, person_key)
    person.disabled_at = None
    audit.record(
        session, clock, actor=actor, act="person enabled", subject=f"person:{person_key}", reason=reason
    )


def set_password(
    session: Session, clock: Clock, actor: Actor, person_key: str, password_hash: str, *, must_change: bool
) -> None:
    """By the person, or by a manager as a first password that must be changed. Other sessions end."""
    person = _row(session, person_key)
    if actor.key != person_key:
        require_over(session, actor, person_key)
    person.password_hash, person.password_set_at = password_hash, clock.now()
    person.must_change_password = must_change
    session.execute(
        sa.update(SignInSession)
        .where(
            SignInSession.person_key == person_key,
            SignInSession.ended_at.is_(None),
            SignInSession.key != (actor.session or ""),
        )
        .values(ended_at=clock.now(), ended_why="the password was changed")
    )
    session.execute(sa.delete(Guesses).where(Guesses.subject == guess_subject(person.login)))
    audit.record(session, clock, actor=actor, act="password set", subject=f"person:{person_key}")


def set_pin(session: Session, clock: Clock, actor: Actor, person_key: str, pin: str) -> None:
    """Only the person sets the PIN; it opens nothing by itself (`service.confirm`)."""
    if actor.key != person_key:
        require_over(session, actor, person_key)
    passwords.check_pin(pin)
    _row(session, person_key).pin_hash = passwords.hash_of_pin(pin)
    audit.record(session, clock, actor=actor, act="till PIN set", subject=f"person:{person_key}")


def reset_second_factor(
    session: Session, clock: Clock, actor: Actor, person_key: str, *, reason: str
) -> None:
    """A lost telephone: code and passkeys are removed, because it may hold both; sessions end, and the person sets up a new
    one at the next sign-in."""
    assert actor.key != person_key, "nobody takes away his own second factor"
    require_over(session, actor, person_key)
    person = _row(session, person_key)
    person.totp_sealed, person.totp_confirmed_at, person.totp_last_step = None, None, 0
    session.execute(
        sa.update(Passkey)
        .where(Passkey.person_key == person_key, Passkey.removed_at.is_(None))
        .values(removed_at=clock.now())
    )
    session.execute(
        sa.update(SignInSession)
        .where(SignInSession.person_key == person_key, SignInSession.ended_at.is_(None))
        .values(ended_at=clock.now(), ended_why="the second factor was reset")
    )
    audit.record(
        session, clock, actor=actor, act="second factor reset", subject=f"person:{person_key}", reason=reason
    )


def guess_subject(login: str) -> str:
    import hashlib

    return "login:" + hashlib.sha256(login.encode()).hexdigest()[:32]


def _row(session: Session, key: str) -> Person:
    person = session.scalar(sa.select(Person).where(Person.key == key))
    if person is None:
        raise NotFound("There is no such person here. Search again by name.")
    return person


def _view(session: Session, person: Person, grants: frozenset[Grant] | None = None) -> PersonView:
    if grants is None:
        grants = grants_of(session, person.key).get(person.key, frozenset())
    return PersonView(
        person.key,
        person.login,
        person.name,
        person.language,
        person.tenant_key,
        grants,
        person.totp_confirmed_at is not None,
        person.pin_hash is not None,
        person.created_at,
        person.disabled_at,
    )


def require_over(session: Session, actor: Actor, person_key: str) -> None:
    """Whoever changes a person must be responsible for every site where that person holds a role."""
    grants = grants_of(session, person_key).get(person_key, frozenset())
    for site in {grant.site for grant in grants} or {
        EVERYWHERE if EVERYWHERE in actor.sites else next(iter(actor.sites), EVERYWHERE)
    }:
        policy.require(actor, Permission.PEOPLE_EDIT, site)


def _refuse_last_manager(session: Session, person_key: str) -> None:
    others = session.scalar(
        sa.select(sa.func.count(sa.distinct(RoleGrant.person_key)))
        .join(Person, Person.key == RoleGrant.person_key)
        .where(
            RoleGrant.role == "manager",
            RoleGrant.revoked_at.is_(None),
            RoleGrant.person_key != person_key,
            Person.disabled_at.is_(None),
        )
    )
    if not others:
        raise LastManager(
            "This is the last manager; nobody could give the role again. Make another manager first."
        )
