"""A sale is taken back only with evidence (I-14): never issued, proved by the meter, or agreed to by two people (T-21)."""

from __future__ import annotations

import threading
import uuid

import pytest
import sqlalchemy as sa
from counter import Counter

from vending.access import approvals
from vending.access.errors import ApprovalRefused
from vending.access.policy import SYSTEM
from vending.auditor.report import run
from vending.errors import NotAllowed, VendingError
from vending.estate import meters as estate_meters
from vending.estate import queries as estate
from vending.ledger import queries as ledger
from vending.ledger import service as books
from vending.ledger.entries import transfer
from vending.vends import facts, key_changes, queries, reversing
from vending.vends import service as vends
from vending.vends.acting import Wanted
from vending.vends.errors import KeyWasRefunded, ReversalUnfit
from vending.vends.plan import VendOrder


def new_id() -> str:
    return str(uuid.uuid4())


def audited(counter: Counter) -> list[str]:
    with counter.shop.db.reading() as session:
        report = run(session.connection(), now=counter.clock.now())
    return [fault for result in report.results for fault in result.faults]


def balance(counter: Counter, account: str, unit: str = "ZAR") -> int:
    with counter.shop.db.reading() as session:
        return ledger.balance(session, account, unit)


def placed(counter: Counter, *orders: VendOrder) -> str:
    """Money taken, module not asked yet."""
    basket = counter.shop.basket(*orders)
    (key,) = vends.place(counter.shop.db, counter.clock, counter.module, [basket])
    assert isinstance(key, str), key
    return key


def reverse(
    counter: Counter, order: str, reversal: str = "", *, role: str = "supervisor", **more: str
) -> reversing.ReversalView:
    told = {"why": "wrong-meter", "reason": "Sold to the neighbour's meter", **more}
    return reversing.reverse(
        counter.shop.db,
        counter.clock,
        counter.module,
        counter.actor(role),
        reversal or new_id(),
        order,
        **told,  # type: ignore[arg-type]
    )


def agree(counter: Counter, view: reversing.ReversalView, role: str = "manager") -> reversing.ReversalView:
    assert view.approval_key
    approvals.decide(
        counter.shop.db, counter.clock, counter.vault, counter.signed(role), view.approval_key, yes=True
    )
    return reversing.carry_out(
        counter.shop.db, counter.clock, counter.vault, counter.actor("supervisor"), view.approval_key
    )


def units_this_month(counter: Counter, unit: str) -> int:
    with counter.shop.db.reading() as session:
        site = estate.one_site(session, counter.shop.site)
        known = facts.gather(session, counter.clock, counter.shop.meter(unit), site, spent=facts.Spent())
    return known.situation.units_before


def test_before_the_token_was_made_the_order_is_cancelled_and_the_money_kept(counter: Counter) -> None:
    order = counter.shop.order("G-03", 50_000)
    key = placed(counter, order)
    done = reverse(counter, order.order_id)
    assert (done.way, done.state, done.credit_note) == ("cancelled", "done", "CN-000001")
    tenant = counter.sale(key).vends[0].tenant_key
    assert balance(counter, f"kept/{tenant}") == done.amount_minor == 50_000
    vends.complete(counter.shop.db, counter.clock, counter.module, [order.order_id])
    assert counter.sale(key).state == "cancelled"
    assert counter.sale(key).tokens == ()
    assert audited(counter) == []


def test_the_meter_seen_under_another_key_proves_that_the_token_is_dead(counter: Counter) -> None:
    """B: and from then on the meter never returns to the key of the refunded token (rules.md 3)."""
    sale = counter.sell(counter.shop.order("G-03", 50_000))
    bought = sale.vends[0]
    assert units_this_month(counter, "G-03") == bought.units
    before = balance(counter, "sales/electricity")
    counter.pass_(minutes=5)
    change = counter.act(
        "engineer",
        Wanted("key-change", bought.meter_key, "Meter moves to revision 2", to={"krn": 2}, rollover=True),
    )
    waiting = reverse(counter, bought.order_id)
    assert (waiting.way, waiting.state) == ("agreed", "asked"), "released is not seen"
    reversing.withdraw(counter.shop.db, counter.clock, counter.actor("supervisor"), waiting.order_id)
    engineer = counter.actor("engineer")
    with counter.shop.db.writing() as session:
        key_changes.confirm(
            session, counter.clock, engineer, change.vends[0].order_id, seen_by="reading", krn=2
        )
    asked = reverse(counter, bought.order_id, why="not-accepted")
    # The key shows that the token is dead from now on, and not that it was not used before: one person gives nothing back.
    assert (asked.way, asked.state, asked.amount_minor) == ("proved", "asked", 50_000)
    assert balance(counter, f"kept/{bought.tenant_key}") == bought.carried_minor
    done = agree(counter, asked)
    assert (done.way, done.state, done.amount_minor) == ("proved", "done", 50_000)
    assert done.evidence["proof"]["seen under"][4] == 2
    assert balance(counter, "sales/electricity") < before
    assert balance(counter, f"kept/{bought.tenant_key}") == 50_000
    assert balance(counter, f"energy/meter/{bought.meter_key}", "electricity") == 0
    assert balance(counter, "energy/returned/electricity", "electricity") == -bought.units
    assert units_this_month(counter, "G-03") == 0
    with pytest.raises(KeyWasRefunded):
        counter.ask("engineer", Wanted("key-change", bought.meter_key, "Back again", to={"krn": 1}))
    again = counter.sell(counter.shop.order("G-03", 10_000))
    assert again.vends[0].units > 0
    assert audited(counter) == []


@pytest.mark.parametrize("book_as", ["loss", "debt"])
def test_without_proof_two_people_book_a_loss_or_a_debt(counter: Counter, book_as: str) -> None:
    sale = counter.sell(counter.shop.order("G-03", 50_000))
    bought = sale.vends[0]
    asked = reverse(counter, bought.order_id, book_as=book_as)
    assert (asked.way, asked.state, asked.credit_note) == ("agreed", "asked", None)
    assert balance(counter, f"kept/{bought.tenant_key}") == bought.carried_minor
    with pytest.raises(ApprovalRefused):
        reversing.carry_out(
            counter.shop.db,
            counter.clock,
            counter.vault,
            counter.actor("supervisor"),
            asked.approval_key or "",
        )
    with pytest.raises(ApprovalRefused):
        agree(counter, asked, role="supervisor")  # T-22: who asked is not the second person
    done = agree(counter, asked)
    assert (done.state, done.amount_minor) == ("done", 50_000 - bought.carried_minor)
    against = "loss/reversals" if book_as == "loss" else f"debt/{bought.tenant_key}/reversal"
    assert balance(counter, against) == done.amount_minor
    assert balance(counter, f"kept/{bought.tenant_key}") == 50_000
    assert balance(counter, f"energy/meter/{bought.meter_key}", "electricity") == bought.units
    assert counter.sale(sale.key).state == "reversed"
    once = reversing.carry_out(
        counter.shop.db, counter.clock, counter.vault, counter.actor("supervisor"), asked.approval_key or ""
    )
    assert once.credit_note == done.credit_note
    with pytest.raises(ReversalUnfit):
        reverse(counter, bought.order_id)
    assert audited(counter) == []


def test_the_right_customer_gets_the_money_of_the_wrong_meter(counter: Counter) -> None:
    sale = counter.sell(counter.shop.order("G-03", 50_000))
    with counter.shop.db.reading() as session:
        right = estate.one_meter(session, counter.clock, counter.shop.meter("G-05")).tenant
    assert right is not None
    done = agree(counter, reverse(counter, sale.vends[0].order_id, pays_tenant=right.key))
    assert balance(counter, f"kept/{right.key}") == done.amount_minor
    assert balance(counter, f"kept/{sale.vends[0].tenant_key}") == sale.vends[0].carried_minor
    paid = counter.sell(VendOrder(new_id(), counter.shop.meter("G-05"), money_minor=10))
    assert paid.vends[0].units > 0
    assert audited(counter) == []


def test_debts_that_the_sale_recovered_stay_paid_without_proof(counter: Counter) -> None:
    sale = counter.sell(counter.shop.order("G-04", 50_000))
    bought = sale.vends[0]
    owed = balance(counter, f"debt/{bought.tenant_key}/last-year")
    recovered = 128_460 - owed
    assert recovered > 0
    asked = reverse(counter, bought.order_id)
    assert asked.amount_minor == 50_000 - recovered - bought.carried_minor
    agree(counter, asked)
    assert balance(counter, f"debt/{bought.tenant_key}/last-year") == owed
    assert audited(counter) == []


def test_a_charge_is_taken_back_as_its_entry(counter: Counter) -> None:
    order = VendOrder(new_id(), counter.shop.meter("G-03"), kind="charge", charge="parking")
    sale = counter.sell(order)
    asked = reverse(counter, order.order_id, why="wrong-amount")
    assert asked.book_as == "entry"
    agree(counter, asked)
    assert (balance(counter, "fees/parking"), balance(counter, "tax/vat")) == (0, 0)
    assert balance(counter, f"kept/{sale.vends[0].tenant_key}") == 69_000
    assert audited(counter) == []


def test_a_top_up_that_was_spent_is_not_taken_back(counter: Counter) -> None:
    with counter.shop.db.reading() as session:
        tenant = estate.one_meter(session, counter.clock, counter.shop.meter("G-03")).tenant
    assert tenant is not None
    order = VendOrder(new_id(), tenant=tenant.key, kind="account", money_minor=10_000)
    counter.sell(order)
    asked = reverse(counter, order.order_id)
    with counter.shop.db.writing() as session:
        spent = transfer(
            "bill", "bill/1", "ZAR", 4_000, debited=f"customer/{tenant.key}", credited="sales/billed"
        )
        books.post(session, counter.clock, [spent])
    with pytest.raises(VendingError):
        agree(counter, asked)
    assert balance(counter, f"customer/{tenant.key}") == 6_000
    assert reversing.find(counter.shop.db, asked.order_id).state == "asked"  # type: ignore[union-attr]
    assert audited(counter) == []


def test_who_may_not_ask_and_what_has_no_money_are_refused(counter: Counter) -> None:
    sale = counter.sell(counter.shop.order("G-03", 50_000))
    with pytest.raises(NotAllowed):
        reverse(counter, sale.vends[0].order_id, role="engineer")
    free = counter.act(
        "supervisor", Wanted("free-issue", counter.shop.meter("G-03"), "Our own fault", units=10)
    )
    with pytest.raises(ReversalUnfit):
        reverse(counter, free.vends[0].order_id)
    with pytest.raises(ReversalUnfit):
        reverse(counter, sale.vends[0].order_id, reason="no")


def test_the_same_reversal_twice_is_one_and_a_second_one_is_refused(counter: Counter) -> None:
    sale = counter.sell(counter.shop.order("G-03", 50_000))
    name = new_id()
    first = reverse(counter, sale.vends[0].order_id, name)
    assert reverse(counter, sale.vends[0].order_id, name) == first
    with pytest.raises(ReversalUnfit):
        reverse(counter, sale.vends[0].order_id)


@pytest.mark.parametrize("round_", range(4))
def test_a_reversal_and_a_completion_that_race_leave_one_truth(counter: Counter, round_: int) -> None:
    """T-21: either the token came and the money is not back, or the money is back and the token can never come."""
    orders = [counter.shop.order(unit, 20_000) for unit in ("G-03", "G-05")]
    key = placed(counter, *orders)
    gate, lock = threading.Barrier(3), threading.Lock()
    said: list[object] = []

    class OneAtATime:
        """The module's socket takes one message at a time."""

        def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
            def call(*told: object) -> object:
                with lock:
                    return getattr(counter.module, name)(*told)

            return call

    module = OneAtATime()
    actor = counter.actor("supervisor")

    def complete() -> None:
        gate.wait()
        vends.complete(counter.shop.db, counter.clock, module, [one.order_id for one in orders])  # type: ignore[arg-type]

    def take_back(order: str) -> None:
        gate.wait()
        try:
            said.append(
                reversing.reverse(
                    counter.shop.db, counter.clock, module, actor, new_id(), order,  # type: ignore[arg-type]
                    why="wrong-meter", reason="raced with the worker",
                )
            )  # fmt: skip
        except VendingError as refused:
            said.append(refused)

    threads = [threading.Thread(target=complete)]
    threads += [threading.Thread(target=take_back, args=(one.order_id,)) for one in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(said) == 2
    vends.complete(counter.shop.db, counter.clock, counter.module, [one.order_id for one in orders])
    sale = counter.sale(key)
    for vend in sale.vends:
        kept = balance(counter, f"kept/{vend.tenant_key}")
        if vend.state in ("cancelled", "refused"):
            assert vend.tokens == ()
            assert kept == vend.paid_minor
        else:
            assert vend.state == "issued"
            assert len(vend.tokens) == 1
            assert kept == vend.carried_minor
    assert audited(counter) == []


def test_two_reversals_of_one_order_at_once_give_the_money_back_once(counter: Counter) -> None:
    sale = counter.sell(counter.shop.order("G-03", 50_000))
    bought = sale.vends[0]
    counter.pass_(minutes=5)
    with counter.shop.db.writing() as session:
        estate_meters.change_key_data(
            session,
            counter.clock,
            SYSTEM,
            bought.meter_key,
            {"krn": 2},
            evidence="read on the line",
            reason="moved",
        )
    actor = counter.actor("supervisor")
    gate = threading.Barrier(4)
    asked: list[reversing.ReversalView | None] = []

    def take_back() -> None:
        gate.wait()
        try:
            asked.append(
                reversing.reverse(
                    counter.shop.db, counter.clock, counter.module, actor, new_id(), bought.order_id,
                    why="not-accepted", reason="the meter has another key",
                )
            )  # fmt: skip
        except (VendingError, sa.exc.IntegrityError):
            asked.append(None)

    threads = [threading.Thread(target=take_back) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (one,) = [view for view in asked if view is not None]
    agree(counter, one)
    assert balance(counter, f"kept/{bought.tenant_key}") == 50_000
    with counter.shop.db.reading() as session:
        assert len(reversing.of_orders(session, [bought.order_id])) == 1
        assert queries.one_sale(session, sale.key).state == "reversed"
    assert audited(counter) == []
