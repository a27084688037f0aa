"""A small site to work on: one operator, one site, two units, one tenant."""

from dataclasses import dataclass

from vending.access.policy import SYSTEM
from vending.clock import FixedClock
from vending.db import Database
from vending.estate import service

KEYING = {
    "ea": "11",
    "tct": "02",
    "dkga": "04",
    "sgc": "600100",
    "krn": 1,
    "ti": "01",
    "key_type": 2,
    "ken": 255,
    "base_date": 2014,
}


@dataclass(frozen=True, slots=True)
class Ground:
    site: str
    building: str
    floor: str
    shop: str
    office: str
    tenant: str


def lay(db: Database, clock: FixedClock, name: str = "Karoo") -> Ground:
    with db.writing() as session:
        operator = service.add_operator(session, clock, SYSTEM, name="Operator")
        site = service.add_site(
            session,
            clock,
            SYSTEM,
            operator=operator,
            name=name,
            time_zone="Africa/Johannesburg",
            currency="ZAR",
            languages=["en", "ar"],
            taxes=[{"name": "VAT", "rate": "15"}],
        )
        building = service.add_building(session, clock, SYSTEM, site=site, name="Main")
        floor = service.add_floor(session, clock, SYSTEM, building=building, name="Ground floor", level=0)
        shop = service.add_space(session, clock, SYSTEM, site=site, code="G-12", area="86.5", floor=floor)
        office = service.add_space(
            session, clock, SYSTEM, site=site, code="1-01", area="210", format="office"
        )
        tenant = service.add_tenant(
            session, clock, SYSTEM, site=site, name="Müller & Söhne Bakery", phone="+27 82 555 0123"
        )
    return Ground(site, building, floor, shop, office, tenant)
