"""Moving out and swapping a meter: each one act, with what was read, two people, and books that agree (rules.md 15, 27)."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from counter import Counter

from sts import drn
from vending.access import approvals
from vending.access.errors import ApprovalRefused
from vending.access.policy import SYSTEM
from vending.auditor.report import run
from vending.errors import VendingError
from vending.estate import meters as estate_meters
from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.ledger import queries as ledger
from vending.occupancy import moving_out, swapping
from vending.occupancy.errors import OccupancyForbids, ReadingUnfit
from vending.occupancy.estimate import GivenToken, Reading, estimate
from vending.occupancy.moving_out import Leaving
from vending.vends import acting
from vending.vends import service as vends
from vending.vends.plan import VendOrder

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def balance(counter: Counter, account: str, unit: str = "ZAR") -> int:
    with counter.shop.db.reading() as session:
        return ledger.balance(session, account, unit)


def audited(counter: Counter) -> list[str]:
    with counter.shop.db.reading() as session:
        report = run(session.connection(), now=counter.clock.now())
    return [fault for result in report.results for fault in result.faults]


def meter(counter: Counter, unit: str = "G-03") -> MeterView:
    with counter.shop.db.reading() as session:
        return estate.one_meter(session, counter.clock, counter.shop.meter(unit))


def agree(counter: Counter, approval: str, role: str) -> None:
    approvals.decide(counter.shop.db, counter.clock, counter.vault, counter.signed(role), approval, yes=True)


def tokens(*units: int) -> list[GivenToken]:
    return [GivenToken(str(number), f"N1-{number}", each, NOON) for number, each in enumerate(units)]


@pytest.mark.parametrize(
    ("given", "reading", "made", "held", "unentered", "likely", "doubtful"),
    [
        (1000, Reading(600, 400), (500, 500), 400, 0, 0, False),
        (1000, Reading(300, 200), (500, 500), 200, 500, 1, False),
        (1000, Reading(0, 100), (400, 600), 100, 900, 2, False),
        (1000, Reading(300), (500, 500), 700, 0, 0, False),
        (1000, Reading(700, 400), (500, 500), 400, 0, 0, True),
        (1000, Reading(1100), (), 0, 0, 0, True),
        (0, Reading(0, 0), (), 0, 0, 0, False),
    ],
)
def test_what_was_given_is_used_held_or_on_paper(
    given: int,
    reading: Reading,
    made: tuple[int, ...],
    held: int,
    unentered: int,
    likely: int,
    doubtful: bool,
) -> None:
    found = estimate(given, reading, tokens(*made))
    assert (found.held, found.unentered, len(found.tokens), found.doubtful) == (
        held,
        unentered,
        likely,
        doubtful,
    )
    if not doubtful:
        assert found.used + found.left == given


def test_a_tenant_moves_out_with_his_deposit_set_off_and_cannot_buy_any_more(counter: Counter) -> None:
    deposit = VendOrder(
        str(uuid.uuid4()), counter.shop.meter("G-04"), kind="charge", charge="deposit", money_minor=200_000
    )
    counter.sell(deposit)
    bought = counter.sell(counter.shop.order("G-04", 50_000)).vends[0]
    here = meter(counter, "G-04")
    assert here.lease is not None
    others = [one for one in _all_meters(counter, here) if one.key != here.key]
    owed = balance(counter, f"debt/{bought.tenant_key}/last-year")
    assert owed > 0
    kept = balance(counter, f"kept/{bought.tenant_key}")
    manager = counter.actor("manager")
    with counter.shop.db.reading() as session:
        factory = estate.factory_credit(session, here.key)
    leaving = {here.key: Leaving(Reading(factory, 0), "leave")} | {
        one.key: Leaving(Reading(0, 0)) for one in others
    }
    with counter.shop.db.reading() as session:
        found = moving_out.look(
            session, counter.clock, here.lease.key, {key: one.reading for key, one in leaving.items()}
        )
    assert found[here.key].unentered == bought.units
    assert [token.units for token in found[here.key].tokens] == [bought.units]
    with counter.shop.db.writing() as session:
        asked = moving_out.ask(
            session,
            counter.clock,
            manager,
            here.lease.key,
            leaving,
            reason="lease ends",
            evidence="seen at 10:00",
            for_module=counter.module.name,
        )
    with pytest.raises(ApprovalRefused):
        moving_out.carry_out(counter.shop.db, counter.clock, counter.vault, manager, asked.approval_key)
    with pytest.raises(ApprovalRefused):
        agree(counter, asked.approval_key, "manager")
    agree(counter, asked.approval_key, "second manager")
    for _ in range(2):
        done = moving_out.carry_out(
            counter.shop.db, counter.clock, counter.vault, manager, asked.approval_key
        )
    assert done.state == "done"
    assert balance(counter, f"deposit/{bought.tenant_key}") == 0
    assert balance(counter, f"debt/{bought.tenant_key}/last-year") == 0
    assert balance(counter, f"kept/{bought.tenant_key}") == kept + 200_000 - owed
    (refused,) = vends.sell(
        counter.shop.db,
        counter.clock,
        counter.module,
        [counter.shop.basket(VendOrder(str(uuid.uuid4()), here.key, money_minor=10_000))],
    )
    assert isinstance(refused, VendingError)
    assert meter(counter, "G-04").state == "blocked"
    assert audited(counter) == []


def _all_meters(counter: Counter, of: MeterView) -> list[MeterView]:
    assert of.space is not None
    with counter.shop.db.reading() as session:
        return [
            one
            for one in estate.meters_of_space(session, counter.clock, of.space.key)
            if one.credit_in == "meter"
        ]


def test_nobody_moves_out_while_an_order_is_open_or_a_meter_was_not_read(counter: Counter) -> None:
    here = meter(counter)
    assert here.lease is not None
    order = counter.shop.order("G-03", 20_000)
    vends.place(counter.shop.db, counter.clock, counter.module, [counter.shop.basket(order)])
    manager = counter.actor("manager")
    leaving = {one.key: Leaving(Reading(0, 0)) for one in _all_meters(counter, here)}
    with counter.shop.db.writing() as session, pytest.raises(OccupancyForbids):
        moving_out.ask(
            session,
            counter.clock,
            manager,
            here.lease.key,
            leaving,
            reason="lease ends",
            evidence="read",
            for_module="",
        )
    with counter.shop.db.reading() as session, pytest.raises(ReadingUnfit):
        moving_out.look(session, counter.clock, here.lease.key, {})


def spare(counter: Counter) -> str:
    """A new meter in the store room, under its own key."""
    here = meter(counter)
    with counter.shop.db.writing() as session:
        key = estate_meters.add_meter(
            session, counter.clock, SYSTEM, site=counter.shop.site, number=drn.of("0199990001"),
            service="electricity", keying={name: value for name, value in asdict(here.keying).items() if name != "pan"},
            label="spare", tariff=here.tariff,
        )  # fmt: skip
        estate_meters.commission(session, counter.clock, SYSTEM, key, evidence="display test seen")
    return key


def test_a_dead_meter_is_swapped_and_its_credit_comes_as_a_token_of_the_new_one(counter: Counter) -> None:
    bought = counter.sell(counter.shop.order("G-03", 50_000)).vends[0]
    old, new = meter(counter), spare(counter)
    with counter.shop.db.reading() as session:
        counted = Reading(estate.factory_credit(session, old.key) + 100)
    engineer = counter.actor("engineer")
    with counter.shop.db.writing() as session:
        with pytest.raises(ReadingUnfit):
            swapping.ask(
                session, counter.clock, engineer, old.key, new, counted, reason="dead display", evidence="photo 3",
                units=bought.units,
            )  # fmt: skip
        asked = swapping.ask(
            session,
            counter.clock,
            engineer,
            old.key,
            new,
            counted,
            reason="dead display",
            evidence="photo 3",
        )
    assert asked.units == bought.units - 100
    with pytest.raises(ApprovalRefused):
        swapping.carry_out(
            counter.shop.db,
            counter.clock,
            counter.vault,
            engineer,
            asked.approval_key,
            for_module=counter.module.name,
        )
    agree(counter, asked.approval_key, "manager")
    for _ in range(2):
        done = swapping.carry_out(
            counter.shop.db,
            counter.clock,
            counter.vault,
            engineer,
            asked.approval_key,
            for_module=counter.module.name,
        )
    assert done.order_id
    with counter.shop.db.reading() as session:
        before, after = estate.list_meters(session, counter.clock, [old.key, new])
        (act,) = acting.list_acts(session, counter.shop.site)
    assert (before.state, before.space) == ("removed", None)
    assert after.space is not None
    assert old.space is not None
    assert after.space.key == old.space.key
    assert act.approval_key
    counter.sign("supervisor", act.approval_key)
    state = acting.carry_out(counter.shop.db, counter.clock, counter.module, engineer, done.order_id)
    assert state == "issued"
    slip = counter.sale(done.order_id)
    assert [(token.kind, token.units) for _vend, token in slip.tokens] == [("replacement", asked.units)]
    assert balance(counter, f"energy/meter/{new}", "electricity") == asked.units
    assert balance(counter, f"energy/meter/{old.key}", "electricity") == 100
    with counter.shop.db.writing() as session:
        seen = swapping.found(
            session, counter.clock, engineer, old.key, asked.units - 30, evidence="came back on the bench"
        )
    assert seen.found_units == asked.units - 30
    assert balance(counter, f"energy/meter/{old.key}", "electricity") == 130
    assert audited(counter) == []
