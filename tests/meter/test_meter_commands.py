"""The command line of the meter: lazy, clear about mistakes, and quiet about secrets. What it does is in the journeys."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from building_on_a_socket import Building
from click.testing import CliRunner
from fake_meter import GOOD, FakeMeter

from meter.cli import COMMANDS, main
from meter.cli import meter as command


def test_the_help_names_every_command_and_imports_none() -> None:
    program = "import sys, meter.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n" + (
        "print([m for m in sys.modules if m.startswith('meter.')], file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert all(name in shown.stdout for name in COMMANDS)
    assert set(json.loads(shown.stderr.replace("'", '"'))) == {"meter.cli", "meter.errors"}


@pytest.mark.parametrize(
    "name", ["find", "read", "token", "disconnect", "reconnect", "watch", "visit", "line"]
)
def test_a_meter_room_needs_neither_a_web_server_nor_a_database(name: str) -> None:
    program = (
        "import sys, meter.cli as c\n"
        f"try: c.main(['{name}', '--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('flask', 'sqlalchemy', 'vending', 'meter.twin') if m in sys.modules], file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stderr.strip() == "[]"
    assert "Usage" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["read", "--port", "pigeon:loft"], "driver_unknown"),
        (["read", "--port", "serial:/dev/none"], "port_missing"),
        (["read", "--port", "serial:"], "driver_url_wrong"),
        (["read", "--port", "serial:/dev/x?password=1"], "driver_url_wrong"),
        (["read", "--port", "serial:/dev/x?colour=red"], "driver_url_wrong"),
        (["read", "--port", "serial:/dev/x?profile=none"], "driver_url_wrong"),
        (["read", "--port", "serial:/dev/x?baud=fast"], "driver_url_wrong"),
        (["token", "123", "--port", "twin:/none?pan=1"], "token_digits_wrong"),
        (["read", "--port", "twin:/none?pan=1"], "meter_unreachable"),
        (["find", "--port", "/dev/none"], "no_answer"),
    ],
)
def test_a_mistake_is_one_sentence_with_a_code(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("meter: ")
    assert said.endswith(f"[{code}]")


@pytest.fixture
def port(tmp_path: Path) -> str:
    return Building(tmp_path / "b.sock", FakeMeter(tamper=("cover",))).url(FakeMeter())


def test_a_token_is_asked_for_when_it_is_not_given_and_never_repeated(port: str) -> None:
    said = CliRunner().invoke(command, ["token", "--port", port], input=f"{GOOD}\n")
    assert said.exit_code == 0, said.output
    assert "Accepted." in said.output
    assert "22.340 kWh" in said.output
    assert GOOD not in said.output


def test_a_reading_is_shown_for_people(port: str) -> None:
    said = CliRunner().invoke(command, ["read", "--port", port])
    for expected in ("600727041234567890", "12.340 kWh", "SGC 123456", "1,234.560 kWh", "9.200 kW", "cover"):
        assert expected in said.output


def test_a_watch_goes_on_after_a_failure(tmp_path: Path) -> None:
    said = CliRunner().invoke(
        command, ["watch", "--port", f"twin:{tmp_path}/none?pan=1", "--every", "1", "--count", "2", "--json"]
    )
    assert said.exit_code == 0
    assert [json.loads(line)["code"] for line in said.output.splitlines()] == ["meter_unreachable"] * 2
