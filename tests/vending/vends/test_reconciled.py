"""Whatever the product does, its four records agree afterwards: every kind of order, act and reversal with the real module."""

from __future__ import annotations

import uuid

from counter import Counter

from vending.access import approvals
from vending.auditor import records
from vending.auditor.reconciliation import Log, Reconciled, Window, reconcile
from vending.estate import meters as estate_meters
from vending.vends import key_changes, reversing
from vending.vends import service as vends
from vending.vends.acting import Wanted
from vending.vends.plan import VendOrder
from vending.vends.requests import part_id


def look(counter: Counter) -> Reconciled:
    status = counter.module.status()

    def fetch(first: int, limit: int) -> list[bytes]:
        return [entry.leaf_data.encode() for entry in counter.module.entries(first, limit)]

    log = Log(
        status.log,
        status.now,
        lambda since, until: records.log_of_module(fetch, status.sequence, 64, since, until),
    )
    with counter.shop.db.reading() as session:
        return reconcile(session.connection(), log, now=counter.clock.now(), window=Window())


def test_every_kind_of_order_act_and_reversal_agrees(counter: Counter) -> None:
    shop = counter.shop
    meter = shop.meter("G-03")
    with shop.db.writing() as session:
        estate_meters.set_token_limit(
            session, shop.clock, counter.actor("manager"), meter, 400, reason="register holds no more"
        )
    bought = counter.sell(
        VendOrder(str(uuid.uuid4()), meter, money_minor=30_000),  # several tokens
        VendOrder(str(uuid.uuid4()), meter, kind="charge", charge="parking"),
    )
    assert len(bought.tokens) > 1
    counter.pass_(minutes=3)
    counter.sell(VendOrder(str(uuid.uuid4()), meter, kind="account", money_minor=10_000))
    counter.act("supervisor", Wanted("free-issue", meter, "The meter was changed", units=120))
    counter.act("engineer", Wanted("engineering", meter, "Lid opened for work", action="clear-tamper"))
    counter.pass_(minutes=3)

    # Cancelled before it was issued (A), and taken back with proof (B).
    order = shop.order("G-05", 20_000)
    (key,) = vends.place(shop.db, shop.clock, counter.module, [shop.basket(order)])
    assert isinstance(key, str)
    told = {"why": "wrong-meter", "reason": "Sold to the neighbour's meter"}
    reversing.reverse(
        shop.db,
        shop.clock,
        counter.module,
        counter.actor("supervisor"),
        str(uuid.uuid4()),
        order.order_id,
        **told,
    )
    late = counter.sell(shop.order("G-05", 30_000)).vends[0]
    counter.pass_(minutes=5)
    change = counter.act(
        "engineer", Wanted("key-change", late.meter_key, "To revision 2", to={"krn": 2}, rollover=True)
    )
    with shop.db.writing() as session:
        key_changes.confirm(
            session, shop.clock, counter.actor("engineer"), change.vends[0].order_id, seen_by="reading", krn=2
        )
    reversing.reverse(
        shop.db,
        shop.clock,
        counter.module,
        counter.actor("supervisor"),
        str(uuid.uuid4()),
        late.order_id,
        **told,
    )
    # And one that two people book as a loss (C).
    lost = counter.sell(shop.order("G-06", 40_000)).vends[0]
    asked = reversing.reverse(
        shop.db,
        shop.clock,
        counter.module,
        counter.actor("supervisor"),
        str(uuid.uuid4()),
        lost.order_id,
        **told,
    )
    assert asked.approval_key
    approvals.decide(
        shop.db, shop.clock, counter.vault, counter.signed("manager"), asked.approval_key, yes=True
    )
    reversing.carry_out(shop.db, shop.clock, counter.vault, counter.actor("supervisor"), asked.approval_key)

    found = look(counter)
    assert [one.sentence for one in found.differences] == []
    assert all(sums.agree for sums in found.sums.values())
    assert sum(sums.log_units for sums in found.sums.values()) > 0


def test_refused_tokens_agree_too(counter: Counter) -> None:
    """The module refuses the second token: the first stays, the money of the others is kept."""
    shop = counter.shop
    meter = shop.meter("G-03")
    with shop.db.writing() as session:
        estate_meters.set_token_limit(
            session, shop.clock, counter.actor("manager"), meter, 400, reason="register holds no more"
        )
    basket = shop.basket(VendOrder(str(uuid.uuid4()), meter, money_minor=30_000))
    (key,) = vends.place(shop.db, shop.clock, counter.module, [basket])
    assert isinstance(key, str)
    counter.module.cancel([part_id(basket.orders[0].order_id, 2)])
    vends.complete(shop.db, shop.clock, counter.module, [basket.orders[0].order_id])
    assert counter.sale(key).vends[0].state == "partly"
    found = look(counter)
    assert [one.sentence for one in found.differences] == []
    assert all(sums.agree for sums in found.sums.values())
