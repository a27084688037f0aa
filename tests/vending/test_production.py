"""What a production site refuses to start with, each in one sentence with the next step."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import FakeModule

from vending import production
from vending.access import people
from vending.access.policy import EVERYWHERE, SYSTEM
from vending.clock import FixedClock
from vending.db import Database
from vending.demonstration.people import DEMONSTRATION_PEOPLE
from vending.production import NotForProduction
from vending.settings import NeedsTls, Settings, SettingWrong


def site(tmp_path: Path, **more: Any) -> Settings:
    return Settings(**{"profile": "production", "var": tmp_path, **more})


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"host": "0.0.0.0"}, NeedsTls, "in clear"),
        ({"public_address": "http://till.mall"}, NeedsTls, "public_address"),
        ({"metrics_key": "short"}, SettingWrong, "could be guessed"),
    ],
)
def test_settings_that_are_unsafe_together(
    changed: dict[str, Any], error: type[Exception], words: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    production.refuse_unsafe_settings(site(tmp_path))
    with pytest.raises(error, match=words):
        production.refuse_unsafe_settings(site(tmp_path, **changed))


def test_files_that_everybody_can_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o750)
    secret = tmp_path / "site.secret"
    secret.write_text("x")
    secret.chmod(0o644)
    with pytest.raises(NotForProduction, match=r"chmod o-rwx .*site.secret"):
        production.refuse_unsafe_settings(site(tmp_path))
    secret.chmod(0o600)
    config = tmp_path / "ampoule.toml"
    config.write_text("")
    config.chmod(0o644)
    monkeypatch.setenv("AMPOULE_CONFIG", str(config))
    production.refuse_unsafe_settings(site(tmp_path))  # it holds no secret
    with pytest.raises(NotForProduction, match=r"ampoule.toml"):
        production.refuse_unsafe_settings(site(tmp_path, database_url="postgresql://a:b@host/name"))
    tmp_path.chmod(0o755)
    with pytest.raises(NotForProduction, match="chmod o-rwx"):
        production.refuse_unsafe_settings(site(tmp_path))


def test_a_crash_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("AMPOULE_CRASH_AT", "vends.paid")
    production.refuse_unsafe_settings(Settings(var=tmp_path))
    with pytest.raises(NotForProduction, match="AMPOULE_CRASH_AT"):
        production.refuse_unsafe_settings(site(tmp_path))


def test_people_of_the_demonstration(sqlite_database: Database, clock: FixedClock) -> None:
    services: Any = SimpleNamespace(db=sqlite_database, module=FakeModule())
    services.module.away = True
    production.refuse_examples(services)
    known = DEMONSTRATION_PEOPLE[0]
    with sqlite_database.writing() as session:
        people.add_person(
            session,
            clock,
            SYSTEM,
            login=known.login,
            name=known.name,
            site=EVERYWHERE,
            password_hash="x",
        )
    with pytest.raises(NotForProduction, match=known.login):
        production.refuse_examples(services)


def test_test_keys_and_a_simulated_clock(sqlite_database: Database) -> None:
    def holding(*, test: bool, simulated: bool) -> Any:
        status = SimpleNamespace(test=test, simulated_clock=simulated)
        return SimpleNamespace(db=sqlite_database, module=SimpleNamespace(status=lambda: status))

    production.refuse_examples(holding(test=False, simulated=False))
    with pytest.raises(NotForProduction, match="test keys"):
        production.refuse_examples(holding(test=True, simulated=False))
    with pytest.raises(NotForProduction, match="simulated clock"):
        production.refuse_examples(holding(test=False, simulated=True))
