"""Versions on both databases: two people, no overlap, no gap, nothing changed after publication."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from vending.clock import FixedClock
from vending.db import Database
from vending.tariffs import service
from vending.tariffs.errors import (
    AlreadyInForce,
    AlreadyPublished,
    ApprovalDoesNotFit,
    NeedsAccountMeter,
    NoTariffInForce,
    ServiceUnknown,
    StartsInThePast,
    TariffNotFound,
    ValidityLeavesGap,
    ValidityOverlaps,
)
from vending.tariffs.service import Approval, Version

ZONE = ZoneInfo("Africa/Johannesburg")


class Manager:
    key = "m1"
    name = "Mara Manager"


def text(
    start: str = "2026-01-01", until: str = "", rate: str = "2.5", code: str = "shops", more: str = ""
) -> str:
    return f"""
code = "{code}"
name = "Shops"
service = "electricity"
unit = "kWh"
currency = "ZAR"
valid_from = {start}
{f"valid_until = {until}" if until else ""}
[[charge]]
id = "energy"
kind = "per_unit"
label = "Energy"
rate = {rate}
{more}
"""


def approval(version: Version) -> Approval:
    return Approval("a1", version.hash, "m1", "s1")


def publish(database: Database, clock: FixedClock, document: str) -> Version:
    with database.writing() as session:
        version = service.draft(session, clock, document, actor=Manager)
        return service.publish(
            session, clock, version.key, approval=approval(version), actor=Manager, zone=ZONE
        )


def test_a_version_is_in_force_from_its_start_to_the_next(database: Database, clock: FixedClock) -> None:
    publish(database, clock, text())
    publish(database, clock, text("2026-12-01", rate="2.7"))
    border = datetime(2026, 12, 1, tzinfo=ZONE)
    with database.reading() as session:
        before = service.in_force(session, "shops", border - timedelta(microseconds=1), ZONE)
        after = service.in_force(session, "shops", border, ZONE)
        assert (before.number, after.number) == (1, 2)
        assert [str(change) for change in service.changes(session, after.key)][
            -1
        ] == "Energy: 2.5 → 2.7 (+8.0 %)"
        with pytest.raises(NoTariffInForce):
            service.in_force(session, "shops", datetime(2025, 12, 31, 23, 59, tzinfo=ZONE), ZONE)
        with pytest.raises(NoTariffInForce):
            service.in_force(session, "nothing", border, ZONE)


def test_a_draft_prices_nothing(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        version = service.draft(session, clock, text(), actor=Manager)
        assert service.draft(session, clock, "# a comment\n" + text(), actor=Manager).key == version.key
    with database.reading() as session:
        assert service.list_in_force(session, ["shops"], clock.now(), ZONE) == {}
        assert [one.state for one in service.list_versions(session)] == ["draft"]


def test_publishing_twice_is_the_same_as_once(database: Database, clock: FixedClock) -> None:
    first = publish(database, clock, text())
    assert publish(database, clock, text()) == first


APPROVALS = {
    "one person": lambda version: Approval("a1", version.hash, "m1", "m1"),
    "another document": lambda version: Approval("a1", "0" * 64, "m1", "s1"),
}


@pytest.mark.parametrize("name", APPROVALS)
def test_publication_takes_two_people_and_their_document(
    name: str, database: Database, clock: FixedClock
) -> None:
    with pytest.raises(ApprovalDoesNotFit), database.writing() as session:
        version = service.draft(session, clock, text(), actor=Manager)
        service.publish(
            session, clock, version.key, approval=APPROVALS[name](version), actor=Manager, zone=ZONE
        )


SPANS = [
    ("2026-12-01", "", "2026-12-01", "", ValidityOverlaps),
    ("2026-12-01", "", "2026-11-25", "", ValidityOverlaps),
    ("2026-12-01", "", "2026-11-25", "2026-12-02", ValidityOverlaps),
    ("2026-12-01", "", "2026-11-25", "2026-11-30", ValidityLeavesGap),
    ("2026-12-01", "2027-01-01", "2026-12-15", "", ValidityOverlaps),
    ("2026-12-01", "2027-01-01", "2027-01-02", "", ValidityLeavesGap),
    ("2026-01-01", "", "2026-11-19", "", StartsInThePast),
]


@pytest.mark.parametrize(("start", "until", "second", "second_until", "error"), SPANS)
def test_refuses_overlaps_gaps_and_the_past(
    start: str,
    until: str,
    second: str,
    second_until: str,
    error: type[Exception],
    database: Database,
    clock: FixedClock,
) -> None:
    publish(database, clock, text(start, until))
    with pytest.raises(error):
        publish(database, clock, text(second, second_until, rate="3"))
    with database.reading() as session:
        assert [one.state for one in service.list_versions(session, "shops")] == ["published"]


def test_spans_that_touch_are_taken(database: Database, clock: FixedClock) -> None:
    publish(database, clock, text("2026-12-01", "2027-01-01"))
    publish(database, clock, text("2027-01-01", rate="3"))
    publish(database, clock, text("2026-11-25", "2026-12-01", rate="4"))
    with database.reading() as session:
        numbers = [
            service.in_force(
                session, "shops", datetime(2026, 11, 25, tzinfo=ZONE) + timedelta(days=days), ZONE
            ).number
            for days in (0, 5, 6, 36, 37)
        ]
    assert numbers == [3, 3, 1, 1, 2]


def test_a_version_is_withdrawn_only_before_it_is_in_force(database: Database, clock: FixedClock) -> None:
    sold = publish(database, clock, text())
    coming = publish(database, clock, text("2026-12-01", rate="9"))
    with database.writing() as session:
        service.withdraw(session, clock, coming.key, actor=Manager, reason="Council said no", zone=ZONE)
        service.withdraw(session, clock, coming.key, actor=Manager, reason="Council said no", zone=ZONE)
    with database.reading() as session:
        assert service.in_force(session, "shops", datetime(2026, 12, 2, tzinfo=ZONE), ZONE).number == 1
    with pytest.raises(AlreadyInForce), database.writing() as session:
        service.withdraw(session, clock, sold.key, actor=Manager, reason="No", zone=ZONE)
    with pytest.raises(AlreadyPublished):
        publish(database, clock, text("2026-12-01", rate="9"))
    publish(database, clock, text("2026-12-01", rate="8"))


TIME_OF_USE = """
[[charge]]
id = "demand"
kind = "demand"
label = "Demand"
rate = 42
reading = "kw"
"""


def test_demand_binds_only_to_account_meters(database: Database, clock: FixedClock) -> None:
    publish(database, clock, text(code="anchors", more=TIME_OF_USE))
    with database.reading() as session:
        service.check_binding(session, "anchors", service="electricity", credit_in="account")
        with pytest.raises(NeedsAccountMeter, match="demand"):
            service.check_binding(session, "anchors", service="electricity", credit_in="meter")
        with pytest.raises(ServiceUnknown):
            service.check_binding(session, "anchors", service="water", credit_in="account")
        with pytest.raises(TariffNotFound):
            service.check_binding(session, "shops", service="electricity", credit_in="meter")


def test_a_code_keeps_its_service(database: Database, clock: FixedClock) -> None:
    publish(database, clock, text())
    with pytest.raises(ServiceUnknown), database.writing() as session:
        service.draft(session, clock, text().replace("electricity", "water"), actor=Manager)


def test_the_database_refuses_to_change_a_version(database: Database, clock: FixedClock) -> None:
    publish(database, clock, text())
    for statement in ("UPDATE tariff_version SET text = ''", "DELETE FROM tariff_publication"):
        with pytest.raises(sa.exc.DBAPIError), database.writing() as session:
            session.execute(sa.text(statement))


def test_acts_are_in_the_trail_and_the_outbox(database: Database, clock: FixedClock) -> None:
    publish(database, clock, text())
    with database.reading() as session:
        assert session.execute(sa.text("SELECT act FROM audit_entry ORDER BY id")).scalars().all() == [
            "tariff.draft",
            "tariff.publish",
        ]
        assert session.execute(sa.text("SELECT event FROM outbox")).scalars().all() == ["tariff published"]
