"""API keys: how a program proves who it is. Random, shown once, stored as a hash; with scopes, a site, an end and limits.

An API key is never a token: a token is 20 digits. A key that can sell is given by two people (`acts.ACTS["api-key"]`).
"""

import hashlib
import secrets
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit
from vending.access import approvals, policy
from vending.access.errors import ApiKeyLimitsUnfit, ApiKeyOverLimit, ApiKeyRefused, ApiKeyTooFast
from vending.access.policy import Actor, Grant, Permission
from vending.access.site_secret import SiteSecret
from vending.access.tables import ApiKey
from vending.clock import Clock
from vending.db import Database, new_key
from vending.errors import NotFound
from vending.rows import among

PREFIX = "ampoule_"  # so that a key that leaked into a repository is recognised
# The site of keys that only try: no real meter, no key of the security module and no money stands behind it.
SANDBOX = "sandbox"
LONGEST_DAYS = 400
MOST_CALLS_A_MINUTE = 60_000
USED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ApiKeyView:
    key: str
    name: str
    site: str
    scopes: tuple[str, ...]
    calls_a_minute: int
    sale_limit_minor: int
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None
    seller: str | None


@dataclass(frozen=True, slots=True)
class Client:
    """A program that has shown a living key. `sale_limit_minor` is checked by the sale, and `seller` pays for it."""

    actor: Actor
    site: str
    calls_a_minute: int
    sale_limit_minor: int
    seller: str | None
    expires_at: datetime

    @property
    def in_sandbox(self) -> bool:
        return self.site == SANDBOX


def content(
    *,
    name: str,
    site: str,
    scopes: Iterable[str],
    calls_a_minute: int,
    sale_limit_minor: int,
    days: int,
    seller: str | None = None,
) -> dict[str, Any]:
    """What two people agree to, or one does for a key that cannot sell; every value checked. `seller`: the code of the
    third-party seller (`payments.sellers`) whose money its sales spend."""
    wanted = policy.known_scopes(scopes)
    name = " ".join(name.split())
    if not 1 <= len(name) <= 60:
        raise ApiKeyLimitsUnfit("Name the program that will use the key, in at most 60 characters.", "name")
    if not 1 <= calls_a_minute <= MOST_CALLS_A_MINUTE:
        raise ApiKeyLimitsUnfit(f"Calls a minute lie between 1 and {MOST_CALLS_A_MINUTE}.", "calls_a_minute")
    if not 1 <= days <= LONGEST_DAYS:
        raise ApiKeyLimitsUnfit(f"A key lives for 1 to {LONGEST_DAYS} days; make a new one in time.", "days")
    sells = Permission.SALE_MAKE in wanted
    if sells != (sale_limit_minor > 0):
        raise ApiKeyLimitsUnfit(
            "A key that sells needs a limit for one sale, and one that does not sell has none.", "sale_limit"
        )
    return {
        "name": name,
        "site_of_key": site,
        "scopes": sorted(scope.value for scope in wanted),
        "calls_a_minute": calls_a_minute,
        "sale_limit_minor": sale_limit_minor,
        "days": days,
        "seller": seller,
    }


def make(
    session: Session,
    clock: Clock,
    vault: SiteSecret,
    actor: Actor,
    wanted: dict[str, Any],
    *,
    approval: str | None = None,
) -> str:
    """The secret of the new key, shown this once. `wanted` comes from `content`."""
    site = wanted["site_of_key"]
    policy.require(actor, Permission.API_KEY_EDIT, site)
    if Permission.SALE_MAKE.value in wanted["scopes"] and site != SANDBOX:
        approvals.use(
            session,
            clock,
            vault,
            actor,
            approval or "",
            "api-key",
            wanted,
            site=site,
            subject=f"api-key:{wanted['name']}",
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    _add(session, clock, actor, wanted, secret, approval=approval)
    return secret


def load_public(session: Session, clock: Clock, actor: Actor, wanted: dict[str, Any], secret: str) -> None:
    """A key whose secret stands in the documents, for demonstrations: nothing else calls this, and it is made once."""
    if session.scalar(sa.select(ApiKey.id).where(ApiKey.secret_hash == _hash(secret))) is None:
        _add(session, clock, actor, wanted, secret, approval=None)


def is_there(session: Session, secret: str) -> bool:
    """Whether a key with this secret was ever made and not withdrawn; for refusing public ones."""
    return (
        session.scalar(
            sa.select(ApiKey.id).where(ApiKey.secret_hash == _hash(secret), ApiKey.revoked_at.is_(None))
        )
        is not None
    )


def _add(
    session: Session,
    clock: Clock,
    actor: Actor,
    wanted: dict[str, Any],
    secret: str,
    *,
    approval: str | None,
) -> None:
    row = ApiKey(
        key=new_key(),
        secret_hash=_hash(secret),
        name=wanted["name"],
        site=wanted["site_of_key"],
        scopes=" ".join(wanted["scopes"]),
        calls_a_minute=wanted["calls_a_minute"],
        sale_limit_minor=wanted["sale_limit_minor"],
        made_by=actor.key,
        made_at=clock.now(),
        expires_at=clock.now() + timedelta(days=wanted["days"]),
        seller=wanted["seller"],
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="API key made",
        subject=f"api-key:{row.key}",
        detail={**wanted, "approval": approval},
    )


def revoke(session: Session, clock: Clock, actor: Actor, key: str, *, reason: str) -> None:
    """From the next call on, the key opens nothing."""
    row = session.scalar(sa.select(ApiKey).where(ApiKey.key == key))
    if row is None:
        raise NotFound("There is no such API key.")
    policy.require(actor, Permission.API_KEY_EDIT, row.site)
    row.revoked_at = row.revoked_at or clock.now()
    audit.record(
        session, clock, actor=actor, act="API key withdrawn", subject=f"api-key:{key}", reason=reason
    )


def list_keys(session: Session, actor: Actor) -> list[ApiKeyView]:
    sites = policy.sites_where(actor, Permission.API_KEY_EDIT)
    rows = session.scalars(sa.select(ApiKey).order_by(ApiKey.id.desc()))
    return [_view(row) for row in rows if policy.EVERYWHERE in sites or row.site in sites]


class LastUse:
    """Writes down when keys were last used. Whoever finds nobody writing writes for all who came meanwhile: in the minute in
    which a shop opens every key is used for the first time, and that is not to be a transaction for each."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._waiting: set[str] = set()
        self._coming = threading.Lock()
        self._writing = threading.Lock()

    def note(self, key: str) -> None:
        with self._coming:
            self._waiting.add(key)
        # Looked at again after each writing: who came while it went on has left his key here and gone.
        while self._waiting and self._writing.acquire(blocking=False):
            try:
                with self._coming:
                    keys, self._waiting = self._waiting, set()
                with self._db.writing() as session:
                    session.execute(
                        sa.update(ApiKey)
                        .where(among(ApiKey.key, sorted(keys)))
                        .values(used_at=self._clock.now())
                    )
            finally:
                self._writing.release()


def client_of(db: Database, clock: Clock, secret: str, last_use: LastUse) -> Client:
    """Who shows this key; ApiKeyRefused for every reason alike."""
    if not secret.startswith(PREFIX) or len(secret) > 200:
        raise ApiKeyRefused
    now = clock.now()
    with db.reading() as session:
        row = session.scalar(sa.select(ApiKey).where(ApiKey.secret_hash == _hash(secret)))
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        raise ApiKeyRefused
    if row.used_at is None or row.used_at + USED_EVERY <= now:
        last_use.note(row.key)
    actor = Actor(
        f"api-key:{row.key}",
        row.name,
        frozenset({Grant("API client", row.site)}),
        scopes=policy.known_scopes(row.scopes.split()),
    )
    return Client(actor, row.site, row.calls_a_minute, row.sale_limit_minor, row.seller, row.expires_at)


def stamp(session: Session) -> tuple[Any, ...]:
    """Something that changes when a key was made or withdrawn, so that who remembers keys knows when to look again. Counts
    and no moments: a clock that was set back would hide a key that is withdrawn after another."""
    return tuple(
        session.execute(
            sa.select(sa.func.count(), sa.func.count(ApiKey.revoked_at)).select_from(ApiKey)
        ).one()
    )


def refuse_over_limit(limit_minor: int, amount_minor: int) -> None:
    """The limit of one sale. The module's budget is the wall behind it."""
    if amount_minor > limit_minor:
        raise ApiKeyOverLimit(
            "The amount is above what this API key may sell at once. Ask a manager for a higher limit."
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """How many calls a key may still make, and in how many seconds it may make all of them again."""

    limit: int
    remaining: int
    reset_s: int


class Gate:
    """Counts the calls of each key over the last minute, in this process's memory. A soft limit by intent: what bounds
    the damage is the sale limit and the module's budget, and those are durable."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def enter(self, client: Client) -> Pace:
        now, limit = self._clock.monotonic(), client.calls_a_minute
        with self._lock:
            calls = self._calls.setdefault(client.actor.key, deque())
            while calls and calls[0] <= now - 60:
                calls.popleft()
            if len(calls) >= limit:
                raise ApiKeyTooFast(limit, max(1, int(calls[0] + 60 - now) + 1))
            calls.append(now)
            return Pace(limit, limit - len(calls), max(1, int(calls[0] + 60 - now) + 1))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _view(row: ApiKey) -> ApiKeyView:
    return ApiKeyView(
        row.key,
        row.name,
        row.site,
        tuple(row.scopes.split()),
        row.calls_a_minute,
        row.sale_limit_minor,
        row.made_at,
        row.expires_at,
        row.revoked_at,
        row.used_at,
        row.seller,
    )
