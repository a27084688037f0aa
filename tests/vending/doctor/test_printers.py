"""Doctor sees what print agents told, which papers wait, and whether the night found records that differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from shop import Shop

from vending import audit, nightly
from vending.access.policy import SYSTEM
from vending.clock import FixedClock
from vending.condition import FAIL, OK, WARN
from vending.doctor import looks
from vending.doctor.printers import of_printers
from vending.receipts import print_queue
from vending.receipts.tables import PrintJob


def paired(shop: Shop) -> print_queue.AgentView:
    _key, secret = print_queue.pair(shop.db, shop.clock, SYSTEM, site=shop.site, till="N1", roll="80")
    with shop.db.reading() as session:
        return print_queue.agent_of(session, secret)


def test_a_site_without_agents_is_well(shop: Shop) -> None:
    (found,) = of_printers(shop.db, shop.clock.now())
    assert found.state == OK
    assert "browsers" in found.says


def test_each_trouble_of_an_agent_is_named_with_the_next_step(shop: Shop) -> None:
    agent = paired(shop)
    (found,) = of_printers(shop.db, shop.clock.now())
    assert (found.state, "never called" in found.says) == (WARN, True)
    print_queue.fetch(shop.db, shop.clock, agent)
    (found,) = of_printers(shop.db, shop.clock.now())
    assert (found.state, found.says) == (OK, "The print agent of till N1 calls, 80 mm.")
    (found,) = of_printers(shop.db, shop.clock.now() + timedelta(minutes=2))
    assert "is silent since" in found.says
    assert "ampoule print-agent" in found.next_step
    print_queue.fetch(shop.db, shop.clock, agent, trouble="The printer does not answer.")
    (found,) = of_printers(shop.db, shop.clock.now())
    assert found.says == "Till N1: The printer does not answer."


@pytest.mark.parametrize(
    ("state", "words"), [("unsure", "wait for a person's word"), ("waiting", "longer than ten minutes")]
)
def test_papers_that_wait_are_counted(shop: Shop, state: str, words: str) -> None:
    paired(shop)
    with shop.db.writing() as session:
        print_queue.ask_test_page(session, shop.clock, shop.site, "N1")
        session.flush()
        session.execute(sa.update(PrintJob).values(state=state))
    later = shop.clock.now() + timedelta(minutes=11)
    found = [one for one in of_printers(shop.db, later) if words in one.says]
    assert len(found) == 1
    assert found[0].state == WARN
    assert "1 papers" in found[0].says


@pytest.mark.parametrize(
    ("ago", "differences", "state"), [(None, 0, WARN), (1, 0, OK), (1, 3, FAIL), (100, 0, WARN)]
)
def test_what_the_night_found_of_the_records(
    shop: Shop, ago: int | None, differences: int, state: str
) -> None:
    if ago is not None:
        at = FixedClock(datetime.now(UTC) - timedelta(hours=ago))
        with shop.db.writing() as session:
            audit.record(
                session, at, actor=audit.SYSTEM, act=nightly.MATCHED, subject="books:all",
                detail={"differences": differences, "rows": 9},
            )  # fmt: skip
    found = looks.of_records(shop.db)
    assert found.state == state
    assert (found.state == OK) == (found.next_step == "")
