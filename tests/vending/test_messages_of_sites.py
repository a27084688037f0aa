"""T-16 for what runs behind: failed messages of another site are neither seen nor sent again by a manager of one."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from estate_cast import lay
from shop import Shop
from web_app import open_app, post, sign_in

from vending import jobs, nightly, outbox, reactions
from vending.access import people
from vending.access.policy import EVERYWHERE, SYSTEM
from vending.analytics import messages
from vending.vends import service as vends
from vending.web.manager.jobs import event_name


def dead(shop: Shop, event: str, **payload: str) -> int:
    """A message that failed for good."""
    with shop.db.writing() as session:
        outbox.emit(session, shop.clock, event, dict(payload))
        number = int(session.execute(sa.text("SELECT max(id) FROM outbox")).scalar_one())
        session.execute(
            sa.text("UPDATE outbox SET dead_at = due_at, tries = 12 WHERE id = :id"), {"id": number}
        )
    return number


@pytest.fixture
def two(shop: Shop) -> tuple[str, dict[str, int], dict[str, int]]:
    """(the other site, its dead messages, ours), and one that belongs to no site."""
    ground = lay(shop.db, shop.clock, "Elsewhere")
    sold = []
    for minor in (20_000, 30_000):
        (outcome,) = shop.sell(shop.basket(shop.order("G-03", minor)))
        assert isinstance(outcome, vends.SaleOutcome)
        sold.append(outcome.sale)
    here, there = sold
    with shop.db.writing() as session:
        session.execute(
            sa.text("UPDATE sale SET site_key = :site WHERE key = :key"),
            {"site": ground.site, "key": there.key},
        )
        session.execute(
            sa.text(
                "INSERT INTO notice (key, sale_key, channel, recipient, state, tries, reference, error, asked_at, changed_at)"
                " SELECT 'n-' || key, key, 'sms', '082', 'waiting', 0, '', '', sold_at, sold_at FROM sale"
            )
        )
        session.execute(sa.text("DELETE FROM outbox"))

    def of(sale: str, order: str) -> dict[str, int]:
        return {
            "sale": dead(shop, "vend issued", sale=sale),
            "order": dead(shop, "vend reversed", order_id=order),
            "notice": dead(shop, "notice asked for", notice=f"n-{sale}"),
        }

    theirs, ours = of(there.key, there.vends[0].order_id), of(here.key, here.vends[0].order_id)
    dead(shop, "tariff published", code="x", version="1")
    dead(shop, "shift closed", shift="no-such-shift")
    return ground.site, theirs, ours


def test_each_message_belongs_to_the_site_of_its_thing(
    shop: Shop, two: tuple[str, dict[str, int], dict[str, int]]
) -> None:
    other, theirs, ours = two
    with shop.db.reading() as session:
        for site, wanted in ((shop.site, ours), (other, theirs)):
            only = messages.of_sites(session, {site})
            assert {one.id for one in jobs.list_jobs(session, state=jobs.DEAD, only=only)} == set(
                wanted.values()
            )
            assert jobs.count(session, shop.clock, only=only).dead == 3
        assert messages.of_sites(session, {EVERYWHERE}) is None
        assert messages.of_sites(session, {shop.site, other}) is None
        assert (
            len(jobs.list_jobs(session, state=jobs.DEAD)) == 8
        )  # the negative control: without it all are there


def test_a_manager_of_one_site_sees_and_sends_only_its_messages(
    shop: Shop, tmp_path: Path, two: tuple[str, dict[str, int], dict[str, int]]
) -> None:
    other, theirs, ours = two
    app = open_app(shop, tmp_path / "site")
    client = sign_in(app, "manager")

    def seen() -> set[int]:
        saved = client.get("/manager/jobs", query_string={"as": "csv"}).get_data(as_text=True)
        return {int(line.split(",")[0]) for line in saved.splitlines()[1:]}

    assert seen() == set(ours.values())
    assert "3 failed" in client.get("/manager/jobs").get_data(as_text=True)
    assert post(client, "/manager/jobs/again").status_code == 303
    with shop.db.reading() as session:
        still = {one.id for one in jobs.list_jobs(session, state=jobs.DEAD)}
    assert set(theirs.values()) <= still
    assert not set(ours.values()) & still
    with shop.db.writing() as session:
        john = people.find_person(session, "john")
        assert john is not None
        people.grant_role(session, shop.clock, SYSTEM, john.key, "manager", other, approval=None)
    assert set(theirs.values()) <= seen()  # with a role at every site, all of them, and what belongs to none
    assert len(seen()) == 5


def test_every_message_has_words(shop: Shop, tmp_path: Path) -> None:
    with open_app(shop, tmp_path / "site").test_request_context():
        assert [one for one in (*reactions.REACTIONS, *nightly.WORKS) if event_name(one) == one] == []
