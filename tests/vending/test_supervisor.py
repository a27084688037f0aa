"""`ampoule up` and `ampoule serve` refuse what cannot work in one sentence with the next step, never with a traceback."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vending import audit, certificates, migrating, timecheck
from vending.clock import FixedClock
from vending.db import Database
from vending.settings import Settings
from vending.supervisor import AlreadyRunning, FolderNotWritable, PortInUse, Supervisor, take_folder

PROGRAMS = Path(sys.executable).parent


def ampoule(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AMPOULE_")}
    return subprocess.run(
        [str(PROGRAMS / "ampoule"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**clean, **settings},
    )


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield int(holder.getsockname()[1])


def one_sentence(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1, result.stdout + result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_a_port_in_use_names_the_port_and_the_setting(taken_port: int, tmp_path: Path) -> None:
    said = one_sentence(ampoule("up", AMPOULE_VAR=str(tmp_path / "var"), AMPOULE_PORT=str(taken_port)))
    assert f"Port {taken_port} is in use" in said
    assert "AMPOULE_PORT=" in said


def test_the_server_alone_says_the_same_of_its_port(taken_port: int, tmp_path: Path) -> None:
    said = one_sentence(ampoule("serve", AMPOULE_VAR=str(tmp_path / "var"), AMPOULE_PORT=str(taken_port)))
    assert f"Port {taken_port} is in use" in said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"AMPOULE_PORT": "99999"}, "must lie between 1 and 65535"),
        ({"AMPOULE_PORT": "eight"}, "must be a whole number"),
        ({"AMPOULE_PROT": "8800"}, "Is port meant?"),
        ({"AMPOULE_PROFILE": "live"}, "must be one of demonstration, production"),
        ({"AMPOULE_CONFIG": "/nowhere/ampoule.toml"}, "does not exist"),
        ({"AMPOULE_HOST": "0.0.0.0"}, "in clear"),
        ({"AMPOULE_DATABASE_URL": "mysql://localhost/x"}, "not a database Ampoule knows"),
        ({"AMPOULE_DATABASE_URL": "nonsense"}, "is not an address of a database"),
        ({"AMPOULE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, "does not answer"),
    ],
)
def test_wrong_settings_are_named_with_their_remedy(
    settings: dict[str, str], words: str, tmp_path: Path
) -> None:
    said = one_sentence(ampoule("serve", **{"AMPOULE_VAR": str(tmp_path / "var"), **settings}))
    assert words in said


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    file = tmp_path / "var"
    file.write_text("a file, not a folder")
    with pytest.raises(FolderNotWritable, match="AMPOULE_VAR"):
        Supervisor(Settings(var=file), io.StringIO()).prepare()


def test_a_path_too_long_for_a_socket_is_said_before_anything_starts(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with pytest.raises(FolderNotWritable, match="107 bytes"):
        Supervisor(Settings(var=deep), io.StringIO()).prepare()


def test_a_second_copy_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    held = take_folder(tmp_path)
    with pytest.raises(AlreadyRunning, match=rf"already runs on .* \(process {os.getpid()}\)"):
        take_folder(tmp_path)
    said = one_sentence(ampoule("demo", "reset", AMPOULE_VAR=str(tmp_path)))
    assert "already runs" in said
    held.close()
    # What a killed run left behind is no second copy.
    take_folder(tmp_path).close()


def test_a_clock_behind_the_books_is_refused_and_one_a_little_behind_is_not(
    sqlite_database: Database, clock: FixedClock
) -> None:
    with sqlite_database.writing() as session:
        audit.record(session, clock, actor=audit.SYSTEM, act="sold", subject="test:1")
    timecheck.refuse_if_behind(sqlite_database, FixedClock(clock.now() - timedelta(minutes=2)))
    with pytest.raises(timecheck.ClockBehind, match="Set the clock"):
        timecheck.refuse_if_behind(sqlite_database, FixedClock(clock.now() - timedelta(days=1)))


def test_a_part_that_dies_is_started_again_and_one_that_keeps_dying_is_left_with_its_last_words(
    tmp_path: Path,
) -> None:
    out = io.StringIO()
    supervisor = Supervisor(Settings(var=tmp_path), out)
    ready = tmp_path / "ready"
    supervisor.parts = [supervisor.module]
    supervisor.module.ready = ready
    supervisor.module.command = [sys.executable, "-c", "print('the disk is on fire'); raise SystemExit(3)"]
    supervisor.start(supervisor.module)
    import threading

    watcher = threading.Thread(target=supervisor.watch)
    watcher.start()
    for _ in range(600):
        if supervisor.module.given_up:
            break
        watcher.join(0.05)
    supervisor.stopping.set()
    watcher.join(10)
    said = out.getvalue()
    assert said.count("is started again") == 4
    assert "is left stopped" in said
    assert "the disk is on fire" in said


def test_port_in_use_is_a_refusal_and_not_a_fault() -> None:
    assert PortInUse.code == "port_in_use"


def test_demo_reset_empties_the_folder_and_leaves_other_files(tmp_path: Path) -> None:
    for name in ("ampoule.db", "site.secret"):
        (tmp_path / name).write_text("x")
    (tmp_path / "module").mkdir()
    (tmp_path / "mine.txt").write_text("kept")
    result = ampoule("demo", "reset", AMPOULE_VAR=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    refused = ampoule("demo", "reset", AMPOULE_VAR=str(tmp_path), AMPOULE_PROFILE="production")
    assert "not a demonstration" in one_sentence(refused)


def var_is_a_file(folder: Path) -> dict[str, str]:
    (folder / "var").write_text("x")
    return {}


def settings_half_written(folder: Path) -> dict[str, str]:
    (folder / "ampoule.toml").write_text('port = 88\nvar = "/srv')
    return {"AMPOULE_CONFIG": str(folder / "ampoule.toml")}


def settings_not_text(folder: Path) -> dict[str, str]:
    (folder / "ampoule.toml").write_bytes(b"\xff\xfe\x00")
    return {"AMPOULE_CONFIG": str(folder / "ampoule.toml")}


def database_damaged(folder: Path) -> dict[str, str]:
    (folder / "var").mkdir()
    (folder / "var" / "ampoule.db").write_bytes(b"this was a database " * 400)
    return {}


def database_of_another_program(folder: Path) -> dict[str, str]:
    import sqlite3

    (folder / "var").mkdir()
    with sqlite3.connect(folder / "var" / "ampoule.db") as other:
        other.execute("CREATE TABLE theirs (id INTEGER)")
    return {}


def database_newer(folder: Path) -> dict[str, str]:
    (folder / "var").mkdir()
    db = Database.open(f"sqlite:///{folder / 'var' / 'ampoule.db'}")
    migrating.bring_up_to_date(db)
    with db.migrating() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    db.close()
    return {}


def secret_damaged(folder: Path) -> dict[str, str]:
    (folder / "var").mkdir()
    (folder / "var" / "site.secret").write_bytes(b"half")
    return {}


def certificate_damaged(folder: Path) -> dict[str, str]:
    (folder / "var" / "tls").mkdir(parents=True)
    (folder / "var" / "tls" / "server.pem").write_text("-----BEGIN CERTIFICATE-----\nMII")
    return {}


def certificate_without_its_key(folder: Path) -> dict[str, str]:
    certificates.make(folder / "var" / "tls", ["localhost"], datetime.now(UTC))
    (folder / "var" / "tls" / "server.key").write_text("half")
    return {}


def address_of_another_machine(_folder: Path) -> dict[str, str]:
    return {"AMPOULE_HOST": "203.0.113.9", "AMPOULE_PUBLIC_ADDRESS": ""}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (var_is_a_file, "AMPOULE_VAR"),
        (settings_half_written, "not complete TOML"),
        (settings_not_text, "not complete TOML"),
        (database_damaged, "could not be opened"),
        (database_of_another_program, "Ampoule did not make it"),
        (database_newer, "newer than this release"),
        (secret_damaged, "site.secret"),
        (certificate_damaged, "ampoule tls"),
        (certificate_without_its_key, "Make both anew"),
        (address_of_another_machine, "in clear"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_sentence(
    fault: Callable[[Path], dict[str, str]], words: str, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    given = fault(tmp_path)
    said = one_sentence(
        ampoule("serve", **{"AMPOULE_VAR": str(tmp_path / "var"), "AMPOULE_PORT": port, **given})
    )
    assert words in said


# Only root may become somebody else; where skipping is forbidden (CI) a run without it fails.
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_a_folder_of_somebody_else_is_said_in_one_sentence(tmp_path: Path) -> None:
    """The interpreter may lie in a folder that only root enters, so the rights are dropped in a process that has it open."""
    script = (
        "import os, sys; from vending import bootstrap, cli, demonstrating, local_door, production, server, timecheck, worker; "
        "import encodings.idna, vending.web.app; os.setgid(65534); os.setuid(65534); sys.argv = ['ampoule', 'serve']; cli.main()"
    )
    folder = tmp_path / "var"
    folder.mkdir(mode=0o700)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AMPOULE_")}
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        env={**clean, "AMPOULE_VAR": str(folder), "AMPOULE_PORT": "8999"},
    )
    assert "AMPOULE_VAR" in one_sentence(result)
