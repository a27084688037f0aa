"""A building that buys from a program: any program that answers lines, in the order of time."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from meter import simulation
from meter.building_cli import building
from meter.vendors import Ask, CommandVendor, VendorFailed, write_clock

from .house import KEY_FILE, plan

SELLER = """
import json, sys
from datetime import datetime
from pathlib import Path
from meter.test_keys import TestKeys
from meter.building import Plan
from meter.vendors import Ask, OwnVendor
site, keys = Plan.read(Path({config!r})), TestKeys.read(Path({keys!r}))
vendor = OwnVendor({{each.pan: keys.decoder_key(each.keying) for each in site.places}})
last = 0
def answer(asked):
    global last
    now = int(datetime.fromisoformat(asked["at"]).timestamp())
    assert now >= last, "time goes forward"
    clock = json.loads(Path({clock!r}).read_text())
    assert clock["at"] == asked["at"] and clock["speed"] == 0.0
    last = now
    if asked["units"] % 7 == 0:
        return {{"refused": "no_sevens"}}
    ask = Ask(asked["pan"], asked["subclass"], asked["units"], now)
    if asked["units"] % 5 == 0:
        return {{"tokens": [vendor.token(ask), vendor.token(ask)]}}
    return {{"token": vendor.token(ask)}}
for line in sys.stdin:
    asked = json.loads(line)
    said = [answer(one) for one in asked] if isinstance(asked, list) else answer(asked)
    print(json.dumps(said), flush=True)
"""


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    content = plan()
    content["meters"] = [each for each in content["meters"] if each["profile"] != "currency"]
    (tmp_path / "building.json").write_text(json.dumps(content))
    (tmp_path / "keys.toml").write_text(KEY_FILE)
    paths = {
        name: str(tmp_path / file) for name, file in (("config", "building.json"), ("keys", "keys.toml"))
    }
    paths["clock"] = str(tmp_path / "clock.json")
    (tmp_path / "seller.py").write_text(SELLER.format(**paths))
    return {**paths, "vendor": f"{sys.executable} {tmp_path / 'seller.py'}"}


def test_a_building_lives_for_weeks_on_what_a_program_sells(site: dict[str, str]) -> None:
    result = CliRunner().invoke(
        building,
        ["--days", "21", "--seed", "4", "--json"]
        + [word for key, value in site.items() for word in (f"--{key}", value)],
    )
    assert result.exit_code == 0, result.output
    last = json.loads(result.stdout.splitlines()[-1])
    assert last["outcomes"]["ACCEPTED"] >= 8
    assert last["conserved"]
    assert last["units"] == 4


def test_a_program_that_sells_in_groups_makes_the_same_life(site: dict[str, str]) -> None:
    """On the same first day, all sales of an hour as one list are the same as one after the other."""
    told = ["--days", "21", "--seed", "4", "--json", "--start", "2026-03-02"]
    told += [word for key, value in site.items() for word in (f"--{key}", value)]
    one_by_one, in_groups = (CliRunner().invoke(building, [*told, *more]) for more in ([], ["--in-groups"]))
    assert in_groups.exit_code == 0, in_groups.output
    assert in_groups.stdout == one_by_one.stdout


def test_its_own_sales_and_a_program_s_are_the_same_life_when_nothing_is_refused(
    site: dict[str, str],
) -> None:
    own = CliRunner().invoke(
        building, ["--days", "3", "--json", "--config", site["config"], "--keys", site["keys"]]
    )
    again = CliRunner().invoke(
        building, ["--days", "3", "--json", "--config", site["config"], "--keys", site["keys"]]
    )
    assert own.exit_code == 0
    assert own.stdout == again.stdout


@pytest.mark.parametrize(
    "command", ["/no/such/program", "", "'", f"{sys.executable} -c print(1)", f"{sys.executable} -c 0"]
)
def test_a_program_that_does_not_answer_is_named(command: str) -> None:
    with pytest.raises(VendorFailed):
        CommandVendor(command, None).sell([Ask("6", 0, 1, simulation.START)])


def test_keys_and_config_go_together(site: dict[str, str]) -> None:
    assert CliRunner().invoke(building, ["--config", site["config"]]).exit_code != 0


def test_the_clock_file_is_the_module_s_form(tmp_path: Path) -> None:
    write_clock(tmp_path / "clock.json", simulation.START, 60.0, real=5.0)
    assert json.loads((tmp_path / "clock.json").read_text()) == {
        "at": "2026-01-01T00:00:00+00:00",
        "real": 5.0,
        "speed": 60.0,
    }
