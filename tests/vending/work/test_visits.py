"""Work orders out and back: the file is signed by the office, its results are signed by the visit, and close an order once."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from estate_cast import Ground

from meter import visit as files
from vending.access.policy import Actor, Grant
from vending.access.site_secret import SiteSecret
from vending.clock import FixedClock
from vending.db import Database
from vending.errors import NotAllowed, NotFound
from vending.work import queries, service
from vending.work.errors import OrderClosed, OrderUnfit, VisitEmpty, VisitResultsRefused


def person(site: str, role: str = "engineer") -> Actor:
    return Actor(f"{role}-key", role.title(), frozenset({Grant(role, site)}))


@pytest.fixture
def vault(tmp_path: Path) -> SiteSecret:
    return SiteSecret.of_folder(tmp_path / "secret")


def opened(db: Database, clock: FixedClock, ground: Ground, meter: str | None, kind: str = "reading") -> str:
    with db.writing() as session:
        return service.open_order(
            session,
            clock,
            person(ground.site, "cashier"),
            site=ground.site,
            kind=kind,
            title="Read it",
            meter=meter,
        )


def taken(
    db: Database,
    clock: FixedClock,
    vault: SiteSecret,
    ground: Ground,
    *orders: str,
    tokens: dict[str, str] | None = None,
) -> files.Visit:
    with db.writing() as session:
        text = service.make_visit(
            session, clock, vault, person(ground.site), site=ground.site, orders=orders, tokens=tokens or {}
        )
    office = Ed25519PublicKey.from_public_bytes(bytes.fromhex(service.office_public_key(vault)))
    return files.open_visit(text, office, clock.now())


def brought(db: Database, clock: FixedClock, vault: SiteSecret, ground: Ground, text: str) -> tuple[int, int]:
    with db.writing() as session:
        return service.bring_results(session, clock, vault, person(ground.site), text, site=ground.site)


def results(visit: files.Visit, clock: FixedClock, *statuses: files.Status) -> str:
    done = tuple(
        files.Done(order.order_id, status, clock.now(), "seen")
        for order, status in zip(visit.orders, statuses, strict=True)
    )
    return files.seal_results(files.Results(visit.visit_id, done), visit)


def test_an_order_goes_out_and_its_result_closes_it_once(
    database: Database, clock: FixedClock, vault: SiteSecret, ground: Ground, meter: str
) -> None:
    read, broken = (
        opened(database, clock, ground, meter),
        opened(database, clock, ground, meter, "inspection"),
    )
    visit = taken(database, clock, vault, ground, read, broken)
    assert [each.act for each in visit.orders] == [files.Act.READ, files.Act.READ]
    text = results(visit, clock, files.Status.DONE, files.Status.NOT_REACHED)
    assert brought(database, clock, vault, ground, text) == (1, 1)
    assert brought(database, clock, vault, ground, text) == (0, 1)
    with database.reading() as session:
        states = {one.key: one.state for one in queries.list_orders(session, ground.site)}
        assert states == {read: "done", broken: "open"}
        assert queries.results_of(session, [read])[read].status == "done"
    text = results(visit, clock, files.Status.DONE, files.Status.REFUSED)
    assert brought(database, clock, vault, ground, text) == (1, 0)
    with database.reading() as session:
        assert queries.one_order(session, broken).state == "failed"


def test_a_token_goes_out_only_when_it_was_released(
    database: Database, clock: FixedClock, vault: SiteSecret, ground: Ground, meter: str
) -> None:
    order = opened(database, clock, ground, meter, "token")
    with pytest.raises(VisitEmpty):
        taken(database, clock, vault, ground, order)
    visit = taken(database, clock, vault, ground, order, tokens={order: "1" * 20})
    assert visit.orders[0].token == "1" * 20
    with database.reading() as session:
        kept = session.connection().exec_driver_sql("SELECT orders FROM work_visit").scalar_one()
    assert "1" * 20 not in str(kept)


@pytest.mark.parametrize("fault", ["another visit's key", "one digit", "not a file", "unknown visit"])
def test_results_that_are_not_of_this_visit_close_nothing(
    database: Database, clock: FixedClock, vault: SiteSecret, ground: Ground, meter: str, fault: str
) -> None:
    order = opened(database, clock, ground, meter)
    visit, other = (taken(database, clock, vault, ground, order) for _time in range(2))
    text = results(visit, clock, files.Status.DONE)
    if fault == "another visit's key":
        forged = files.Visit(
            visit.visit_id, visit.site, visit.made_at, visit.expires_at, visit.orders, other.result_seed
        )
        text = results(forged, clock, files.Status.DONE)
    elif fault == "one digit":
        text = text.replace("seen", "sean")
    elif fault == "not a file":
        text = "hello"
    else:
        text = text.replace(visit.visit_id, "0" * 16)
    with pytest.raises(VisitResultsRefused):
        brought(database, clock, vault, ground, text)
    with database.reading() as session:
        assert queries.one_order(session, order).state == "open"


def test_orders_begin_and_end_by_those_who_may(
    database: Database, clock: FixedClock, ground: Ground, meter: str
) -> None:
    key = opened(database, clock, ground, meter)
    with database.writing() as session, pytest.raises(NotAllowed):
        service.start(session, clock, person(ground.site, "cashier"), key)
    with database.writing() as session:
        service.start(session, clock, person(ground.site), key)
        service.end(session, clock, person(ground.site), key, state="done", result="The seal is whole.")
    with database.writing() as session, pytest.raises(OrderClosed):
        service.end(session, clock, person(ground.site), key, state="done", result="Again.")
    mine = opened(database, clock, ground, meter)
    with database.writing() as session:
        service.end(
            session, clock, person(ground.site, "cashier"), mine, state="cancelled", result="Found the key."
        )
    with database.reading() as session:
        assert [one.number for one in queries.list_orders(session, ground.site)] == [2, 1]


@pytest.mark.parametrize(
    ("changes", "refused"),
    [({"kind": "party"}, OrderUnfit), ({"meter": None}, OrderUnfit), ({"meter": "0" * 16}, NotFound)],
)
def test_an_order_that_makes_no_sense_is_refused(
    database: Database,
    clock: FixedClock,
    ground: Ground,
    meter: str,
    changes: dict[str, str],
    refused: type[Exception],
) -> None:
    wanted = {"kind": "reading", "meter": meter, "title": "Read it", **changes}
    with database.writing() as session, pytest.raises(refused):
        service.open_order(session, clock, person(ground.site), site=ground.site, **wanted)
