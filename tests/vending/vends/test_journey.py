"""One order with everything in it: a key change due, arrears, free units, tiers. Its tokens are typed into the meter in the
printed order; ledger, log, content and meter agree to the tenth of a unit and to the cent."""

from __future__ import annotations

import uuid

from counter import Counter

from keystore.module import Issued
from vending.access.policy import SYSTEM
from vending.audit import Doer
from vending.auditor.report import run
from vending.estate import queries as estate
from vending.estate import service as estate_service
from vending.ledger import queries as ledger
from vending.ledger import service as books
from vending.ledger.entries import transfer
from vending.tariffs import service as tariffs
from vending.vends import key_changes
from vending.vends.acting import Wanted
from vending.vends.content import content_hash
from vending.vends.plan import VendOrder
from vending.vends.requests import part_id

TARIFF = """
code = "journey"
name = "Stores, tiers and free units"
service = "electricity"
unit = "kWh"
currency = "ZAR"
counter = "month"
valid_from = 2024-01-01
[[charge]]
kind = "blocks"
id = "energy"
label = "Electricity"
blocks = [{ upto = 30, rate = 2.0 }, { upto = 60, rate = 2.5 }, { rate = 3.25 }]
[[charge]]
kind = "percent"
id = "vat"
label = "VAT"
percent = "15 %"
of = ["energy"]
tax = true
[[deduction]]
kind = "arrears"
percent = "30 %"
[free]
units = 20
"""


def furnish(counter: Counter) -> tuple[str, str]:
    """The unit's lease gets the tariff, and its tenant an old debt. Gives meter and tenant."""
    db, clock = counter.shop.db, counter.clock
    with db.writing() as session:
        version = tariffs.draft(session, clock, TARIFF, actor=SYSTEM)
        approval = tariffs.Approval("t", version.hash, SYSTEM.key, "second")
        meter = estate.one_meter(session, clock, counter.shop.meter("G-03"))
        assert meter.lease is not None
        assert meter.tenant is not None
        site = estate.one_site(session, counter.shop.site)
        tariffs.publish(
            session,
            clock,
            version.key,
            approval=approval,
            actor=Doer("second", "Second Person"),
            zone=site.zone,
        )
        estate_service.set_lease_tariff(
            session, clock, SYSTEM, meter.lease.key, service="electricity", tariff="journey", reason="journey"
        )
        owed = transfer(
            "opening",
            "journey/1",
            "ZAR",
            10_000,
            debited=f"debt/{meter.tenant.key}/old",
            credited="equity/opening",
        )
        books.post(session, clock, [owed])
    return meter.key, meter.tenant.key


def test_everything_in_one_order_agrees_in_four_places(counter: Counter) -> None:
    meter, tenant = furnish(counter)
    twin = counter.twin("G-03")
    change = counter.act("engineer", Wanted("key-change", meter, "Revision 2 for the group", to={"krn": 2}))
    sale = counter.sell(VendOrder(str(uuid.uuid4()), meter, money_minor=20_000))
    (vend,) = sale.vends
    kinds = [token.kind for _vend, token in sale.tokens]
    assert kinds == ["key-change"] * (len(kinds) - 2) + ["allowance", "credit"]
    assert len(kinds) >= 4
    assert vend.free_units == 200

    # The meter takes every token in the printed order, and holds exactly what was sold and given.
    for _vend, token in sale.tokens:
        twin.enter(token.digits)
    assert twin.credit_units() == vend.units + vend.free_units

    # The books: to the cent and to the tenth.
    with counter.shop.db.reading() as session:
        owed = ledger.balance(session, f"debt/{tenant}/old", "ZAR")
        given = ledger.balance(session, f"energy/meter/{meter}", "electricity")
        free = ledger.balance(session, "energy/free/electricity", "electricity")
        held = ledger.balance(session, f"held/{tenant}", "ZAR")
        kept = ledger.balance(session, f"kept/{tenant}", "ZAR")
        settled = dict.fromkeys(("sales", "tax", "debt", "kept"), 0)
        for account, unit, amount in ledger.legs_of(session, "vend", f"order/{vend.order_id}"):
            root = account.split("/")[0]
            if unit == "ZAR" and root in settled:
                settled[root] -= amount
    assert (given, free, held) == (twin.credit_units(), 200, 0)
    assert 10_000 - owed == settled["debt"] == 6_000
    assert sum(settled.values()) == 20_000
    assert settled["kept"] == kept == vend.carried_minor

    # The content: the same lines, and tiers counted on what is bought and not on what is free.
    order = sale.content["orders"][0]
    lines = {line["id"]: line for line in order["lines"]}
    assert sum(line["amount_minor"] for line in order["lines"]) == 20_000
    parts = lines["energy"]["parts"]
    assert [part[2] for part in parts[:2]] == ["2", "2.5"]
    assert float(parts[0][0]) == 30
    assert sum(float(part[0]) for part in parts) * 10 == vend.units
    assert order["carries"] == [change.vends[0].order_id]
    assert order["free_units"] == 200
    assert content_hash(sale.content) == sale.content_hash

    # The log: every part under its own id, with the units of its token, bound to this content.
    answers = counter.module.replay([vend.order_id, *_later_parts(counter, vend.order_id)])
    logged = [answer for answer in answers if isinstance(answer, Issued)]
    assert [(answer.tokens, answer.units) for answer in logged] == [
        ((token.digits,), token.units) for token in vend.tokens
    ]

    # Seen under its new key, the meter buys on without the set.
    actor = counter.actor("engineer")
    with counter.shop.db.writing() as session:
        key_changes.confirm(
            session, counter.clock, actor, change.vends[0].order_id, seen_by="display", krn=twin.state.krn
        )
    again = counter.sell(VendOrder(str(uuid.uuid4()), meter, money_minor=5_000))
    assert [token.kind for _vend, token in again.tokens] == ["credit"]
    assert twin.enter(again.tokens[0][1].digits).accepted
    with counter.shop.db.reading() as session:
        report = run(session.connection(), now=counter.clock.now())
    assert [fault for result in report.results for fault in result.faults] == []


def _later_parts(counter: Counter, order_id: str) -> list[str]:
    return [part_id(order_id, 2)]
