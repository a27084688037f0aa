"""The auditor finds what is planted past every wall, names it, and raises no false alarm on books that are right."""

import ast
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vending import audit, auditor, schema
from vending.auditor.report import CHECKS, Report, run
from vending.clock import FixedClock
from vending.db import Database
from vending.ledger import closing, service
from vending.ledger.entries import Entry, credit, debit, transfer
from vending.ledger.service import Hold
from vending.tariffs import service as tariffs
from vending.tariffs.service import Approval

ZONE = ZoneInfo("Africa/Johannesburg")
PAN, DRN = "600727000000000009", "00000000000"


class Manager:
    key = "m1"
    name = "Mara Manager"


TARIFF = """
code = "shops"
name = "Shops"
service = "electricity"
unit = "kWh"
currency = "ZAR"
valid_from = {start}
[[charge]]
id = "energy"
kind = "{kind}"
label = "Energy"
{rate}
"""


def settlement(order: str) -> Entry:
    return Entry(
        "vend",
        f"order/{order}",
        (
            debit("held/t1", "ZAR", 10_000),
            credit("sales/electricity", "ZAR", 8_696),
            credit("tax/vat", "ZAR", 1_304),
            debit("energy/meter/m1", "electricity", 407 if order == "v1" else 387),
            credit("energy/sold/electricity", "electricity", 387),
            *([credit("energy/free/electricity", "electricity", 20)] if order == "v1" else []),
        ),
    )


def add(session: Any, table: str, **values: Any) -> None:
    target = schema.metadata().tables[table]
    given = dict(values)
    for column in target.columns:
        if (
            column.name not in given
            and not column.nullable
            and not column.primary_key
            and column.default is None
        ):
            kind = column.type.python_type if not isinstance(column.type, sa.types.TypeDecorator) else str
            given[column.name] = 1 if kind is int else "x"
    session.execute(sa.insert(target).values(given))


@pytest.fixture
def books(database: Database, clock: FixedClock) -> Database:
    """A small house in order: a tariff, a meter, two sales, one still open, a closed month, a trail of acts."""
    for start, rate in (("2026-01-01", "2.5"), ("2026-12-01", "2.7")):
        with database.writing() as session:
            text = TARIFF.format(start=start, kind="per_unit", rate=f"rate = {rate}")
            version = tariffs.draft(session, clock, text, actor=Manager)
            tariffs.publish(
                session, clock, version.key, approval=Approval("a1", version.hash, "m1", "s1"), actor=Manager, zone=ZONE
            )  # fmt: skip
    now = clock.now()
    with database.writing() as session:
        keying = {
            "ea": "07", "tct": "02", "dkga": "02", "sgc": "123456", "krn": 1, "ti": "01", "key_type": 2, "ken": 255,
            "base_date": 2014,
        }  # fmt: skip
        add(session, "operator", key="o1", name="House")
        add(session, "site", key="s1", operator_key="o1", name="Mall", time_zone="Africa/Johannesburg", currency="ZAR",
            languages="en", taxes=[], created_at=now)  # fmt: skip
        add(session, "space", key="p1", site_key="s1", code="G-1", format="shop", area_cm2=10_000)
        add(
            session,
            "tenant",
            key="t1",
            site_key="s1",
            kind="company",
            number="1",
            name="Shop",
            created_at=now,
        )
        add(session, "lease", key="l1", site_key="s1", space_key="p1", tenant_key="t1", starts_on=date(2026, 1, 1),
            tariffs={}, shares={}, created_at=now)  # fmt: skip
        add(session, "meter", key="m1", site_key="s1", pan=PAN, drn=DRN, label="Mains", service="electricity",
            credit_in="meter", profile="any", meter_class="small", tariff="shops", state="in service", created_at=now,
            **keying)  # fmt: skip
        add(
            session,
            "meter_key_data",
            meter_key="m1",
            at=now,
            actor="m1",
            evidence="label",
            reason="new",
            **keying,
        )
        for name, above in (("c1", None), ("c2", "c1")):
            add(
                session,
                "circuit",
                key=name,
                site_key="s1",
                parent_key=above,
                name=name,
                service="electricity",
            )
        add(session, "person", key="s1", login="s1", name="Sam", created_at=now)
        for order, state, minute in (
            ("v1", "issued", 18_000_000),
            ("v2", "issued", 18_000_010),
            ("v4", "reversed", 18_000_020),
            ("v3", "paid", 0),
        ):
            sell(session, clock, order, state, minute)
        change_key(session, clock)
        take_back(session, clock, "v4")
        leave_and_swap(session, clock)
        add(session, "approval_request", key="r1", act_id=sha("act"), text="act", act="tariff.publish", site="s1",
            subject="x", maker="m1", maker_name="M", reason="r", evidence="e", made_at=now,
            expires_at=now + timedelta(days=1), state="approved")  # fmt: skip
        add(session, "approval_signature", request_key="r1", act_id=sha("act"), person_key="s1", person_name="Sam",
            decision="yes", method="confirmed", proof={}, at=now, seal="x")  # fmt: skip
        add(session, "sign_in_session", key="z1", secret_hash="h", person_key="s1", began_at=now, seen_at=now,
            ends_at=now + timedelta(hours=1), rest_minutes=10, confirmed_at=now, address="::1")  # fmt: skip
        service.post(
            session, clock,
            [transfer("payment", "payment/9", "ZAR", 500, debited="cash/till-1", credited="customer/t1")],
        )  # fmt: skip
        service.hold(session, clock, [Hold("booking/1", "customer/t1", "ZAR", 100)])
        wrong = service.post(
            session, clock,
            [transfer("payment", "payment/8", "ZAR", 70, debited="cash/till-1", credited="customer/t1")],
        )[0]  # fmt: skip
        service.reverse(session, clock, wrong, source="correction/1", note="Typed twice")
        keep_a_shift(session, clock)
    closing.take_snapshots(database, least=1)
    clock.advance(timedelta(minutes=5))
    closing.close_period(database, clock, until=clock.now(), actor=Manager, reason="Month end")
    with database.writing() as session:
        audit.close_batch(session, clock)
    return database


def sha(text: str) -> str:
    import hashlib

    return hashlib.sha256(b"ampoule act 1\n" + text.encode()).hexdigest()


def sell(session: Any, clock: FixedClock, order: str, state: str, minute: int) -> None:
    now = clock.now()
    add(session, "sale", key=f"sale-{order}", receipt=f"A-{order}", site_key="s1", till="till-1", cashier_key="c1",
        cashier_name="Carla", currency="ZAR", total_minor=10_000, fingerprint="f", content={}, content_hash="h",
        sold_at=now)  # fmt: skip
    add(session, "vend", order_id=order, sale_key=f"sale-{order}", position=1, meter_key="m1", pan=PAN, tenant_key="t1",
        kind="credit", service="electricity", units=387, free_units=20 if order == "v1" else 0, paid_minor=10_000,
        returned_minor=0, currency="ZAR", carried_minor=0, tariff_version="shops version 1", priced={}, keying={},
        carries=[], settlement={}, state=state, paid_at=now,
        decided_at=None if state == "paid" else now)  # fmt: skip
    add(
        session,
        "token_request",
        part_id=order,
        order_id=order,
        position=1,
        kind="credit",
        units=387,
        asked={},
    )
    add(session, "payment", sale_key=f"sale-{order}", position=1, way="cash", currency="ZAR", amount_minor=10_000,
        received_minor=10_000, change_minor=0, rounding_minor=0, reference="", till="till-1", taken_by="c1",
        taken_at=now)  # fmt: skip
    entries = [transfer("payment", f"sale/{order}", "ZAR", 10_000, debited="cash/till-1", credited="held/t1")]
    if state != "paid":
        entries.append(settlement(order))
        if order == "v1":
            add(
                session,
                "token_request",
                part_id="v1-free",
                order_id=order,
                position=2,
                kind="allowance",
                units=20,
                asked={},
            )
            add(session, "allowance_claim", order_id=order, entitlement="l1/electricity", month="2026-11")
            add(session, "token", order_id=order, part_id="v1-free", position=2, kind="allowance", pan=PAN,
                absolute_minute=minute + 2, tid=minute + 2, base_date=2014, units=20, digits="2" * 20,
                sequence=minute % 1000 + 1, logged_at=now, log="a", salt="s", leaf="l", signature="g")  # fmt: skip
        add(session, "token", order_id=order, part_id=order, position=1, kind="credit", pan=PAN, absolute_minute=minute, tid=minute,
            base_date=2014, units=387, digits="1" * 20, sequence=minute % 1000, logged_at=now, log="a", salt="s",
            leaf="l", signature="g")  # fmt: skip
    service.post(session, clock, entries)


def agreed(session: Any, clock: FixedClock, key: str, act: str) -> None:
    """A request that another person agreed to and that was used."""
    now = clock.now()
    add(session, "approval_request", key=key, act_id=sha(f"act {key}"), text=f"act {key}", act=act, site="s1", subject="x",
        maker="m1", maker_name="M", reason="r", evidence="e", made_at=now, expires_at=now + timedelta(days=1),
        state="used")  # fmt: skip
    add(session, "approval_signature", request_key=key, act_id=sha(f"act {key}"), person_key="s1", person_name="Sam",
        decision="yes", method="confirmed", proof={}, at=now, seal="x")  # fmt: skip


def take_back(session: Any, clock: FixedClock, order: str) -> None:
    """A sale whose token was released and that two people reversed at a loss."""
    agreed(session, clock, "r3", "sale-reversal")
    add(session, "reversal", order_id="x1", of_order=order, site_key="s1", way="agreed", book_as="loss", state="done",
        why="other", evidence={}, pays_tenant="t1", amount_minor=10_000, currency="ZAR", approval_key="r3",
        credit_note="CN-000001", content={}, asked_at=clock.now(), decided_at=clock.now())  # fmt: skip
    service.post(
        session, clock,
        [transfer("sale-reversed", "reversal/x1", "ZAR", 10_000, debited="loss/reversals", credited="kept/t1")],
    )  # fmt: skip


def keep_a_shift(session: Any, clock: FixedClock) -> None:
    """A drawer from float to bag: 500 given back, 4,000 dropped, 500 short, decided on by somebody who did not count."""
    now = clock.now()
    moves = (
        ("opening", "safe/1", 50_000, "safe/s1", "equity/opening"),
        ("shift-float", "shift/sh1", 10_000, "cash/t9", "safe/s1"),
        ("opening", "kept/1", 500, "bank/main", "kept/t1"),
        ("refund", "refund/rf1", 500, "kept/t1", "cash/t9"),
        ("cash-drop", "drop/d1", 4_000, "safe/s1", "cash/t9"),
        ("shift-difference", "shift/sh1", 500, "over-short/t9", "cash/t9"),
        ("shift-handover", "shift/sh1", 5_000, "safe/s1", "cash/t9"),
    )
    entries = [
        transfer(kind, source, "ZAR", minor, debited=debited, credited=credited)
        for kind, source, minor, debited, credited in moves
    ]
    through = service.post(session, clock, entries)[-1]
    service.post(
        session,
        clock,
        [transfer("bank-bag", "bag/b1", "ZAR", 3_000, debited="bank/transit-d-1.cash", credited="safe/s1")],
    )
    common = {"cashier_key": "c1", "drawer": "t9"}
    add(session, "shift", key="sh1", number="T9-S00001", site_key="s1", till="T9", cashier_name="Carla", currency="ZAR",
        float_minor=10_000, base={}, limits={}, after_entry=0, witness_key="s1", witness_name="Sam", opened_at=now,
        **common)  # fmt: skip
    add(session, "shift_standing", shift_key="sh1", state="closed", **common)
    add(session, "shift_drop", key="d1", shift_key="sh1", amount_minor=4_000, count={}, bag="B", witness_key="s1",
        witness_name="Sam", dropped_at=now)  # fmt: skip
    add(session, "shift_count", shift_key="sh1", round=1, count={}, expected={"cash": 5_500}, counted_by="c1",
        counted_by_name="Carla", counted_at=now)  # fmt: skip
    add(session, "shift_closing", shift_key="sh1", differences={"cash": -500}, reason="r", forgotten=0, needs_decision=1,
        through_entry=through, takings_minor=-1_000, closed_by="c1", closed_by_name="Carla", closed_at=now)  # fmt: skip
    add(session, "shift_decision", shift_key="sh1", outcome="accept", reason="r", decided_by="m1", decided_by_name="M",
        decided_at=now)  # fmt: skip
    add(session, "bank_batch", key="b1", number="D-1", site_key="s1", currency="ZAR", bag="B-1", amounts={"cash": 3_000},
        pieces={}, total_minor=3_000, packed_by="c1", packed_by_name="Carla", packed_at=now)  # fmt: skip
    add(session, "refund", request="rf1", number="T9-R-000001", site_key="s1", till="T9", shift="sh1", source="kept/t1",
        tenant_key="t1", way="cash", currency="ZAR", amount_minor=500, reference="", reason="r", evidence="e", approval="",
        refunded_by="c1", refunded_by_name="Carla", refunded_at=now)  # fmt: skip


def leave_and_swap(session: Any, clock: FixedClock) -> None:
    """A tenant who moved out of another space, and a meter that was replaced without credit in it."""
    now = clock.now()
    agreed(session, clock, "r4", "move-out")
    agreed(session, clock, "r5", "meter-swap")
    add(session, "space", key="p2", site_key="s1", code="G-2", format="shop", area_cm2=10_000)
    add(session, "lease", key="l9", site_key="s1", space_key="p2", tenant_key="t1", starts_on=date(2026, 1, 1),
        tariffs={}, shares={}, created_at=now, ended_at=now)  # fmt: skip
    add(session, "move_out", key="o1", site_key="s1", lease_key="l9", tenant_key="t1", space_key="p2", state="done",
        content={}, approval_key="r4", asked_at=now, done_at=now)  # fmt: skip
    keying = {"ea": "07", "tct": "02", "dkga": "02", "sgc": "123456", "krn": 1, "ti": "01", "key_type": 2, "ken": 255,
              "base_date": 2014}  # fmt: skip
    add(session, "meter", key="m2", site_key="s1", pan="600727000000000108", drn="00000000010", label="Old",
        service="electricity", credit_in="meter", profile="any", meter_class="small", tariff="shops", state="removed",
        created_at=now, **keying)  # fmt: skip
    add(
        session,
        "meter_key_data",
        meter_key="m2",
        at=now,
        actor="m1",
        evidence="label",
        reason="new",
        **keying,
    )
    add(session, "meter_swap", key="w1", site_key="s1", old_meter="m2", new_meter="m1", state="done", units=0,
        content={}, approval_key="r5", asked_at=now, done_at=now)  # fmt: skip


def change_key(session: Any, clock: FixedClock) -> None:
    """A key change that was seen at the meter: two tokens, nothing paid."""
    now = clock.now()
    add(session, "sale", key="sale-k1", receipt="ACT-000001", site_key="s1", till="ACT", cashier_key="c1",
        cashier_name="Carla", currency="ZAR", total_minor=0, fingerprint="f", content={}, content_hash="h",
        sold_at=now)  # fmt: skip
    agreed(session, clock, "r2", "key-change")
    add(session, "vend", order_id="k1", approval=sha("act r2"), sale_key="sale-k1", position=1, meter_key="m1", pan=PAN, kind="key-change",
        service="electricity", units=0, free_units=0, paid_minor=0, returned_minor=0, currency="ZAR", carried_minor=0,
        tariff_version="", priced={}, keying={}, carries=[], settlement={}, state="issued", paid_at=now,
        decided_at=now)  # fmt: skip
    add(
        session,
        "token_act",
        order_id="k1",
        kind="key-change",
        meter_key="m1",
        approval_key="r2",
        asked_at=now,
    )
    add(session, "token_request", part_id="k1", order_id="k1", position=1, kind="key-change", asked={})
    for position in (1, 2):
        add(session, "token", order_id="k1", part_id="k1", position=position, kind="key-change", pan=PAN, base_date=2014,
            digits=str(position) * 20, sequence=999, logged_at=now, log="a", salt="s", leaf="l", signature="g")  # fmt: skip
    add(session, "key_change", order_id="k1", meter_key="m1", before={}, after={}, rollover=False, state="confirmed",
        released_at=now, ended_at=now, evidence={})  # fmt: skip


def past_every_wall(connection: Connection) -> None:
    """Nothing stands in the way on this connection until it is rolled back, as for somebody who owns the server."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(
            "ALTER TABLE tariff_publication DROP CONSTRAINT ck_tariff_publication_two_people"
        )
        return
    triggers = (
        connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
    )
    for name in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")


def audited(database: Database, clock: FixedClock) -> Report:
    with database.reading() as session:
        return run(session.connection(), now=clock.now())


LEG = "(SELECT id FROM ledger_entry WHERE source = 'order/v1')"
# What is planted, and the check that must find it. Each is one slip or one crime, made past every wall.
FAULTS: dict[str, tuple[str, str]] = {
    "a cent too much": (
        f"UPDATE ledger_leg SET amount = amount + 1 WHERE entry_id = {LEG} AND place = 0",
        "ledger.entries_balance",
    ),
    "a cent too much, seen from above": (
        f"UPDATE ledger_leg SET amount = amount + 1 WHERE entry_id = {LEG} AND place = 0",
        "ledger.books_balance",
    ),
    "a lost leg": (f"DELETE FROM ledger_leg WHERE entry_id = {LEG} AND place = 2", "ledger.entries_complete"),
    "a lost entry": ("DELETE FROM ledger_entry WHERE source = 'order/v1'", "ledger.entries_complete"),
    "tax moved to income": (
        f"UPDATE ledger_leg SET amount = amount + CASE place WHEN 1 THEN -9 ELSE 9 END WHERE entry_id = {LEG} AND place IN (1, 2)",
        "ledger.entries_unchanged",
    ),
    "a reversal of less": (
        "UPDATE ledger_leg SET amount = amount / 2 WHERE entry_id ="
        " (SELECT id FROM ledger_entry WHERE source = 'correction/1')",
        "ledger.reversals_mirror",
    ),
    "a customer below zero": (
        "UPDATE ledger_leg SET amount = amount * -1 WHERE entry_id ="
        " (SELECT id FROM ledger_entry WHERE source = 'payment/9')",
        "ledger.floors",
    ),
    "a hold larger than the balance": ("UPDATE ledger_hold SET amount = 501", "ledger.floors"),
    "an account on the wrong side": (
        "UPDATE ledger_account SET kind = 'asset' WHERE path = 'tax/vat'",
        "ledger.accounts_in_place",
    ),
    "a snapshot that is too rich": ("UPDATE ledger_snapshot SET amount = amount + 1", "ledger.snapshots"),
    "a closed month that changed": (
        "UPDATE ledger_period SET digest = '00'",
        "ledger.periods",
    ),
    "a forgotten hold": ("UPDATE ledger_hold SET placed_at = '2026-11-01T00:00:00.000000Z'", "ledger.holds_end"),
    "a token without a sale": ("UPDATE vend SET state = 'paid', decided_at = NULL WHERE order_id = 'v1'", "sales.issued_have_tokens"),
    "a paid order without a token": ("DELETE FROM token WHERE order_id = 'v1'", "sales.issued_have_tokens"),
    "a token of another meter": ("UPDATE token SET pan = '600727000000000017' WHERE order_id = 'v1'", "sales.tokens_have_orders"),
    "a token of more energy": ("UPDATE token SET units = 999 WHERE order_id = 'v1'", "sales.tokens_carry_what_was_sold"),
    "a minute that falls": ("UPDATE token SET absolute_minute = 17000000 WHERE order_id = 'v2'", "sales.minutes_rise"),
    "a reserved minute": ("UPDATE token SET absolute_minute = 18001441 WHERE order_id = 'v2'", "sales.minutes_rise"),
    "an unpaid sale": ("DELETE FROM payment WHERE sale_key = 'sale-v1'", "sales.paid_before_issued"),
    "a token that nobody asked for": ("UPDATE token SET part_id = 'v2' WHERE part_id = 'v1'", "sales.tokens_answer_requests"),
    "a second claim of free units": (
        "UPDATE allowance_claim SET order_id = 'v2'",
        "sales.allowance_once",
    ),
    "free units that are not booked": ("UPDATE vend SET free_units = 21 WHERE order_id = 'v1'", "sales.energy_is_booked"),
    "half a key change": ("DELETE FROM token WHERE order_id = 'k1' AND position = 2", "sales.key_changes_have_tokens"),
    "a key change that forgot its end": (
        "UPDATE key_change SET ended_at = NULL",
        "sales.key_changes_have_tokens",
    ),
    "an act that nobody agreed to": ("UPDATE approval_request SET state = 'open' WHERE key = 'r2'", "sales.acts_were_agreed"),
    "an act of another approval": ("UPDATE vend SET approval = NULL WHERE order_id = 'k1'", "sales.acts_were_agreed"),
    "a reversal by one person": ("UPDATE approval_request SET state = 'open' WHERE key = 'r3'", "sales.reversals_have_evidence"),
    "a proof that is none": ("UPDATE reversal SET way = 'proved'", "sales.reversals_have_evidence"),
    "a reversed order without a reversal": ("DELETE FROM reversal", "sales.reversals_have_evidence"),
    "a reversal that gave more": ("UPDATE reversal SET amount_minor = 9000", "sales.reversals_are_booked"),
    "a tenant who moved out and stayed": ("UPDATE lease SET ended_at = NULL WHERE key = 'l9'", "occupancy.moved_out"),
    "a move out by one person": ("UPDATE approval_request SET state = 'open' WHERE key = 'r4'", "occupancy.moved_out"),
    "a swapped meter that still sells": ("UPDATE meter SET state = 'in service' WHERE key = 'm2'", "occupancy.swapped"),
    "replaced credit without an order": ("UPDATE meter_swap SET units = 50", "occupancy.swapped"),
    "an order that took more than was paid": (
        f"UPDATE ledger_leg SET amount = amount + 7 WHERE entry_id = {LEG} AND place = 0",
        "sales.settled_as_planned",
    ),
    "energy that is not booked": ("UPDATE vend SET units = 388 WHERE order_id = 'v1'", "sales.energy_is_booked"),
    "money held for nothing": ("UPDATE vend SET paid_minor = 9999 WHERE order_id = 'v3'", "sales.held_is_open"),
    "an order decided before it was paid": (
        "UPDATE vend SET decided_at = '2026-11-01T00:00:00.000000Z' WHERE order_id = 'v1'",
        "sales.decided_once",
    ),
    "a price that was never public": (
        "UPDATE vend SET tariff_version = 'shops version 9' WHERE order_id = 'v1'",
        "sales.tariffs_were_public",
    ),
    "a rate edited after approval": (
        "UPDATE tariff_version SET text = replace(text, 'rate = 2.5', 'rate = 2.4') WHERE number = 1",
        "tariffs.unchanged",
    ),
    "a start moved after approval": (
        "UPDATE tariff_version SET valid_from = '2026-02-01T00:00:00' WHERE number = 1",
        "tariffs.rows_say_what_documents_say",
    ),
    "a tariff published alone": ("UPDATE tariff_publication SET approved_by = requested_by", "tariffs.two_people"),
    "a gap between two versions": (
        "UPDATE tariff_version SET valid_until = '2026-11-30T00:00:00' WHERE number = 1",
        "tariffs.one_price_at_a_time",
    ),
    "a lost version": ("DELETE FROM tariff_version WHERE number = 1", "tariffs.numbers"),
    "a wrong check digit": ("UPDATE meter SET pan = '600727000000000008' WHERE key = 'm1'", "estate.numbers"),
    "a key revision without history": ("UPDATE meter SET krn = 2", "estate.key_data"),
    "a ring of circuits": ("UPDATE circuit SET parent_key = 'c2' WHERE key = 'c1'", "estate.circuits"),
    "an act taken out of the trail": ("DELETE FROM audit_entry WHERE id = 2", "people.trail"),
    "an act that another did": ("UPDATE audit_entry SET actor_name = 'Sam' WHERE id = 2", "people.trail"),
    "an approval of one's own act": ("UPDATE approval_request SET maker = 's1' WHERE key = 'r1'", "people.two_persons"),
    "an approval by its beneficiary": ("UPDATE approval_request SET beneficiary = 's1'", "people.two_persons"),
    "an approval after its time": (
        "UPDATE approval_request SET expires_at = '2026-11-01T00:00:00.000000Z'",
        "people.signed_in_time",
    ),
    "an act changed after it was signed": ("UPDATE approval_request SET text = 'another act'", "people.acts_are_what_was_signed"),
    "money left in a closed drawer": (
        "UPDATE ledger_leg SET amount = amount - 1 WHERE amount = -5000 AND entry_id ="
        " (SELECT id FROM ledger_entry WHERE kind = 'shift-handover')",
        "shifts.drawers_are_empty",
    ),
    "a difference told smaller than it was": (
        "UPDATE shift_closing SET differences = '{\"cash\":-100}'",
        "shifts.differences_are_booked",
    ),
    "a difference decided on by who counted": ("UPDATE shift_decision SET decided_by = 'c1'", "shifts.follow_their_way"),
    "a closed shift opened again": ("UPDATE shift_standing SET state = 'open'", "shifts.follow_their_way"),
    "a count taken away": ("DELETE FROM shift_count", "shifts.follow_their_way"),
    "a payment put into a shift later": ("UPDATE payment SET shift = 'sh1'", "shifts.payments_in_time"),
    "a drop that nobody else saw": ("UPDATE shift_drop SET witness_key = 'c1'", "shifts.drops_seen_by_two"),
    "a drop smaller than it was": ("UPDATE shift_drop SET amount_minor = 3999", "shifts.drops_seen_by_two"),
    "a lighter bag": ("UPDATE bank_batch SET total_minor = 2900", "banking.bags_are_booked"),
    "a refund that is in no book": ("UPDATE refund SET amount_minor = 499", "refunds.are_booked"),
    "a session that outlived its person": (
        "UPDATE person SET disabled_at = '2026-11-01T00:00:00.000000Z'",
        "people.shut_out",
    ),
}  # fmt: skip


def test_finds_nothing_in_books_that_are_right(books: Database, clock: FixedClock) -> None:
    report = audited(books, clock)
    assert [line for line in report.lines() if "FAULT" in line] == []
    assert report.clean
    assert all(result.state == "holds" for result in report.results)
    assert sum(result.looked_at for result in report.results) > 50
    assert json.loads(json.dumps(report.as_json()))["clean"] is True


def test_finds_every_planted_fault(books: Database, clock: FixedClock, subtests: pytest.Subtests) -> None:
    """Each is planted in a transaction of its own, found there, and rolled back."""
    with books.migrating() as connection:
        for name, (statement, code) in FAULTS.items():
            with subtests.test(name):
                past_every_wall(connection)
                assert connection.exec_driver_sql(statement).rowcount > 0
                report = run(connection, now=clock.now())
                assert code in {result.check.code for result in report.results if result.faults}
                assert not report.clean
                assert any("FAULT" in line for line in report.lines())
            connection.rollback()
        if books.dialect == "sqlite":
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")
        assert run(connection, now=clock.now()).clean


def test_finds_a_space_let_twice(books: Database, clock: FixedClock) -> None:
    with books.writing() as session:
        add(session, "lease", key="l2", site_key="s1", space_key="p1", tenant_key="t1", starts_on=date(2026, 5, 1),
            tariffs={}, shares={}, created_at=clock.now())  # fmt: skip
    assert [result.check.code for result in audited(books, clock).results if result.faults] == [
        "estate.one_tenant_a_space"
    ]


def test_finds_a_lease_of_another_site(books: Database, clock: FixedClock) -> None:
    with books.writing() as session:
        add(session, "site", key="s2", operator_key="o1", name="Other", time_zone="UTC", currency="ZAR",
            languages="en", taxes=[], created_at=clock.now())  # fmt: skip
        session.execute(sa.text("UPDATE space SET site_key = 's2'"))
    assert [result.check.code for result in audited(books, clock).results if result.faults] == [
        "estate.sites_agree"
    ]


def test_finds_a_token_meter_on_a_tariff_with_demand(books: Database, clock: FixedClock) -> None:
    text = TARIFF.format(start="2026-01-01", kind="demand", rate='rate = 42\nreading = "kw"')
    with books.writing() as session:
        version = tariffs.draft(session, clock, text.replace('"shops"', '"anchors"'), actor=Manager)
        tariffs.publish(
            session, clock, version.key, approval=Approval("a1", version.hash, "m1", "s1"), actor=Manager, zone=ZONE
        )  # fmt: skip
    for statement in (
        "UPDATE meter SET tariff = 'anchors'",
        "UPDATE meter SET tariff = 'shops', space_key = 'p1'",
        """UPDATE lease SET tariffs = '{"electricity": "anchors"}'""",
    ):
        with books.writing() as session:
            session.execute(sa.text(statement.replace(":", "\\:")))
        found = [result.check.code for result in audited(books, clock).results if result.faults]
        assert found == ([] if "shops" in statement else ["tariffs.suit_their_meters"])


def test_says_which_checks_could_not_be_made(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with engine.connect() as connection:
        report = run(connection)
    assert {result.state for result in report.results} == {"not checked"}


def test_every_check_has_a_planted_fault() -> None:
    planted = {code for _, code in FAULTS.values()} | {
        "estate.one_tenant_a_space",
        "estate.sites_agree",
        "tariffs.suit_their_meters",
        # A second entry of one source cannot be planted without taking the index away; it is kept by the constraint.
        "ledger.sources_once",
    }
    assert {check.code for check in CHECKS} == planted
    assert len(FAULTS) >= 12


def test_imports_no_writer() -> None:
    """Code of its own: from our house it takes the settings' address and nothing that writes."""
    allowed = {"vending.settings", "vending"}
    for path in Path(auditor.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
                if node.module == "vending":
                    assert {alias.name for alias in node.names} <= {"settings"}
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            ours = {name for name in names if name.split(".")[0] in ("vending", "sts", "keystore", "meter")}
            assert all(name.startswith("vending.auditor") or name in allowed for name in ours), path.name
