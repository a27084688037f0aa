"""The acts on the estate: each does what it says, leaves its history, and refuses what breaks a rule with nothing changed."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from estate_cast import KEYING, Ground
from sqlalchemy.orm import Session

from sts import drn
from vending.access.policy import SYSTEM, Actor, Grant
from vending.audit import AuditEntry
from vending.clock import FixedClock
from vending.db import Database
from vending.errors import InvalidInput, NotAllowed, NotFound, VendingError
from vending.estate import circuits, meters, queries, service
from vending.estate.errors import MeterNumberWrong, MeterUnknown, StateForbids

NUMBER = drn.of("0701448231")
OTHER = drn.of("0701448232")
NOVEMBER = date(2026, 11, 1)


def add_meter(
    session: Session, clock: FixedClock, ground: Ground, number: str = NUMBER, **changes: Any
) -> str:
    wanted: dict[str, Any] = {
        "site": ground.site,
        "number": number,
        "service": "electricity",
        "keying": KEYING,
        "space": ground.shop,
    }
    return meters.add_meter(session, clock, SYSTEM, **{**wanted, **changes})


def test_from_registration_to_the_first_sale_the_till_says_what_is_missing(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    def why() -> str:
        with database.reading() as session:
            return queries.one_meter(session, clock, NUMBER).not_for_sale or ""

    with database.writing() as session:
        key = add_meter(session, clock, ground, keying={**KEYING, "key_type": 1, "sgc": "999962"})
    assert "not in service" in why()
    with pytest.raises(InvalidInput, match="DDTK"), database.writing() as session:
        meters.commission(session, clock, SYSTEM, key, evidence="display test seen")
    with database.writing() as session:
        keying = meters.change_key_data(
            session,
            clock,
            SYSTEM,
            key,
            {"key_type": 2, "sgc": "600100"},
            evidence="KRN 1 displayed",
            reason="key change after delivery",
        )
        assert keying.key_type == 2
        meters.commission(
            session,
            clock,
            SYSTEM,
            key,
            evidence="display test seen",
            factory_credit_units=50,
            power_limit_w=13800,
        )
    assert "no tenant" in why()
    with database.writing() as session:
        lease = service.move_in(
            session, clock, SYSTEM, space=ground.shop, tenant=ground.tenant, starts_on=NOVEMBER
        )
    assert "No tariff" in why()
    with database.writing() as session:
        service.set_lease_tariff(
            session, clock, SYSTEM, lease, service="electricity", tariff="karoo-business", reason="contract"
        )
    assert why() == ""
    with database.writing() as session:
        meters.block(session, clock, SYSTEM, key, reason="seal broken")
    assert "seal broken" in why()
    with database.writing() as session:
        meters.unblock(session, clock, SYSTEM, key, reason="seal replaced")
    assert why() == ""
    with database.writing() as session:
        service.end_lease(session, clock, SYSTEM, lease, reason="moved out")
    assert "no tenant" in why()
    with database.writing() as session:
        meters.remove(session, clock, SYSTEM, key, reason="burnt")
    assert "taken off" in why()
    with database.reading() as session:
        acts = [line.act for line in queries.history(session, f"meter:{key}")]
        assert acts == [
            "meter removed",
            "meter unblocked",
            "meter blocked",
            "meter commissioned",
            "key data changed",
            "meter added",
        ]
        assert [row.key_type for row in queries.key_history(session, key)] == [2, 1]
        assert [line.act for line in queries.history(session, f"space:{ground.shop}")][:2] == [
            "moved out",
            "tariff of lease changed",
        ]


def test_key_data_and_ratios_are_only_ever_added(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    with database.writing() as session:
        add_meter(session, clock, ground, ct=(200, 5), ratio_applied_by="vendor")
    for table in ("meter_key_data", "meter_ratio"):
        with pytest.raises(sa.exc.DBAPIError, match="append only"), database.writing() as session:
            session.execute(sa.text(f"UPDATE {table} SET reason = 'x'"))
    with database.reading() as session:
        assert queries.one_meter(session, clock, NUMBER).ratio.vendor_factor == (200, 5)


def test_a_ratio_is_changed_by_two_people_and_keeps_its_history(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    manager = Actor("m", "Manager", frozenset({Grant("manager", ground.site)}))
    with database.writing() as session:
        key = add_meter(session, clock, ground)
    with pytest.raises(AssertionError, match="two people"), database.writing() as session:
        meters.set_ratio(
            session, clock, manager, key, ct=(400, 5), applied_by="meter", approval=None, reason="new CTs"
        )
    with database.writing() as session:
        meters.set_ratio(
            session,
            clock,
            manager,
            key,
            ct=(400, 5),
            applied_by="meter",
            approval="request-1",
            reason="new CTs",
        )
    with database.reading() as session:
        assert [(row.ratio.ct_primary, row.approval_key) for row in queries.ratio_history(session, key)] == [
            (400, "request-1"),
            (1, None),
        ]


def test_a_lease_is_half_open_and_two_never_overlap(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    with database.writing() as session:
        service.move_in(
            session,
            clock,
            SYSTEM,
            space=ground.shop,
            tenant=ground.tenant,
            starts_on=NOVEMBER,
            ends_on=date(2027, 11, 1),
        )
        other = service.add_tenant(session, clock, SYSTEM, site=ground.site, name="Next One")
    with pytest.raises(InvalidInput, match="is let from"), database.writing() as session:
        service.move_in(session, clock, SYSTEM, space=ground.shop, tenant=other, starts_on=date(2027, 10, 31))
    with database.writing() as session:
        service.move_in(session, clock, SYSTEM, space=ground.shop, tenant=other, starts_on=date(2027, 11, 1))
        add_meter(session, clock, ground)
    with database.reading() as session:
        view = queries.one_meter(session, clock, NUMBER)
        assert view.tenant is not None and view.tenant.key == ground.tenant
    clock.advance(timedelta(days=400))
    with database.reading() as session:
        view = queries.one_meter(session, clock, NUMBER)
        assert view.tenant is not None and view.tenant.name == "Next One"


def test_a_tenant_has_the_meters_of_its_departments_too(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    with database.writing() as session:
        department = service.add_tenant(
            session, clock, SYSTEM, site=ground.site, name="Kitchen", kind="department", parent=ground.tenant
        )
        service.move_in(session, clock, SYSTEM, space=ground.shop, tenant=ground.tenant, starts_on=NOVEMBER)
        service.move_in(session, clock, SYSTEM, space=ground.office, tenant=department, starts_on=NOVEMBER)
        add_meter(session, clock, ground)
        add_meter(session, clock, ground, OTHER, space=ground.office)
    with database.reading() as session:
        assert [view.drn for view in queries.meters_of_tenant(session, clock, ground.tenant)] == [
            NUMBER,
            OTHER,
        ]
        assert [view.drn for view in queries.meters_of_tenant(session, clock, department)] == [OTHER]


def test_customer_numbers_follow_each_other(database: Database, clock: FixedClock, ground: Ground) -> None:
    with database.writing() as session:
        key = service.add_tenant(session, clock, SYSTEM, site=ground.site, name="Second")
        assert queries.one_tenant(session, ground.tenant).number == "C00001"
        assert queries.one_tenant(session, key).number == "C00002"
        # A number that somebody gave is no part of the row, however long it is.
        for given in ("CORNER-SHOP", "C\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2"):
            service.add_tenant(session, clock, SYSTEM, site=ground.site, name="Named", number=given)
        key = service.add_tenant(session, clock, SYSTEM, site=ground.site, name="Third")
        assert queries.one_tenant(session, key).number == "C00003"


def test_the_tree_of_circuits_gives_each_meter_its_parent(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    with database.writing() as session:
        intake = circuits.add_circuit(session, clock, SYSTEM, site=ground.site, name="Intake")
        board = circuits.add_circuit(session, clock, SYSTEM, site=ground.site, name="Board", parent=intake)
        main = add_meter(session, clock, ground, space=None, credit_in="account", circuit=intake)
        shop = add_meter(session, clock, ground, OTHER, circuit=board)
        circuits.measure(session, clock, SYSTEM, intake, main)
    with database.reading() as session:
        assert queries.parent_meter(session, shop) == main
        assert queries.parent_meter(session, main) is None
        assert queries.child_meters(session, main) == [shop]
        assert [(one.name, one.depth) for one in queries.circuit_tree(session, ground.site)] == [
            ("Intake", 0),
            ("Board", 1),
        ]
    with pytest.raises(InvalidInput, match="feed itself"), database.writing() as session:
        circuits.move_circuit(session, clock, SYSTEM, intake, board)
    with pytest.raises(InvalidInput, match="measures Intake"), database.writing() as session:
        circuits.measure(session, clock, SYSTEM, board, main)


def test_registers_share_a_number_and_have_their_own_source(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    with database.writing() as session:
        key = add_meter(session, clock, ground, profile="two-source")
        meters.add_register(session, clock, SYSTEM, key, name="mains")
        meters.add_register(
            session, clock, SYSTEM, key, name="generator", source="generator", tariff="diesel"
        )
    with pytest.raises(InvalidInput, match="already"), database.writing() as session:
        meters.add_register(session, clock, SYSTEM, key, name="mains")
    with database.reading() as session:
        assert [(one.name, one.source, one.subclass) for one in queries.registers_of(session, key)] == [
            ("mains", "mains", 0),
            ("generator", "generator", 0),
        ]


Act = Callable[[Session, FixedClock, Ground], Any]


def _meter(**changes: Any) -> Act:
    return lambda session, clock, ground: add_meter(session, clock, ground, **changes)


def _keying(**changes: Any) -> Act:
    return _meter(keying={**KEYING, **changes})


def _site(**changes: Any) -> Act:
    def act(session: Session, clock: FixedClock, _ground: Ground) -> Any:
        operator = service.add_operator(session, clock, SYSTEM, name="O")
        wanted: dict[str, Any] = {"name": "Two", "time_zone": "Africa/Nairobi", "currency": "KES"}
        return service.add_site(session, clock, SYSTEM, operator=operator, **{**wanted, **changes})

    return act


def _space(**changes: Any) -> Act:
    return lambda session, clock, ground: service.add_space(
        session, clock, SYSTEM, site=ground.site, **{"code": "G-13", "area": "50", **changes}
    )


def _tenant(**changes: Any) -> Act:
    return lambda session, clock, ground: service.add_tenant(
        session, clock, SYSTEM, site=ground.site, **{"name": "N", **changes}
    )


def _move_in(**changes: Any) -> Act:
    return lambda session, clock, ground: service.move_in(
        session,
        clock,
        SYSTEM,
        **{"space": ground.shop, "tenant": ground.tenant, "starts_on": NOVEMBER, **changes},
    )


def _twice(session: Session, clock: FixedClock, ground: Ground) -> None:
    add_meter(session, clock, ground)
    add_meter(session, clock, ground)


def _bound_twice(session: Session, clock: FixedClock, ground: Ground) -> None:
    key = add_meter(session, clock, ground)
    meters.bind_meter(session, clock, SYSTEM, key, ground.office, reason="moved")


REFUSALS: list[tuple[str, Act, str, str]] = [
    ("unknown time zone", _site(time_zone="Africa/Johanesburg"), "time_zone_unknown", "Is Africa/Johannesburg meant"),
    ("unknown currency", _site(currency="XXZ"), "currency_unknown", "not in the list"),
    ("unfinished language", _site(languages=["de"]), "language_unknown", "not complete"),
    ("no language", _site(languages=[]), "language_unknown", "at least one"),
    ("a site twice", _site(name="Karoo"), "name_taken", "already"),
    ("a tax as a fraction", _site(taxes=[{"name": "VAT", "rate": "0.15"}]), "tax_unfit", "Type 15"),
    ("a tax above a hundred", _site(taxes=[{"name": "VAT", "rate": "150"}]), "tax_unfit", "between 0 and 100"),
    ("a tax that is no number", _site(taxes=[{"name": "VAT", "rate": "NaN"}]), "tax_unfit", "between"),
    ("two taxes of one name", _site(taxes=[{"name": "V", "rate": "1"}, {"name": "V", "rate": "2"}]), "tax_unfit", "same name"),
    ("area zero", _space(area="0"), "area_unfit", "above zero"),
    ("area below zero", _space(area="-4"), "area_unfit", "above zero"),
    ("area that is no number", _space(area="big"), "area_unfit", "square metres"),
    ("area of a county", _space(area="86500000"), "area_unfit", "decimal sign"),
    ("area with five decimals", _space(area="1.00001"), "area_unfit", "four decimals"),
    ("unknown format", _space(format="resturant"), "format_unknown", "Is restaurant meant"),
    ("a unit twice", _space(code="G-12"), "name_taken", "already"),
    ("a unit without a name", _space(code="  "), "name_unfit", "missing"),
    ("a name over two lines", _tenant(name="A\nB"), "name_unfit", "one line"),
    ("a name of a page", _tenant(name="x" * 500), "name_unfit", "longer"),
    ("a telephone that is none", _tenant(phone="call me"), "phone_unfit", "telephone"),
    ("an address that is none", _tenant(email="a@b"), "email_unfit", "e-mail"),
    ("a department of nobody", _tenant(kind="department"), "invalid_input", "belongs to a company"),
    ("an unknown kind", _tenant(kind="alien"), "invalid_input", "kind of tenant"),
    ("a lease that ends before it begins", _move_in(ends_on=NOVEMBER), "term_unfit", "not after it begins"),
    ("a lease in the past", _move_in(starts_on=date(2020, 1, 1), ends_on=date(2021, 1, 1)), "term_unfit", "in the past"),
    ("a lease in another century", _move_in(starts_on=date(1024, 1, 1)), "term_unfit", "Check the year"),
    ("a deposit below zero", _move_in(deposit_minor=-1), "invalid_input", "zero or more"),
    ("a share above the whole", _move_in(shares={"common": 1_000_001}), "share_unfit", "at most 100"),
    ("a tenant who is not there", _move_in(tenant="nobody"), "not_found", "tenant"),
    ("a wrong check digit", _meter(number=NUMBER[:-1] + str((int(NUMBER[-1]) + 1) % 10)), "meter_number_wrong", "does not fit"),
    ("a number too short", _meter(number="123"), "meter_number_wrong", "11 or 13 digits"),
    ("a number in another script", _meter(number="٠٧٠١٤٤٨٢٣١٧"), "meter_number_wrong", "not a meter number"),
    ("a meter twice", _twice, "meter_bound_twice", "registered already, on unit G-12"),
    ("a meter on two units", _bound_twice, "meter_bound_twice", "Take it off there first"),
    ("an unknown service", _meter(service="steam"), "service_unknown", "electricity"),
    ("tokens for cooling", _meter(service="cooling"), "credit_place_unfit", "no tokens for cooling"),
    ("credit nowhere", _meter(credit_in="pocket"), "credit_place_unfit", "in the meter or in the account"),
    ("a ratio upside down", _meter(ct=(5, 200)), "ratio_unfit", "is 200/5 meant"),
    ("a ratio of zero", _meter(ct=(0, 5)), "ratio_unfit", "at least 1"),
    ("a ratio of a power station", _meter(ct=(1_000_000, 1)), "ratio_unfit", "larger than any"),
    ("a power limit of nothing", _meter(power_limit_w=0), "invalid_input", "1 watt"),
    ("an unknown class", _meter(meter_class="huge"), "invalid_input", "small, medium or large"),
    ("an unknown algorithm", _keying(ea="09"), "key_data_unfit", "07 (STA) or 11"),
    ("algorithms that do not fit", _keying(dkga="02"), "key_data_unfit", "does not go with"),
    ("a supply group of five digits", _keying(sgc="60010"), "key_data_unfit", "six digits"),
    ("key revision zero", _keying(krn=0), "key_data_unfit", "1 to 9"),
    ("a key type of ten", _keying(key_type=10), "key_data_unfit", "key type"),
    ("an expiry of 300", _keying(ken=300), "key_data_unfit", "0 to 255"),
    ("a base date of 2024", _keying(base_date=2024), "key_data_unfit", "1993, 2014 or 2035"),
    ("a unit of nowhere", _meter(space="nowhere"), "not_found", "unit"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("act", "code", "says"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_bad_input_gets_one_clear_sentence_and_changes_nothing(
    sqlite_database: Database, clock: FixedClock, act: Act, code: str, says: str
) -> None:
    from estate_cast import lay

    ground = lay(sqlite_database, clock)
    with sqlite_database.reading() as session:
        before = session.scalar(sa.select(sa.func.count()).select_from(AuditEntry))
    with pytest.raises(VendingError) as refused, sqlite_database.writing() as session:
        act(session, clock, ground)
    assert refused.value.code == code
    assert says in refused.value.sentence
    with sqlite_database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(AuditEntry)) == before


def test_nobody_acts_without_the_right_at_this_site(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    cashier = Actor("c", "Cashier", frozenset({Grant("cashier", ground.site)}))
    elsewhere = Actor("m", "Manager", frozenset({Grant("manager", "another")}))
    for actor in (cashier, elsewhere):
        for act in (
            lambda s, a=actor: service.add_space(s, clock, a, site=ground.site, code="X", area="1"),
            lambda s, a=actor: service.move_in(
                s, clock, a, space=ground.shop, tenant=ground.tenant, starts_on=NOVEMBER
            ),
            lambda s, a=actor: service.change_tenant(s, clock, a, ground.tenant, name="X"),
            lambda s, a=actor: meters.add_meter(
                s, clock, a, site=ground.site, number=NUMBER, service="electricity", keying=KEYING
            ),
            lambda s, a=actor: circuits.add_circuit(s, clock, a, site=ground.site, name="X"),
        ):
            with pytest.raises(NotAllowed), database.writing() as session:
                act(session)


def test_nobody_chooses_the_tariff_of_his_own_lease(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    with database.writing() as session:
        lease = service.move_in(
            session, clock, SYSTEM, space=ground.shop, tenant=ground.tenant, starts_on=NOVEMBER
        )
    resident = Actor("m", "Manager", frozenset({Grant("manager", ground.site)}), tenant=ground.tenant)
    with pytest.raises(InvalidInput, match="your own"), database.writing() as session:
        service.set_lease_tariff(
            session, clock, resident, lease, service="electricity", tariff="cheap", reason="I like it"
        )


def test_states_only_move_where_the_machine_allows(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    with database.writing() as session:
        key = add_meter(session, clock, ground)
    for act in (
        lambda s: meters.block(s, clock, SYSTEM, key, reason="x"),
        lambda s: meters.unblock(s, clock, SYSTEM, key, reason="x"),
    ):
        with pytest.raises(StateForbids), database.writing() as session:
            act(session)
    with database.writing() as session:
        meters.remove(session, clock, SYSTEM, key, reason="burnt")
    for act in (
        lambda s: meters.remove(s, clock, SYSTEM, key, reason="x"),
        lambda s: meters.commission(s, clock, SYSTEM, key, evidence="x"),
    ):
        with pytest.raises(StateForbids), database.writing() as session:
            act(session)


def test_a_wrong_number_is_answered_with_the_meter_that_was_meant(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    with database.writing() as session:
        add_meter(session, clock, ground)
    swapped = NUMBER[:8] + NUMBER[9] + NUMBER[8] + NUMBER[10]
    with database.reading() as session:
        for wrong in (swapped, NUMBER[:4] + str((int(NUMBER[4]) + 1) % 10) + NUMBER[5:]):
            with pytest.raises(MeterNumberWrong) as refused:
                queries.one_meter(session, clock, wrong)
            assert refused.value.suggestions == (NUMBER,)
            assert "meant?" in refused.value.sentence
        with pytest.raises(MeterUnknown):
            queries.one_meter(session, clock, drn.of("0799999999"))
        with pytest.raises(MeterUnknown):
            queries.one_meter(session, clock, "no-such-key")
        with pytest.raises((NotFound, MeterUnknown)):
            queries.one_meter(session, clock, NUMBER, sites=["another site"])
        assert [view.drn for view in queries.suggest_meters(session, clock, NUMBER[:5] + NUMBER[6:])] == [
            NUMBER
        ]
