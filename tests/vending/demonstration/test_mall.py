"""The mall: sixty units of all formats, a hundred and fifty meters of four services, a supply tree, tariffs of every kind."""

from collections import Counter
from importlib import resources

from vending.clock import FixedClock
from vending.db import Database
from vending.demonstration import loader
from vending.estate import queries
from vending.tariffs.charges import ACCOUNT_ONLY
from vending.tariffs.document import parsed


def test_the_mall_is_loaded_through_the_services_with_all_that_it_claims(
    database: Database, clock: FixedClock
) -> None:
    site = loader.load(database, clock, "mall").site_key
    with database.reading() as session:
        spaces = queries.list_spaces(session, site)
        views = queries.meters_of_site(session, clock, site)
        assert len(spaces) == 60
        assert len(views) == 150
        assert {view.service for view in views} == {"electricity", "water", "gas", "cooling"}
        assert {space.format for space in spaces} >= {"restaurant", "shop", "cinema", "supermarket", "office"}
        vacant = queries.vacant_spaces(session, clock, site)
        assert [space.code for space in vacant] == ["G-20", "1-20"]
        (blocked,) = queries.find_meters(session, clock, "G-20")
        assert blocked.not_for_sale is not None and "no tenant" in blocked.not_for_sale
        unlet = [view for view in views if view.space is not None and view.tenant is None]
        assert len(unlet) == 2
        sellable = Counter(view.not_for_sale is None for view in views if view.tenant is not None)
        assert sellable == {True: 115}
        intake = next(view for view in views if view.label == "Main intake")
        boards = queries.child_meters(session, intake.key)
        labels = {view.key: view.label for view in views}
        assert {"Board G", "Board 1", "Board 2", "Mechanical board", "Parking"} <= {
            labels[key] for key in boards
        }
        grill = queries.find_meters(session, clock, "limpopo grill")
        assert {view.service for view in grill} == {"electricity", "water", "gas"}
        electricity = next(view for view in grill if view.service == "electricity")
        assert labels[queries.parent_meter(session, electricity.key) or ""] == "Board G"
        assert [view.space.code for view in queries.find_meters(session, clock, "金锅") if view.space] == [
            "1-15"
        ] * 3
        assert queries.find_meters(session, clock, "حديقة")
        bank = queries.find_meters(session, clock, "limpopo trust")[0]
        assert {register.source for register in queries.registers_of(session, bank.key)} == {
            "mains",
            "generator",
        }
        config = loader.building_config(session, clock, site, "mall")
        assert len(config["meters"]) == sum(view.credit_in == "meter" for view in views)


def test_a_tariff_that_a_token_cannot_carry_stands_on_account_meters_only(
    sqlite_database: Database, clock: FixedClock
) -> None:
    folder = resources.files("vending.demonstration").joinpath("tariffs")
    tariffs = {
        d.tariff.code: d.tariff for d in (parsed(file.read_text("utf-8")) for file in folder.iterdir())
    }
    site = loader.load(sqlite_database, clock, "mall").site_key
    used = set()
    with sqlite_database.reading() as session:
        for view in queries.meters_of_site(session, clock, site):
            if view.tenant is None:
                continue
            assert view.tariff in tariffs, view.label
            tariff = tariffs[view.tariff]
            used |= {type(charge).__name__ for charge in tariff.charges}
            assert tariff.service == view.service
            if view.credit_in == "meter":
                assert not [charge for charge in tariff.charges if type(charge) in ACCOUNT_ONLY], view.tariff
    assert used >= {
        "PerUnit",
        "Blocks",
        "ByPeriod",
        "BySeasonAndPeriod",
        "Demand",
        "Minimum",
        "Monthly",
        "Daily",
        "PerSale",
        "PerArea",
        "Percent",
    }
