"""Nothing is sold while the database and the module's log do not fit; missing orders come in by name, once."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from desk_cast import actors
from shop import Shop

from keystore.module import CreditRequest, MeterKeying
from vending import audit
from vending.auditor import report
from vending.estate import queries as estate
from vending.ledger import queries as ledger
from vending.receipts import service as receipts
from vending.vends import adopted_money, adopting, desk, log_fence
from vending.vends import service as vends
from vending.vends.errors import ModuleNotReady
from vending.vends.log_fence import LogFence
from vending.vends.tables import LogMark, Sale, Token, Vend


@pytest.fixture
def fence(shop: Shop) -> LogFence:
    return LogFence(shop.module, shop.db, shop.clock)  # type: ignore[arg-type] — the fake has the verbs that a seller uses


def sell(shop: Shop, fence: LogFence, unit: str = "G-03") -> vends.SaleOutcome | Exception:
    (outcome,) = vends.sell(shop.db, shop.clock, fence, [shop.basket(shop.order(unit, 50_000))])
    return outcome


def issue_past_the_database(shop: Shop, unit: str = "G-03") -> str:
    """What a restored database looks like from inside: the module has an order that is not here."""
    with shop.db.reading() as session:
        meter = estate.one_meter(session, shop.clock, shop.meter(unit))
    order = str(uuid.uuid4())
    keying = MeterKeying(meter.pan, "11", "02", "04", "600727", 1, "01", 2, 255, 2014)
    shop.module.issue([CreditRequest(order, keying, "electricity", 0, 123, "small", "0" * 64)])
    return order


def papers(shop: Shop) -> int:
    """Every sale's paper, made: a customer who comes with an adopted token gets one as well. How many there were."""
    with shop.db.reading() as session:
        keys = session.scalars(sa.select(Sale.key)).all()
    return sum(bool(receipts.make_pdf(shop.db, shop.clock, key, "a5", test=True).data) for key in keys)


def clean(shop: Shop) -> list[str]:
    with shop.db.reading() as session:
        found = report.run(session.connection(), now=datetime.now(UTC))
    return [fault for result in found.results for fault in result.faults]


def test_sales_go_on_while_both_fit_and_the_mark_follows(shop: Shop, fence: LogFence) -> None:
    assert isinstance(sell(shop, fence), vends.SaleOutcome)
    found = fence.follow()
    assert found is not None
    assert not found.reason
    with shop.db.reading() as session:
        mark = session.scalars(sa.select(LogMark)).one()
        assert (mark.checked_to, mark.head_size) == (shop.module.size, shop.module.size)
    asked = shop.module.messages
    assert fence.follow() is None, "nothing new, nothing asked"
    assert shop.module.messages == asked + 1


def test_an_order_that_the_database_does_not_know_closes_sales_before_money_moves(
    shop: Shop, fence: LogFence
) -> None:
    sell(shop, fence)
    order = issue_past_the_database(shop)
    late = LogFence(shop.module, shop.db, shop.clock)  # type: ignore[arg-type] — as above
    refused = sell(shop, late)
    assert isinstance(refused, ModuleNotReady)
    assert "reconcile --adopt" in refused.sentence
    found = log_fence.look(shop.db, late, shop.module.status())
    assert [entry.order_id for entry in found.missing] == [order]
    with shop.db.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Vend)) == 1


def test_missing_orders_are_adopted_by_name_once_and_the_books_stay_clean(shop: Shop) -> None:
    for unit in ("G-03", "G-05"):
        issue_past_the_database(shop, unit)
    shop.module.cancel([str(uuid.uuid4())])
    fence = LogFence(shop.module, shop.db, shop.clock)  # type: ignore[arg-type] — as above
    assert fence.status().state == log_fence.CLOSED
    found = log_fence.look(shop.db, fence, shop.module.status())
    adopted = adopting.adopt(shop.db, shop.clock, fence, found.missing, actor=audit.SYSTEM)
    assert [each.unit for each in adopted] == ["G-03", "G-05"]
    assert all(each.tenant for each in adopted)
    assert [each.receipt for each in adopted] == ["ADOPTED-000001", "ADOPTED-000002"]
    assert adopting.adopt(shop.db, shop.clock, fence, found.missing, actor=audit.SYSTEM) == []
    with shop.db.reading() as session:
        assert session.scalars(sa.select(Token.units).order_by(Token.id)).all() == [123, 123]
    assert clean(shop) == []
    shop.clock.advance(timedelta(seconds=3))
    assert isinstance(sell(shop, fence), vends.SaleOutcome), "it opens without a restart"
    assert clean(shop) == []


def test_what_an_adopted_order_is_worth_waits_in_suspense_until_its_paper_is_found(shop: Shop) -> None:
    """It was paid before the module gave its token: the money lies somewhere, and the books say so by name."""
    orders = [issue_past_the_database(shop, unit) for unit in ("G-03", "G-05", "G-03")]
    found = log_fence.look(shop.db, shop.module, shop.module.status())  # type: ignore[arg-type] — as above
    taken_in = adopting.adopt(shop.db, shop.clock, shop.module, found.missing, actor=audit.SYSTEM)  # type: ignore[arg-type] — as above
    first, second, third = [each.worth_minor for each in taken_in]
    assert min(first, second, third) > 0

    def balance(account: str) -> int:
        with shop.db.reading() as session:
            return ledger.balance(session, account, "ZAR")

    def waiting() -> list[tuple[str, str, int]]:
        with shop.db.reading() as session:
            sites = estate.list_sites(session)
            told = adopted_money.list_waiting(session, shop.clock, sites)
            unclaimed = {one.account for one in desk.list_unclaimed(session, shop.site, "ZAR")}
        assert unclaimed == {f"suspense/{one.order_id}" for one in told}
        return [(one.receipt, one.unit, one.worth_minor) for one in told]

    def book(receipt: str, paid: int, account: str) -> None:
        with shop.db.writing() as session:
            adopted_money.found(
                session,
                shop.clock,
                audit.SYSTEM,
                receipt,
                paid_minor=paid,
                account=account,
                evidence="Paper N1-000017",
            )

    assert waiting() == [
        ("ADOPTED-000001", "G-03", first), ("ADOPTED-000002", "G-05", second), ("ADOPTED-000003", "G-03", third),
    ]  # fmt: skip
    assert balance("sales/electricity") == 0, "nothing is income before it is found"
    # Its owner has the energy already, so nobody is given this money.
    actor = actors(shop)["amina"]
    with shop.db.reading() as session:
        tenant = estate.one_meter(session, shop.clock, shop.meter("G-03")).tenant
    assert tenant is not None
    with pytest.raises(desk.RefundUnfit, match="taken in after a restore"):
        desk.attribute(
            shop.db, shop.clock, actor, site=shop.site, account=f"suspense/{orders[0]}", tenant=tenant.key,
            amount_minor=100, currency="ZAR", reason="It is his", evidence="He says so",
        )  # fmt: skip
    # The paper says that more was paid than the tariff asks for; the second never turns up.
    book("adopted-000001", first + 250, "bank/main")
    book("ADOPTED-000002", second, "loss/adopted")
    assert waiting() == [("ADOPTED-000003", "G-03", third)]
    assert (balance("bank/main"), balance("loss/adopted")) == (first + 250, second)
    taxes = balance("tax/vat")
    assert balance("sales/electricity") + taxes == first + 250 + second
    assert taxes > 0
    with pytest.raises(adopted_money.AdoptedUnfit, match="Nothing waits"):
        book("ADOPTED-000001", first, "bank/main")
    with pytest.raises(adopted_money.AdoptedUnfit, match="where the money is"):
        book("ADOPTED-000003", third, "customer/somebody")
    assert clean(shop) == []


def test_a_meter_that_this_database_does_not_know_is_adopted_under_its_commitment(shop: Shop) -> None:
    order = str(uuid.uuid4())
    keying = MeterKeying("600727000000000009", "11", "02", "04", "600727", 1, "01", 2, 255, 2014)
    shop.module.issue([CreditRequest(order, keying, "electricity", 0, 50, "small", "0" * 64)])
    found = log_fence.look(shop.db, shop.module, shop.module.status())  # type: ignore[arg-type] — as above
    (adopted,) = adopting.adopt(shop.db, shop.clock, shop.module, found.missing, actor=audit.SYSTEM)  # type: ignore[arg-type] — as above
    assert adopted.pan.startswith("?")
    assert adopted.tenant == ""
    assert clean(shop) == []
    assert papers(shop) == 1


def test_a_free_issue_stays_free_and_each_adopted_order_has_its_paper(shop: Shop) -> None:
    issue_past_the_database(shop)
    entry = log_fence.look(shop.db, shop.module, shop.module.status()).missing[0]  # type: ignore[arg-type] — as above
    adopting.adopt(
        shop.db, shop.clock, shop.module, [replace(entry, free=True, act_id="act-1")], actor=audit.SYSTEM
    )  # type: ignore[arg-type] — as above
    with shop.db.reading() as session:
        assert session.execute(sa.select(Vend.kind, Vend.units, Vend.free_units)).all() == [
            ("free-issue", 0, 123)
        ]
    assert clean(shop) == []
    assert papers(shop) == 1


def test_a_log_that_is_an_older_copy_is_shown_its_own_head_and_refuses(shop: Shop, fence: LogFence) -> None:
    sell(shop, fence)
    sell(shop, fence)
    fence.follow()
    last = list(shop.module.log)[-1]
    del shop.module.log[last]  # yesterday's copy of the log
    late = LogFence(shop.module, shop.db, shop.clock)  # type: ignore[arg-type] — as above
    refused = sell(shop, late)
    assert isinstance(refused, ModuleNotReady)
    assert "older copy" in refused.sentence


@pytest.mark.parametrize("followed", [True, False], ids=["followed before", "never looked at before"])
def test_after_a_restore_of_the_log_two_people_fast_forward_before_anything_is_sold(
    shop: Shop, fence: LogFence, followed: bool
) -> None:
    sell(shop, fence)
    if followed:
        fence.follow()
    with shop.db.writing() as session:
        log_fence.mark_restored(session, shop.clock, shop.module.size)
    late = LogFence(shop.module, shop.db, shop.clock)  # type: ignore[arg-type] — as above
    refused = sell(shop, late)
    assert isinstance(refused, ModuleNotReady)
    assert "fast-forward" in refused.sentence
    shop.module.acts.append(("act", {"act": "fast-forward", "lost_size": 1}))
    shop.clock.advance(timedelta(seconds=3))
    assert isinstance(sell(shop, late), vends.SaleOutcome)
    late.follow()
    again = LogFence(shop.module, shop.db, shop.clock)  # type: ignore[arg-type] — as above
    assert again.status().state == "ready"
