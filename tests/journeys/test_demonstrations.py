"""The demonstrations that convince, as the commands that people run."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path


def demo(name: str, folder: Path, *options: str, **environment: str) -> str:
    program = Path(sys.executable).parent / "ampoule"
    done = subprocess.run(
        [str(program), "demo", name, *options],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=folder,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_ghost_mints_to_the_budget_and_the_log_names_every_token(tmp_path: Path) -> None:
    said = demo("ghost", tmp_path)
    assert "Minted 20000000 units" in said
    assert "not one unit more" in said
    assert "names each of the 12 tokens, 20000000 units" in said
    assert list(tmp_path.iterdir()) == []


def test_a_meter_of_1993_is_sold_to_refused_and_changed(tmp_path: Path) -> None:
    said = demo("rollover", tmp_path)
    assert "(2024-11-24 20:15)" in said
    assert "The meter's key ended" in said
    assert "key change 2 of 2" in said
    assert "under the new key" in said


def test_a_server_that_is_killed_between_payment_and_token_ends_with_the_same_digits(tmp_path: Path) -> None:
    said = demo("crash", tmp_path).splitlines()
    assert len(said) == 8
    assert "signal 9" in said[2]
    assert "'paid', 150.00 are in the drawer, 0 tokens" in said[3]
    digits = said[4].rpartition(": ")[2]
    assert len(digits.replace(" ", "")) == 20
    assert said[6].endswith(digits)
    assert "log, database, books and receipts agree" in said[7]
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_lives_the_same_history_and_the_books_agree(tmp_path: Path) -> None:
    """Six days of the mall, twice: simulated tenants, the real module under their clock, the real sale."""
    digests = []
    for name in ("one", "two"):
        said = demo(
            "history",
            tmp_path,
            *("--days", "6", "--seed", "3", "--until", "2026-11-20"),
            AMPOULE_VAR=str(tmp_path / name),
        )
        assert "76 token meters, 6 days from 2026-11-14 on, seed 3." in said
        assert "Log, database, books and receipts agree" in said
        assert int(said.partition(" sales,")[0].splitlines()[-1].replace(",", "")) > 20
        digests.append(said.partition("Digest of the books: ")[2].split()[0])
    assert digests[0] == digests[1]
    assert len(digests[0]) == 64
    _cashiers_worked(tmp_path / "one" / "ampoule.db")
    program = Path(sys.executable).parent / "ampoule"
    again = subprocess.run(
        [str(program), "demo", "history", "--days", "1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "AMPOULE_VAR": str(tmp_path / "one")},
    )
    assert again.returncode == 1
    assert "holds a demonstration already" in again.stderr


def _cashiers_worked(books: Path) -> None:
    """Every sale belongs to a shift that was counted and closed, what it took is on its way to the bank, and accounts
    were topped up by transfer."""
    connection = sqlite3.connect(books)
    try:

        def one(statement: str) -> int:
            return int(connection.execute(statement).fetchone()[0])

        assert one("SELECT count(*) FROM payment WHERE shift = ''") == 0
        assert one("SELECT count(*) FROM shift") == one("SELECT count(*) FROM shift_closing") >= 2
        assert one("SELECT count(*) FROM bank_batch_shift") >= 2
        assert one("SELECT count(*) FROM bank_line") > 0
        assert one("SELECT count(*) FROM vend WHERE kind = 'account' AND state = 'issued'") > 0
    finally:
        connection.close()
