"""The programs of a demonstration: a kiosk that sells for the site, and the sandbox. Their keys are public, as the people's
passwords are, so a production site refuses to run with them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from vending.access import api_keys
from vending.access.policy import ROLES, SYSTEM
from vending.clock import Clock
from vending.payments import sellers

KIOSK = "KIOSK7"


@dataclass(frozen=True, slots=True)
class DemonstrationKey:
    secret: str
    name: str
    scopes: tuple[str, ...]
    seller: str | None


SANDBOX_KEY = DemonstrationKey(
    "ampoule_sandbox-of-the-demonstration",
    "Sandbox",
    tuple(sorted(permission.value for permission in ROLES["API client"])),
    None,
)
KIOSK_KEY = DemonstrationKey(
    "ampoule_kiosk-of-the-demonstration",
    "Kiosk at the gate",
    ("sale.make", "sale.read", "sale.reprint", "sale.reverse", "tariff.read"),
    KIOSK,
)
DEMONSTRATION_KEYS = (SANDBOX_KEY, KIOSK_KEY)


def load(session: Session, clock: Clock, site_key: str, currency: str) -> None:
    """Adds what is not there yet."""
    if sellers.find(session, KIOSK) is None:
        sellers.register(
            session, clock, SYSTEM, code=KIOSK, name="Kiosk at the gate", site=site_key, currency=currency
        )
        wanted = sellers.terms(
            sellers.one(session, KIOSK), commission=sellers.Commission(150), credit_limit_minor=100_000
        )
        sellers.put_terms(session, clock, SYSTEM, wanted, reason="demonstration")
        sellers.pay_in(session, clock, SYSTEM, KIOSK, 500_000, reference="demonstration")
    for key in DEMONSTRATION_KEYS:
        wanted = api_keys.content(
            name=key.name,
            site=site_key if key.seller else api_keys.SANDBOX,
            scopes=key.scopes,
            calls_a_minute=6000,
            sale_limit_minor=200_000,
            days=api_keys.LONGEST_DAYS,
            seller=key.seller,
        )
        api_keys.load_public(session, clock, SYSTEM, wanted, key.secret)
