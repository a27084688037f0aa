"""The WSGI entry serves on PostgreSQL with the worker beside it, and refuses SQLite and an old database in one sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from product import free_port, wait_for

PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def empty_postgresql(postgresql_server: str) -> Iterator[str]:
    import psycopg
    from sqlalchemy.engine import make_url

    name = f"wsgi_{uuid.uuid4().hex[:10]}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def environment(folder: Path, **more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AMPOULE_")}
    return {**clean, "AMPOULE_VAR": str(folder), "PYTHONUNBUFFERED": "1", **more}


def load_wsgi(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import wsgi; print(wsgi.application.name)"],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(folder, **more),
        cwd=Path(__file__).parent.parent.parent,
    )


def test_on_sqlite_it_names_the_command_to_use_instead(tmp_path: Path) -> None:
    result = load_wsgi(tmp_path)
    assert result.returncode != 0
    assert "start `ampoule serve` instead" in result.stderr


def test_on_postgresql_it_serves_two_processes_and_the_worker_runs_beside_them(
    tmp_path: Path, empty_postgresql: str
) -> None:
    old = load_wsgi(tmp_path, AMPOULE_DATABASE_URL=empty_postgresql)
    assert "Run `ampoule database upgrade` once" in old.stderr
    settings = environment(tmp_path, AMPOULE_DATABASE_URL=empty_postgresql)
    upgrade = [str(PROGRAMS / "ampoule"), "database", "upgrade"]
    first = subprocess.run(upgrade, env=settings, capture_output=True, text=True, timeout=60)
    assert first.stdout == "upgraded to version 0001\n", first.stderr
    again = subprocess.run(upgrade, env=settings, capture_output=True, text=True, timeout=60)
    assert again.stdout == "already at version 0001\n"
    port = free_port()
    out = open(tmp_path / "out", "wb")  # noqa: SIM115 — two processes write to it
    serve = [
        str(PROGRAMS / "granian"),
        "--interface",
        "wsgi",
        "--workers",
        "2",
        "--port",
        str(port),
        "wsgi:application",
    ]
    root = Path(__file__).parent.parent.parent
    processes = [
        subprocess.Popen(serve, env=settings, cwd=root, stdout=out, stderr=out, start_new_session=True),
        subprocess.Popen(
            [str(PROGRAMS / "ampoule"), "worker"],
            env=settings,
            stdout=out,
            stderr=out,
            start_new_session=True,
        ),
    ]
    try:
        import requests

        def answers() -> bool:
            try:
                return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).json() == {"status": "ok"}
            except requests.RequestException:
                return False

        wait_for(answers, what="granian", seconds=60)
        wait_for(
            lambda: b"the worker is at work" in (tmp_path / "out").read_bytes(), what="the worker", seconds=60
        )
        assert requests.get(f"http://127.0.0.1:{port}/sign-in", timeout=10).status_code == 200
        # Without a module it is alive and not ready.
        assert requests.get(f"http://127.0.0.1:{port}/readyz", timeout=20).status_code == 503
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                # How the server of others ends its workers is not what this test looks at; none may be left behind.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
        out.close()
