"""People with roles at one site, for the tests of whoever needs somebody to act."""

from vending.access import passwords, people
from vending.access.policy import SYSTEM
from vending.clock import FixedClock
from vending.db import Database

SITE = "site-one"
PASSWORD = "four unrelated words"
_HASH: list[str] = []


def password_hash() -> str:
    """Hashed once for all tests: hashing is slow on purpose."""
    if not _HASH:
        _HASH.append(passwords.hash_of(PASSWORD))
    return _HASH[0]


def add(
    db: Database,
    clock: FixedClock,
    login: str,
    *roles: str,
    site: str = SITE,
    tenant: str | None = None,
    pin: str | None = None,
) -> str:
    pin_hash = passwords.hash_of_pin(pin) if pin else None
    with db.writing() as session:
        key = people.add_person(
            session,
            clock,
            SYSTEM,
            login=login,
            name=login.title(),
            password_hash=password_hash(),
            must_change_password=False,
            tenant_key=tenant,
            pin_hash=pin_hash,
        )
        for role in roles:
            people.grant_role(session, clock, SYSTEM, key, role, site, approval=None)
    return key
