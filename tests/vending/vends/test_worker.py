"""What goes on behind the pages: each step alone, on both engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from shop import Shop

from vending import audit, certificates, jobs, nightly, outbox, reactions
from vending.access.site_secret import SiteSecret
from vending.ledger.tables import LedgerSnapshot
from vending.receipts.tables import ReceiptAround
from vending.services import Services
from vending.settings import Settings
from vending.vends import drafts
from vending.vends import service as vends
from vending.worker import QUIET_S, Worker


def worker_of(shop: Shop, folder: Path) -> Worker:
    services = Services(
        settings=Settings(var=folder),
        clock=shop.clock,
        db=shop.db,
        module=shop.module,  # type: ignore[arg-type]
        vault=SiteSecret.of_folder(folder),
        sales=None,  # type: ignore[arg-type] — the worker sells nothing
        quotes=None,  # type: ignore[arg-type] — nor quotes
    )
    return Worker(services)


def test_it_finishes_open_orders_delivers_messages_and_chains_the_trail(shop: Shop, tmp_path: Path) -> None:
    shop.module.lose_answer = True
    (outcome,) = shop.sell(shop.basket(shop.order("G-03", 50_000)))
    assert isinstance(outcome, vends.SaleOutcome)
    shop.module.lose_answer = False
    worker = worker_of(shop, tmp_path)
    assert worker.recover(timedelta()) == 1
    assert worker.recover(timedelta()) == 0
    assert worker.deliver() > 0
    assert worker.deliver() == 0
    worker.chain()
    with shop.db.reading() as session:
        assert outbox.list_dead(session) == []
        last = session.scalars(sa.select(sa.func.max(audit.AuditBatch.last_entry))).one()
        assert last == session.scalars(sa.select(sa.func.max(audit.AuditEntry.id))).one()


def test_messages_of_sales_are_worked_on_together_and_one_that_fails_fails_alone(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = worker_of(shop, tmp_path)
    worker.deliver()
    shop.sell(*[shop.basket(shop.order("G-05", 2_000)) for _ in range(4)])
    with shop.db.writing() as session:
        outbox.emit(session, shop.clock, "vend issued", {"sale": "never made", "order_id": "never made"})
    groups: list[int] = []
    react = reactions.react

    def counted(services: Services, messages: Sequence[outbox.Message]) -> None:
        groups.append(len(messages))
        react(services, messages)

    monkeypatch.setattr(reactions, "react", counted)
    assert worker.deliver() == 5
    assert groups == [5, 1, 1, 1, 1, 1]
    with shop.db.reading() as session:
        (waiting,) = jobs.list_jobs(session, state=jobs.WAITING)
        assert "never made" in waiting.about
        assert waiting.tries == 1
        assert session.scalar(sa.select(sa.func.count()).select_from(ReceiptAround)) == 4


def test_jobs_give_way_to_tills_that_sell(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_s, rested = 0.0, []
    worker = Worker(worker_of(shop, tmp_path)._services, tills=lambda: quiet_s)
    monkeypatch.setattr(worker._stop, "wait", rested.append)
    assert worker.deliver() > 0
    assert rested
    assert min(rested) > 0
    rested.clear()
    quiet_s = QUIET_S
    shop.sell(shop.basket(shop.order("G-05", 2_000)))
    assert worker.deliver() > 0
    assert rested == []


def test_it_sums_up_balances_and_drops_baskets_that_nobody_came_back_to(shop: Shop, tmp_path: Path) -> None:
    for number in range(2):
        shop.sell(*[shop.basket(shop.order("G-05", 2_000)) for _ in range(64 * (2 + number))])
    with shop.db.writing() as session:
        drafts.save(session, shop.clock, drafts.DraftBasket("old", "N1", "somebody"))
    shop.clock.advance(timedelta(days=3))
    with shop.db.writing() as session:
        drafts.save(session, shop.clock, drafts.DraftBasket("new", "N1", "somebody"))
    worker_of(shop, tmp_path).tidy()
    with shop.db.reading() as session:
        assert drafts.find(session, "old") is None
        assert drafts.find(session, "new") is not None
        assert session.scalar(sa.select(sa.func.count()).select_from(LedgerSnapshot)) > 0


def test_it_renews_the_certificate_of_the_pages_a_month_before_its_end(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    first = certificates.make(folder, ["till.mall.local"], shop.clock.now())
    worker = worker_of(shop, tmp_path)
    worker.renew_certificate()
    assert certificates.look(folder / "server.pem") == first
    shop.clock.advance(timedelta(days=certificates.SERVER_DAYS - 20))
    worker.renew_certificate()
    assert certificates.look(folder / "server.pem").expires_at > first.expires_at + timedelta(days=300)


def test_by_night_it_checks_the_books_and_the_trail_says_what_that_found(shop: Shop, tmp_path: Path) -> None:
    shop.sell(shop.basket(shop.order("G-03", 50_000)))
    settings = Settings(var=tmp_path, database_url=shop.db.url.render_as_string(hide_password=False))
    services = replace(worker_of(shop, tmp_path)._services, settings=settings)
    worker = Worker(services)
    assert worker.ask() == []
    shop.clock.advance(timedelta(days=1))
    assert worker.ask() == ["check the books", "match log, books and receipts"]
    assert worker.ask() == []
    worker.deliver()
    worker.close()
    with shop.db.reading() as session:
        assert jobs.list_jobs(session, state=jobs.DEAD) == []
        # The other one waits to be tried again: the stand-in for the module keeps no log to match.
        assert jobs.count(session, shop.clock).waiting == 1
        found = nightly.last_check(session)
    assert found is not None
    assert found[0] == shop.clock.now()
