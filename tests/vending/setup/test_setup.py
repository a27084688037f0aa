"""A site from a file, from questions, and on from where it was; nothing of a demonstration, and nothing that is only people's."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from fakes import FakeModule

from vending.access import people
from vending.access.policy import SYSTEM
from vending.audit import AuditEntry
from vending.auditor.command import look
from vending.clock import FixedClock
from vending.db import Database
from vending.estate import queries as estate
from vending.setup import command, printer, steps, trial, wishes
from vending.setup.steps import SiteIsAnother, Told
from vending.setup.wishes import SetupFileWrong, Wishes
from vending.tariffs import service as tariffs

ROOT = Path(__file__).parents[3]
TARIFF = ROOT / "vending" / "demonstration" / "tariffs" / "karoo-business.toml"
METER = "07000000120"  # maker 07, serial 00000012

CONTENT: dict[str, Any] = {
    "tariffs": [str(TARIFF)],
    "printer": "browser",
    "trial": False,
    "operator": {"name": "Harbour Properties", "address": "1 Quay Street", "tax_number": "4012345678"},
    "site": {
        "name": "Harbour Mall",
        "time_zone": "Africa/Johannesburg",
        "currency": "ZAR",
        "languages": ["en"],
        "taxes": [{"name": "VAT", "rate": "15", "included": True}],
    },
    "person": [
        {"login": "maria", "name": "Maria Silva", "roles": ["manager"]},
        {"login": "david", "name": "David Cohen", "roles": ["manager"]},
        {"login": "lerato", "name": "Lerato Dube", "roles": ["cashier"]},
    ],
    "supply": {"sgc": "123456"},
    "unit": [
        {
            "code": "G-01",
            "area": "86.5",
            "meter": METER,
            "tenant": "Blue Cup",
            "tariff": "karoo-business",
            "seen": "all segments lit",
        }
    ],
}


def file_of(folder: Path, **changed: Any) -> Path:
    path = folder / "site.toml"
    path.write_text(wishes.written({**CONTENT, **changed}), encoding="utf-8")
    return path


def wished(folder: Path, **changed: Any) -> Wishes:
    return wishes.read(file_of(folder, **changed))


def live_module(clock: FixedClock, **changed: Any) -> Any:
    key = SimpleNamespace(
        sgc="123456", krn=1, state="active", test=False, last_minute=clock.now() + timedelta(days=9000)
    )
    values = {
        "state": "ready",
        "reason": "",
        "test": False,
        "sequence": 3,
        "keys": (key,),
        "budgets": (
            SimpleNamespace(
                budget_id="first",
                kind="units",
                starts=clock.now() - timedelta(days=1),
                expires=clock.now() + timedelta(days=20),
                left=1000,
                allotted=1000,
                warnings=(),
                lasts_until=None,
            ),
        ),
        **changed,
    }
    return SimpleNamespace(status=lambda: SimpleNamespace(**values))


def carry_out(db: Database, clock: FixedClock, wanted: Wishes, module: Any = None) -> Told:
    told = Told()
    steps.carry_out(db, clock, module or live_module(clock), wanted, told)
    return told


def test_a_site_is_made_whole_and_a_second_run_changes_nothing(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    wanted = wished(tmp_path)
    told = carry_out(database, clock, wanted)
    assert told.waits == []
    assert set(told.passwords) == {"maria", "david", "lerato"}
    with database.reading() as session:
        (site,) = estate.list_sites(session)
        assert site.operator.name == "Harbour Properties"
        (meter,) = estate.meters_of_site(session, clock, site.key)
        assert meter.not_for_sale is None
        assert meter.tenant is not None
        assert meter.keying.sgc == "123456"
        assert {one.login for one in people.list_people(session, SYSTEM)} == {"maria", "david", "lerato"}
        (version,) = tariffs.list_versions(session)
        assert version.state == tariffs.PUBLISHED
        before = session.scalar(sa.select(sa.func.count()).select_from(AuditEntry))
    again = carry_out(database, clock, wanted)
    assert again.done == []
    assert again.passwords == {}
    with database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(AuditEntry)) == before
    report = look(database.url.render_as_string(hide_password=False))
    assert report.clean, report.lines()


@pytest.mark.parametrize("cut_after", range(1, 4))
def test_a_run_that_was_cut_off_is_finished_by_running_it_again(
    cut_after: int, sqlite_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    wanted = wished(tmp_path)
    told = Told()
    for step in (steps.set_up_site, steps.set_up_people, steps.publish_tariffs)[:cut_after]:
        step(sqlite_database, clock, wanted, told)
    rest = carry_out(sqlite_database, clock, wanted)
    assert rest.waits == []
    assert len(told.passwords | rest.passwords) == 3
    assert not set(told.passwords) & set(rest.passwords)


def test_what_other_people_must_do_waits_and_is_not_pretended(
    sqlite_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    unseen = [{key: value for key, value in CONTENT["unit"][0].items() if key != "seen"}]
    wanted = wished(tmp_path, unit=unseen)
    away = FakeModule()
    away.away = True
    told = carry_out(sqlite_database, clock, wanted, away)
    assert any("security module" in line for line in told.waits)
    assert any("display test" in line for line in told.waits)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"test": True}, "public test keys"),
        ({"keys": ()}, "no active key for supply group 123456/1"),
        ({"budgets": ()}, "No budget"),
        ({"state": "locked", "reason": "It is locked.", "keys": (), "budgets": ()}, "unlock"),
    ]
    for changed, words in cases:
        found = carry_out(sqlite_database, clock, wanted, live_module(clock, **changed))
        assert any(words in line for line in found.waits), (words, found.waits)


def test_another_site_in_the_same_database_is_refused(
    sqlite_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    carry_out(sqlite_database, clock, wished(tmp_path))
    other = replace(wished(tmp_path), site={**CONTENT["site"], "name": "Another Mall"})
    with pytest.raises(SiteIsAnother, match="Harbour Mall"):
        carry_out(sqlite_database, clock, other)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CONTENT.items() if key != name}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({**CONTENT, "operater": {}}, "knows no part 'operater'"),
        ({**CONTENT, "site": {**CONTENT["site"], "zone": "UTC"}}, "knows no zone"),
        (without("supply"), "lacks supply"),
        ({**CONTENT, "person": CONTENT["person"][1:]}, "two managers"),
        ({**CONTENT, "person": [*CONTENT["person"], CONTENT["person"][2]]}, "same sign-in name"),
        ({**CONTENT, "unit": [{"code": "G-01"}]}, "lacks something"),
        ({**CONTENT, "supply": "123456"}, "must be a table"),
    ],
)
def test_a_slip_in_the_file_is_said_before_anything_is_made(content: dict[str, Any], words: str) -> None:
    with pytest.raises(SetupFileWrong, match=words):
        wishes.of(content, Path())


def test_what_the_terminal_writes_is_what_the_file_reads(tmp_path: Path) -> None:
    odd = {**CONTENT, "operator": {"name": 'He said "no" \\ and left\nat once', "address": "北京"}}
    path = tmp_path / "odd.toml"
    path.write_text(wishes.written(odd), encoding="utf-8")
    assert wishes.read(path) == wishes.of(odd, tmp_path)


# ---- the command


def setup(folder: Path, *arguments: str, answers: str = "", profile: str = "production") -> Result:
    clean: dict[str, str | None] = {name: None for name in os.environ if name.startswith("AMPOULE_")}
    folder.mkdir(mode=0o700, exist_ok=True)
    return CliRunner().invoke(
        command.setup,
        list(arguments),
        input=answers,
        env={**clean, "AMPOULE_VAR": str(folder), "AMPOULE_PROFILE": profile},
    )


def test_from_a_file_it_tells_what_it_made_and_what_waits(tmp_path: Path) -> None:
    path, words = file_of(tmp_path), tmp_path / "first-passwords"
    folder = tmp_path / "var"
    assert "3 people" in setup(folder, "--from", str(path), "--check").output
    assert not (folder / "ampoule.db").exists()
    made = setup(folder, "--from", str(path), "--passwords", str(words))
    assert made.exit_code == 2, made.output
    assert "Waiting for people" in made.output
    assert "keystore" in made.output
    assert words.stat().st_mode & 0o777 == 0o600
    secrets = [line.split("\t")[1] for line in words.read_text().splitlines()]
    assert len(secrets) == 3
    assert not any(secret in made.output for secret in secrets)
    again = setup(folder, "--from", str(path))
    assert "made " not in again.output


def test_a_demonstration_is_not_set_up_and_a_site_keeps_no_example(tmp_path: Path) -> None:
    refused = setup(tmp_path / "var", "--from", str(file_of(tmp_path)), profile="demonstration")
    assert isinstance(refused.exception, command.SetupIsForSites)
    made = setup(tmp_path / "site", "--from", str(file_of(tmp_path)))
    assert made.exit_code == 2
    db = Database.open(f"sqlite:///{tmp_path / 'site' / 'ampoule.db'}", writable=False)
    with db.reading() as session:
        names = {one.name for one in people.list_people(session, SYSTEM)}
    db.close()
    assert names == {"Maria Silva", "David Cohen", "Lerato Dube"}


def test_in_a_terminal_a_wrong_answer_is_asked_again_and_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    operator = ["Harbour Properties", "", "", ""]
    site = ["Harbour Mall", "Mars/Olympus", "Africa/Johannesburg", "ZAR", "en", "y", "VAT", "15"]
    folder = tmp_path / "var"
    cut = setup(folder, answers="\n".join([*operator, *site]) + "\n")
    assert cut.exit_code != 0
    assert "Mars/Olympus" in cut.output
    assert (folder / "setup.toml").exists()
    rest = [
        *("Maria Silva", "maria", "David Cohen", "david", "Lerato Dube", "", "n", "n"),
        *("", "12345", "123456", "", "", "", "", "browser", "n"),
    ]
    done = setup(folder, answers="\n".join(rest) + "\n")
    assert "Going on from" in done.output
    assert "six digits" in done.output
    assert done.exit_code == 2, done.output
    assert "Maria Silva, who signs in as maria (manager)" in done.output
    # The answers make the same site somewhere else.
    other = setup(tmp_path / "other", "--from", str(folder / "setup.toml"))
    assert "Lerato Dube" in other.output


# ---- printer and trial


def test_a_test_page_reaches_a_network_printer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        got: list[bytes] = []

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                while data := line.recv(4096):
                    got.append(data)

        thread = threading.Thread(target=serve)
        thread.start()
        said = printer.print_test(f"tcp://127.0.0.1:{listener.getsockname()[1]}", "Harbour Mall")
        thread.join(10)
    assert "was sent to 127.0.0.1" in said
    assert b"Harbour Mall" in b"".join(got)
    assert b"".join(got).endswith(printer.CUT)


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("tcp://127.0.0.1:1", printer.PrinterAway),
        ("/dev/there-is-no-such-printer", printer.PrinterAway),
        ("laser", printer.PrinterUnknown),
        ("tcp://host:port", printer.PrinterAway),
    ],
)
def test_a_printer_that_is_away_or_unknown_is_said(where: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        printer.print_test(where, "x")


def test_the_trial_sells_to_a_simulated_meter_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold: Callable[[], trial.Seen] = trial.sell_to_a_twin
    seen = sold()
    assert seen.units > 0
    assert seen.credit
