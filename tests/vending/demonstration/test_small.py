"""The demonstration estate loads on both databases through the real services, and describes a building of twins."""

import json
from pathlib import Path

from vending.access import service as access
from vending.access.policy import Permission, allowed
from vending.access.site_secret import SiteSecret
from vending.clock import FixedClock
from vending.db import Database
from vending.demonstration import loader
from vending.demonstration.people import DEMONSTRATION_PEOPLE
from vending.estate import queries


def test_twelve_units_are_let_and_every_meter_can_be_sold_to(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    loaded = loader.load(database, clock)
    again = loader.load(database, clock)
    assert loaded.new and not again.new and again.site_key == loaded.site_key
    with database.reading() as session:
        assert len(queries.list_spaces(session, loaded.site_key)) == 12
        views = queries.meters_of_site(session, clock, loaded.site_key)
        assert len(views) == 16
        assert [view.not_for_sale for view in views] == [None] * 16
        assert {view.service for view in views} == {"electricity", "water"}
        (books,) = queries.find_meters(session, clock, "blue d")
        assert books.space is not None and books.space.code == "G-05"
        assert [view.key for view in queries.find_meters(session, clock, "5550155")] == [books.key]
        assert [view.key for view in queries.find_meters(session, clock, books.drn[4:9])] == [books.key]
        assert (
            queries.one_meter(session, clock, books.pan)
            == books
            == queries.one_meter(session, clock, books.key)
        )
    path = tmp_path / "building" / "building.json"
    loader.write_building(database, clock, loaded.site_key, path)
    config = json.loads(path.read_text("utf-8"))
    assert len(config["meters"]) == 16
    assert {meter["initial_credit_units"] for meter in config["meters"]} >= {0, 21}
    assert config["utc_offset_minutes"] == 120


def test_each_of_the_people_signs_in_with_his_role(
    sqlite_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    site = loader.load(sqlite_database, clock).site_key
    vault = SiteSecret.of_folder(tmp_path)
    one = DEMONSTRATION_PEOPLE[0]
    signed_in = access.sign_in(
        sqlite_database, clock, vault, login=one.login, password=one.password, address="127.0.0.1"
    )
    actor = access.actor_of_session(sqlite_database, clock, signed_in.secret)
    assert actor is not None and actor.name == one.name
    assert allowed(actor, Permission.SALE_MAKE, site)
    assert not allowed(actor, Permission.SALE_MAKE, "another site")
    assert not allowed(actor, Permission.TARIFF_PUBLISH, site)
