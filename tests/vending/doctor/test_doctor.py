"""Doctor names what is wrong, one finding for each fault, with the next step; and says nothing of a site that is well."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes import FakeModule

from keystore.errors import ModuleUnreachable
from keystore.module import Budget
from vending import audit, certificates, condition, migrating, outbox
from vending.clock import FixedClock
from vending.condition import FAIL, OK, WARN, Finding
from vending.db import Database
from vending.doctor import command, looks
from vending.settings import Settings


def doctor(folder: Path, *arguments: str, **settings: str) -> Result:
    clean: dict[str, str | None] = {name: None for name in os.environ if name.startswith("AMPOULE_")}
    return CliRunner().invoke(
        command.doctor, list(arguments), env={**clean, "AMPOULE_VAR": str(folder), **settings}
    )


def said_of(result: Result, part: str) -> dict[str, str]:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    found = [one for one in json.loads(result.stdout)["findings"] if one["part"] == part]
    assert found, result.stdout
    return dict(found[0])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a database of this release and nothing else."""
    db = Database.open(f"sqlite:///{tmp_path / 'ampoule.db'}")
    migrating.bring_up_to_date(db)
    db.close()
    return tmp_path


def no_database(folder: Path) -> dict[str, str]:
    (folder / "ampoule.db").unlink()
    return {}


def damaged_database(folder: Path) -> dict[str, str]:
    for name in ("ampoule.db-wal", "ampoule.db-shm"):
        (folder / name).unlink(missing_ok=True)
    (folder / "ampoule.db").write_bytes(b"not a database at all" * 400)
    return {}


def newer_database(folder: Path) -> dict[str, str]:
    db = Database.open(f"sqlite:///{folder / 'ampoule.db'}")
    with db.migrating() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    db.close()
    return {}


def wrong_address(_folder: Path) -> dict[str, str]:
    return {"AMPOULE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}


def half_written_settings(folder: Path) -> dict[str, str]:
    (folder / "ampoule.toml").write_text('port = 88\nvar = "/srv')
    return {"AMPOULE_CONFIG": str(folder / "ampoule.toml")}


def clock_ahead(folder: Path) -> dict[str, str]:
    """What was booked is a day ahead of this clock: the clock fell back."""
    db = Database.open(f"sqlite:///{folder / 'ampoule.db'}")
    with db.writing() as session:
        tomorrow = FixedClock(datetime.now(UTC) + timedelta(days=1))
        audit.record(session, tomorrow, actor=audit.SYSTEM, act="sold", subject="x:1")
    db.close()
    return {}


def open_secret(folder: Path) -> dict[str, str]:
    (folder / "site.secret").write_text("x")
    (folder / "site.secret").chmod(0o644)
    return {}


def no_folder(folder: Path) -> dict[str, str]:
    shutil.rmtree(folder)
    return {}


def ended_certificate(folder: Path) -> dict[str, str]:
    certificates.make(folder / "tls", ["till.local"], datetime.now(UTC) - timedelta(days=500))
    return {}


@pytest.mark.parametrize(
    ("fault", "part", "words"),
    [
        (no_database, "database", "There is no database"),
        (damaged_database, "database", "could not be opened|does not answer"),
        (newer_database, "migrations", "newer than this release"),
        (wrong_address, "database", "does not answer"),
        (half_written_settings, "settings", "not complete TOML"),
        (clock_ahead, "clock", "Set the clock"),
        (open_secret, "folder", "Others can open site.secret"),
        (no_folder, "folder", "is not there"),
        (ended_certificate, "tls", "ended on"),
        (lambda _folder: {}, "module", "No security module answers"),
    ],
)
def test_a_fault_is_named_with_its_part(
    fault: Callable[[Path], dict[str, str]], part: str, words: str, site: Path
) -> None:
    import re

    result = doctor(site, "--json", **fault(site))
    found = said_of(result, part)
    assert found["state"] == FAIL, found
    assert re.search(words, found["says"]), found
    assert result.exit_code == 1


def test_people_read_the_same_with_the_next_step(site: Path) -> None:
    result = doctor(site)
    assert "FAIL  module" in result.stdout
    assert "Next: Start it" in result.stdout
    assert "ok    database     SQLite" in result.stdout
    assert all(len(line) < 400 for line in result.stdout.splitlines())


def test_doctor_changes_nothing(site: Path) -> None:
    before = (site / "ampoule.db").read_bytes()
    doctor(site)
    assert (site / "ampoule.db").read_bytes() == before
    assert not (site / "site.secret").exists()


# ---- looks whose faults no file shows


def budget(**changed: Any) -> Budget:
    now = datetime(2026, 11, 20, 8, tzinfo=UTC)
    values: dict[str, Any] = {
        "budget_id": "december",
        "kind": "units",
        "sgc": "600100",
        "service": "electricity",
        "allotted": 1000,
        "used": 0,
        "left": 1000,
        "period": "once",
        "starts": now - timedelta(days=1),
        "expires": now + timedelta(days=20),
        "lasts_until": None,
        "warnings": (),
        **changed,
    }
    return Budget(**values)


@pytest.mark.parametrize(
    ("budgets", "state"),
    [
        ((), FAIL),
        ((budget(),), OK),
        ((budget(left=0),), FAIL),
        ((budget(left=90),), WARN),
        ((budget(expires=datetime(2026, 11, 22, tzinfo=UTC)),), WARN),
        ((budget(expires=datetime(2026, 11, 1, tzinfo=UTC)),), FAIL),
        ((budget(kind="free"),), FAIL),
    ],
)
def test_budgets(budgets: tuple[Budget, ...], state: str, clock: FixedClock) -> None:
    status: Any = SimpleNamespace(state="ready", budgets=budgets)
    assert condition.worst(condition.of_budgets(status, clock.now())) == state


@pytest.mark.parametrize("state", ["locked", "clock", "behind", "closed"])
def test_a_module_that_is_not_ready_says_what_to_do(state: str) -> None:
    module: Any = SimpleNamespace(status=lambda: SimpleNamespace(state=state, reason=f"it is {state}"))
    _, found = condition.ask_module(module)
    assert found.state == FAIL
    assert found.next_step


def test_what_the_module_warns_of_is_told_once() -> None:
    low = "The budget is low."
    budgets = (SimpleNamespace(warnings=(low,)),)
    status: Any = SimpleNamespace(
        warnings=(low, "The witness /mnt/far/head has hung for 12 seconds."), budgets=budgets
    )
    (found,) = condition.of_module(status)
    assert found.state == condition.WARN
    assert "/mnt/far/head" in found.says
    assert condition.of_module(None) == []


def test_a_module_that_is_away() -> None:
    module = FakeModule()
    module.away = True
    with pytest.raises(ModuleUnreachable):
        module.status()
    status, found = condition.ask_module(module)
    assert status is None
    assert found.state == FAIL


def test_a_clock_apart_from_the_modules(database: Database, clock: FixedClock) -> None:
    def told(**changed: Any) -> Finding:
        status: Any = SimpleNamespace(**{"now": clock.now(), "simulated_clock": False, **changed})
        return condition.of_clock(database, clock, status)

    assert told().state == OK
    assert told(now=clock.now() + timedelta(minutes=2)).state == FAIL
    assert told(now=clock.now() + timedelta(minutes=2), simulated_clock=True).state == OK


def test_a_clock_far_ahead_of_what_was_booked_is_doubted(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        audit.record(session, clock, actor=audit.SYSTEM, act="sold", subject="x:1")
    clock.advance(timedelta(days=20))
    assert condition.of_clock(database, clock, None).state == OK
    clock.advance(timedelta(days=400))
    assert "the clock is ahead" in condition.of_clock(database, clock, None).says
    clock.advance(timedelta(days=-421))
    assert condition.of_clock(database, clock, None).state == FAIL


def test_jobs_that_are_late_or_dead(database: Database, clock: FixedClock) -> None:
    assert condition.of_jobs(database, clock).state == OK
    with database.writing() as session:
        outbox.emit(session, clock, "vend issued", {})
    clock.advance(timedelta(hours=1))
    assert "late" in condition.of_jobs(database, clock).says
    with database.writing() as session:
        (message,) = outbox.list_due(session, clock)
        outbox.failed(session, clock, outbox.Message(message.id, message.event, {}, outbox.TRIES), "no")
    assert "failed for good" in condition.of_jobs(database, clock).says


def test_the_database_of_both_kinds(database: Database) -> None:
    assert condition.of_database(database).state == OK


def test_a_module_of_the_same_user_is_a_fault_on_a_site_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "module.sock").touch()
    assert looks.of_users(Settings(var=tmp_path)).state == OK
    assert looks.of_users(Settings(var=tmp_path, profile="production")).state == FAIL


def test_passkeys_need_a_name(tmp_path: Path, clock: FixedClock) -> None:
    certificates.make(tmp_path / "tls", ["192.168.1.10"], clock.now())
    assert "need a name" in looks.of_tls(Settings(var=tmp_path), clock.now()).says
    certificates.make(tmp_path / "tls", ["till.mall"], clock.now(), new_authority=True)
    assert looks.of_tls(Settings(var=tmp_path), clock.now()).state == OK
