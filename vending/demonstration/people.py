"""The people of a demonstration. Their passwords are public, so a production site refuses to load them."""

import hashlib
from dataclasses import dataclass

from vending.access import passwords, people
from vending.access.policy import SYSTEM
from vending.clock import Clock
from vending.db import Database


@dataclass(frozen=True, slots=True)
class DemonstrationPerson:
    login: str
    password: str
    name: str
    role: str
    pin: str
    tenant_number: str = ""  # for the tenant's own pages


DEMONSTRATION_PEOPLE = (
    DemonstrationPerson("thandi", "lantern-cashier", "Thandi Nkosi", "cashier", "4071"),
    DemonstrationPerson("pieter", "lantern-relief", "Pieter Botha", "cashier", "5282"),
    DemonstrationPerson("amina", "lantern-supervisor", "Amina Patel", "supervisor", "6193"),
    DemonstrationPerson("john", "lantern-manager", "John Mokoena", "manager", "7304"),
    DemonstrationPerson("grace", "lantern-second", "Grace Wanjiru", "manager", "8415"),
    DemonstrationPerson("lindiwe", "lantern-custodian", "Lindiwe Dlamini", "key custodian", "9526"),
    DemonstrationPerson("samuel", "lantern-engineer", "Samuel Okoro", "engineer", "3637"),
    DemonstrationPerson("claire", "lantern-auditor", "Claire Dubois", "auditor", "2748"),
    DemonstrationPerson(
        "coffee", "lantern-tenant", "Naledi Khumalo", "tenant", "1859", tenant_number="C00001"
    ),
)


def load(db: Database, clock: Clock, site_key: str, tenants: dict[str, str]) -> None:
    """Adds those who are not there yet. `tenants`: customer number -> key."""
    with db.reading() as session:
        missing = [one for one in DEMONSTRATION_PEOPLE if people.find_person(session, one.login) is None]
    hashes = {one.login: (passwords.hash_of(one.password), passwords.hash_of_pin(one.pin)) for one in missing}
    with db.writing() as session:
        for one in missing:
            password_hash, pin_hash = hashes[one.login]
            key = people.add_person(
                session,
                clock,
                SYSTEM,
                login=one.login,
                name=one.name,
                site=site_key,
                password_hash=password_hash,
                pin_hash=pin_hash,
                tenant_key=tenants.get(one.tenant_number),
                must_change_password=False,
            )
            session.flush()
            people.grant_role(session, clock, SYSTEM, key, one.role, site_key, approval=None)


def seed_of(text: str) -> int:
    """A number that depends on the text alone, so that a demonstration looks the same on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
