"""The steps of a first installation, each done once: what is there already is left as it is and said.

So a run that was cut off is finished by running it again, and a second run changes nothing. Each step is one transaction.
What only other people can do (the ceremony, a budget, a meter's display test) is not pretended: the step says what waits.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from keystore.module import SecurityModule
from vending import condition
from vending.access import passwords, people
from vending.access.policy import EVERYWHERE, SYSTEM
from vending.audit import Doer
from vending.clock import Clock
from vending.db import Database
from vending.errors import InvalidInput, VendingError
from vending.estate import meters, queries, service
from vending.setup.wishes import UnitWish, Wishes
from vending.tariffs import service as tariffs

# Who agrees to a site's first prices. From then on two managers do; the trail tells the two apart.
SECOND = Doer("set-up", "Set-up of the site")

ROOM_FOR_ALL = "cashier", "supervisor", "manager", "key custodian", "engineer", "auditor"


class TariffFileMissing(InvalidInput):
    code = "tariff_file_missing"


class SiteIsAnother(VendingError):
    code = "site_is_another"


@dataclass
class Told:
    """What a run did, what was there already, what waits for people, and the first passwords, which are told once."""

    done: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)


Step = Callable[[Database, Clock, Wishes, Told], None]


def carry_out(db: Database, clock: Clock, module: SecurityModule, wishes: Wishes, told: Told) -> None:
    for step in (set_up_site, set_up_people, publish_tariffs, add_units):
        step(db, clock, wishes, told)
    look_at_supply(clock, module, wishes, told)


def set_up_site(db: Database, clock: Clock, wishes: Wishes, told: Told) -> None:
    with db.writing() as session:
        sites = queries.list_sites(session)
        name = str(wishes.site["name"])
        if any(site.name == name for site in sites):
            told.already.append(f"The site {name}.")
            return
        if sites:
            raise SiteIsAnother(
                f"This database is the site {sites[0].name} already. Correct the name in the file, or add another site on the page Estate."
            )
        operator = service.add_operator(session, clock, SYSTEM, **wishes.operator)
        service.add_site(session, clock, SYSTEM, operator=operator, **wishes.site)
        told.done.append(f"The operator {wishes.operator['name']} and the site {name}.")


def set_up_people(db: Database, clock: Clock, wishes: Wishes, told: Told) -> None:
    """All of them in one transaction: a site never stands with one manager."""
    with db.reading() as session:
        missing = [one for one in wishes.people if people.find_person(session, one.login) is None]
    told.already += [f"{one.name} ({', '.join(one.roles)})." for one in wishes.people if one not in missing]
    words = {one.login: "-".join(secrets.token_hex(2) for _ in range(4)) for one in missing}
    hashes = {login: passwords.hash_of(word) for login, word in words.items()}
    with db.writing() as session:
        for one in missing:
            key = people.add_person(
                session,
                clock,
                SYSTEM,
                login=one.login,
                name=one.name,
                site=EVERYWHERE,
                password_hash=hashes[one.login],
            )
            for role in one.roles:
                people.grant_role(session, clock, SYSTEM, key, role, EVERYWHERE, approval=None)
    told.passwords |= words
    told.done += [f"{one.name}, who signs in as {one.login} ({', '.join(one.roles)})." for one in missing]


def publish_tariffs(db: Database, clock: Clock, wishes: Wishes, told: Told) -> None:
    for path in wishes.tariffs:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise TariffFileMissing(
                f"The tariff file {path} cannot be read. Its path is taken from the folder of the site's file; "
                "docs/guides/tariffs.md shows how one is written."
            ) from None
        with db.writing() as session:
            (site,) = queries.list_sites(session)
            version = tariffs.draft(session, clock, text, actor=SYSTEM)
            if version.state != tariffs.DRAFT:
                told.already.append(f"The tariff {version.code}.")
                continue
            approval = tariffs.Approval("set-up", version.hash, SYSTEM.key, SECOND.key)
            tariffs.publish(session, clock, version.key, approval=approval, actor=SECOND, zone=site.zone)
            told.done.append(f"The tariff {version.code}, in force from {version.valid_from:%Y-%m-%d}.")


def add_units(db: Database, clock: Clock, wishes: Wishes, told: Told) -> None:
    for unit in wishes.units:
        with db.writing() as session:
            (site,) = queries.list_sites(session)
            if any(space.code == unit.code for space in queries.list_spaces(session, site.key, most=100_000)):
                told.already.append(f"The unit {unit.code}.")
                continue
            _add_unit(session, clock, site.key, unit, wishes)
        told.done.append(f"The unit {unit.code} with meter {unit.meter}.")
        if not unit.seen:
            told.waits.append(
                f"Meter {unit.meter} is registered and not in service: an engineer sees its display test and takes it "
                "into service on the page Work."
            )


def _add_unit(session: Session, clock: Clock, site: str, unit: UnitWish, wishes: Wishes) -> None:
    space = service.add_space(session, clock, SYSTEM, site=site, code=unit.code, area=unit.area)
    if unit.tenant:
        tenant = service.add_tenant(
            session, clock, SYSTEM, site=site, name=unit.tenant, kind=unit.tenant_kind
        )
        service.move_in(
            session,
            clock,
            SYSTEM,
            space=space,
            tenant=tenant,
            starts_on=unit.starts_on or service.today_at(session, clock, site),
            tariffs={unit.service: unit.tariff} if unit.tariff else {},
        )
    meter = meters.add_meter(
        session,
        clock,
        SYSTEM,
        site=site,
        number=unit.meter,
        service=unit.service,
        keying=wishes.supply.keying(),
        space=space,
        label=unit.code,
        profile="water" if unit.service == "water" else "single-phase",
    )
    if unit.seen:
        meters.commission(session, clock, SYSTEM, meter, evidence=unit.seen)


def look_at_supply(clock: Clock, module: SecurityModule, wishes: Wishes, told: Told) -> None:
    """The key is the custodians' and the module's: it is looked at and never touched."""
    supply = wishes.supply
    status, found = condition.ask_module(module)
    if status is None:
        told.waits.append(f"The security module: {found.says} {found.next_step}")
        return
    if status.test:
        told.waits.append(
            "The security module holds public test keys. For a site: `keystore ceremony` with live keys (key manager's guide)."
        )
        return
    if found.state != condition.OK:
        told.waits.append(f"The security module: {found.says} {found.next_step}")
    if not any(
        key.sgc == supply.sgc and key.krn == supply.krn and key.state == "active" for key in status.keys
    ):
        if status.state != "locked":
            told.waits.append(
                f"The module has no active key for supply group {supply.sgc}/{supply.krn}. Custodians load it: "
                f"`keystore import --sgc {supply.sgc} --krn {supply.krn} …`, then `keystore activate`."
            )
    else:
        told.already.append(f"The key of supply group {supply.sgc}/{supply.krn}.")
    for budget in condition.of_budgets(status, clock.now()):
        if budget.state == condition.FAIL:
            told.waits.append(f"{budget.says} {budget.next_step}")


def keep_passwords(path: Path, told: Told) -> None:
    """The first passwords, for their owner to hand out; each is changed at the first sign-in."""
    import os

    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        for login, word in told.passwords.items():
            file.write(f"{login}\t{word}\n")
