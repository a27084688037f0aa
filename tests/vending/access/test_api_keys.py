"""API keys: shown once, scoped, limited, ended; a key that sells is given by two people."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from access_cast import SITE, add

from vending.access import api_keys, approvals
from vending.access.errors import ApiKeyOverLimit, ApiKeyRefused, ApiKeyTooFast, ApprovalRefused
from vending.access.policy import SYSTEM, Permission, allowed
from vending.access.service import Signed
from vending.access.site_secret import SiteSecret
from vending.access.tables import ApiKey
from vending.clock import FixedClock
from vending.db import Database
from vending.errors import InvalidInput, NotAllowed

Enter = Callable[[Database, str], Signed]


def client_of(db: Database, clock: FixedClock, secret: str) -> api_keys.Client:
    return api_keys.client_of(db, clock, secret, api_keys.LastUse(db, clock))


def content(**changes: object) -> dict[str, object]:
    wanted = {
        "name": "Till bridge",
        "site": SITE,
        "scopes": ["estate.read"],
        "calls_a_minute": 60,
        "sale_limit_minor": 0,
        "days": 90,
    }
    return api_keys.content(**{**wanted, **changes})  # type: ignore[arg-type]


@pytest.fixture
def manager(database: Database, clock: FixedClock, enter: Enter) -> Signed:
    return enter(database, add(database, clock, "john", "manager"))


def test_the_last_use_of_many_keys_is_written_by_whoever_finds_nobody_writing(
    database: Database, clock: FixedClock
) -> None:
    secrets = [f"{api_keys.PREFIX}{number:040d}" for number in range(20)]
    with database.writing() as session:
        for number, secret in enumerate(secrets):
            api_keys.load_public(session, clock, SYSTEM, content(name=f"Bridge {number}"), secret)
    last_use = api_keys.LastUse(database, clock)
    with ThreadPoolExecutor(8) as pool:
        clients = pool.map(lambda secret: api_keys.client_of(database, clock, secret, last_use), secrets)
        assert len({one.actor.key for one in clients}) == 20
    with database.reading() as session:
        assert list(session.scalars(sa.select(ApiKey.used_at))) == [clock.now()] * 20


def test_a_key_opens_its_scopes_at_its_site_until_it_ends(
    database: Database, clock: FixedClock, vault: SiteSecret, manager: Signed
) -> None:
    with database.writing() as session:
        secret = api_keys.make(session, clock, vault, manager.actor, content())
    client = client_of(database, clock, secret)
    assert allowed(client.actor, Permission.ESTATE_READ, SITE)
    assert not allowed(client.actor, Permission.ESTATE_READ, "site-two")
    assert not allowed(client.actor, Permission.SALE_READ, SITE)
    with database.reading() as session:
        stored = session.scalars(sa.select(ApiKey)).one()
        assert secret not in (stored.secret_hash, stored.key)
        (view,) = api_keys.list_keys(session, manager.actor)
        assert view.used_at == clock.now()
    clock.advance(timedelta(days=90))
    with pytest.raises(ApiKeyRefused):
        client_of(database, clock, secret)


def test_a_withdrawn_or_made_up_key_opens_nothing(
    database: Database, clock: FixedClock, vault: SiteSecret, manager: Signed
) -> None:
    with database.writing() as session:
        secret = api_keys.make(session, clock, vault, manager.actor, content())
        (view,) = api_keys.list_keys(session, manager.actor)
        api_keys.revoke(session, clock, manager.actor, view.key, reason="leaked")
    for wrong in (secret, secret[:-1], "ampoule_", "", "x" * 1000, "ampoule_" + "é" * 40):
        with pytest.raises(ApiKeyRefused):
            client_of(database, clock, wrong)


def test_a_key_that_sells_needs_a_second_person_who_agreed_to_exactly_that(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret, enter: Enter
) -> None:
    db = sqlite_database
    first = enter(db, add(db, clock, "john", "manager"))
    second = enter(db, add(db, clock, "grace", "manager"))
    wanted = content(scopes=["sale.make"], sale_limit_minor=50_000)
    with pytest.raises(ApprovalRefused), db.writing() as session:
        api_keys.make(session, clock, vault, first.actor, wanted)
    with db.writing() as session:
        request = approvals.ask(
            session,
            clock,
            first.actor,
            "api-key",
            wanted,
            site=SITE,
            subject="api-key:Till bridge",
            reason="a kiosk in the hall",
        )
    approvals.decide(db, clock, vault, second, request, yes=True)
    with pytest.raises(ApprovalRefused), db.writing() as session:
        more = content(scopes=["sale.make"], sale_limit_minor=90_000)
        api_keys.make(session, clock, vault, first.actor, more, approval=request)
    with db.writing() as session:
        secret = api_keys.make(session, clock, vault, first.actor, wanted, approval=request)
    client = client_of(db, clock, secret)
    api_keys.refuse_over_limit(client.sale_limit_minor, 50_000)
    with pytest.raises(ApiKeyOverLimit):
        api_keys.refuse_over_limit(client.sale_limit_minor, 50_001)


def test_calls_are_counted_over_the_last_minute(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret, enter: Enter
) -> None:
    manager = enter(sqlite_database, add(sqlite_database, clock, "john", "manager"))
    with sqlite_database.writing() as session:
        secret = api_keys.make(session, clock, vault, manager.actor, content(calls_a_minute=3))
    client, gate = client_of(sqlite_database, clock, secret), api_keys.Gate(clock)
    assert [gate.enter(client).remaining for _ in range(3)] == [2, 1, 0]
    with pytest.raises(ApiKeyTooFast, match="Wait") as refused:
        gate.enter(client)
    assert refused.value.wait_s > 0
    clock.advance(timedelta(seconds=61))
    gate.enter(client)


REFUSED = [
    ({"scopes": []}, "scope_unknown"),
    ({"scopes": ["people.grant"]}, "scope_unknown"),
    ({"name": ""}, "api_key_limits_unfit"),
    ({"calls_a_minute": 0}, "api_key_limits_unfit"),
    ({"days": 5000}, "api_key_limits_unfit"),
    ({"sale_limit_minor": 100}, "api_key_limits_unfit"),
    ({"scopes": ["sale.make"]}, "api_key_limits_unfit"),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED)
def test_an_unfit_key_is_refused(changes: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        content(**changes)
    assert refused.value.code == code


def test_who_may_not_make_keys_makes_none(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret, enter: Enter
) -> None:
    cashier = enter(sqlite_database, add(sqlite_database, clock, "thandi", "cashier"))
    with pytest.raises(NotAllowed), sqlite_database.writing() as session:
        api_keys.make(session, clock, vault, cashier.actor, content())
