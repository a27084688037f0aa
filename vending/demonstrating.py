"""What a demonstration holds before its first sale: tariffs published by two people, an estate, people, a building's file.

Made through the services that a real site uses, once; a second start finds it and adds nothing. A production site never
comes here.
"""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from importlib import resources

from sqlalchemy.orm import Session

from vending.access.policy import SYSTEM
from vending.audit import Doer
from vending.clock import Clock
from vending.db import Database
from vending.demonstration import loader, programs
from vending.estate import queries as estate
from vending.ledger import service as ledger
from vending.ledger.entries import transfer
from vending.services import Services
from vending.shifts import service as shifts
from vending.shifts.limits import LimitRow, set_limits
from vending.tariffs import fees
from vending.tariffs import service as tariffs

SECOND = Doer("system-second", "Ampoule's demonstration, second person")


def prepare(services: Services, name: str = "small") -> str:
    """Gives the key of the demonstration's site. A folder that holds another estate keeps it."""
    db, clock = services.db, services.clock
    with db.reading() as session:
        there = estate.list_sites(session)
    if there:
        name = loader.name_of(there[0].name)
    else:
        publish_tariffs(db, clock)
    loaded = loader.load(db, clock, name)
    if loaded.new:
        with db.writing() as session:
            owe(session, clock, loaded.site_key)
            publish_fees(session, clock, loaded.site_key)
            allow_cash(session, clock, loaded.site_key)
        shifts.bring_to_safe(
            db,
            clock,
            SYSTEM,
            site=loaded.site_key,
            currency="ZAR",
            amount_minor=1_000_000,
            reason="The first float",
        )
    with db.writing() as session:
        site = estate.one_site(session, loaded.site_key)
        programs.load(session, clock, site.key, site.currency)
    building = services.settings.folder / "building" / "building.json"
    loader.write_building(db, clock, loaded.site_key, building, name)
    return loaded.site_key


def publish_tariffs(db: Database, clock: Clock) -> None:
    for file in sorted(
        resources.files("vending.demonstration").joinpath("tariffs").iterdir(), key=lambda one: one.name
    ):
        with db.writing() as session:
            version = tariffs.draft(session, clock, file.read_text(encoding="utf-8"), actor=SYSTEM)
            if version.state == tariffs.DRAFT:
                approval = tariffs.Approval("demonstration", version.hash, SYSTEM.key, SECOND.key)
                tariffs.publish(session, clock, version.key, approval=approval, actor=SECOND, zone=UTC)


def publish_fees(session: Session, clock: Clock, site_key: str) -> None:
    """What the mall takes without a token, with the tax inside."""
    for code, label, amount_minor in (
        ("reconnection", "Reconnection", 45_000),
        ("tamper", "Tampering with a meter", 250_000),
        ("management", "Management fee, a month", 18_500),
        ("parking", "Parking bay, a month", 69_000),
        ("work", "Electrician's work", None),
    ):
        fee = fees.FeeView(code, label, "ZAR", amount_minor, "vat", "VAT", Decimal(15))
        fees.publish(session, clock, SYSTEM, site_key, fee, approval=None, reason="demonstration")


def allow_cash(session: Session, clock: Clock, site_key: str) -> None:
    """What a small mall allows: two days' takings in a drawer, coins that are hard to count, small refunds alone."""
    limits = LimitRow(
        "", takings_minor=2_000_000, float_minor=50_000, tolerance_minor=1_000, special_minor=50_000
    )
    set_limits(session, clock, SYSTEM, site_key, limits, reason="The demonstration's own")


def owe(session: Session, clock: Clock, site_key: str) -> None:
    """One tenant comes with a debt of last year, so that the till shows how arrears are recovered."""
    for meter in estate.find_meters(session, clock, "G-04", sites=(site_key,)):
        if meter.tenant is not None and meter.service == "electricity":
            name = f"debt/{meter.tenant.key}/last-year"
            ledger.post(
                session,
                clock,
                [
                    transfer(
                        "opening",
                        f"demonstration/{meter.tenant.key}",
                        "ZAR",
                        128460,
                        debited=name,
                        credited="equity/opening",
                    )
                ],
            )
