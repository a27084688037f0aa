"""`ampoule audit` on a database file: what it prints, and how it ends."""

import json

import pytest
from click.testing import CliRunner

from vending.auditor.command import audit
from vending.clock import FixedClock
from vending.db import Database
from vending.ledger import service
from vending.ledger.entries import transfer


@pytest.fixture
def url(sqlite_database: Database, clock: FixedClock) -> str:
    with sqlite_database.writing() as session:
        service.post(
            session, clock,
            [transfer("payment", "payment/1", "ZAR", 500, debited="cash/till-1", credited="customer/t1")],
        )  # fmt: skip
    return f"sqlite:///{sqlite_database.url.database}"


def test_prints_each_check_with_its_rows_beside_a_running_server(url: str) -> None:
    result = CliRunner().invoke(audit, ["--url", url])
    assert result.exit_code == 0
    assert "Every entry sums to zero in every unit." in result.output
    assert "no fault." in result.output


def test_speaks_json(url: str) -> None:
    result = CliRunner().invoke(audit, ["--url", url, "--json"])
    assert json.loads(result.output)["clean"] is True


def test_says_when_there_is_no_database(tmp_path) -> None:  # type: ignore[no-untyped-def]
    result = CliRunner().invoke(audit, ["--url", f"sqlite:///{tmp_path}/nothing.db"])
    assert result.exit_code == 1
    assert "could not be read" in result.output
    assert not (tmp_path / "nothing.db").exists()


def test_ends_with_one_when_something_is_wrong(url: str, sqlite_database: Database) -> None:
    with sqlite_database.migrating() as connection:
        connection.exec_driver_sql("UPDATE ledger_bound SET floor = 1")
        connection.exec_driver_sql(
            "INSERT INTO ledger_bound (account_id, unit, floor) SELECT id, 'ZAR', 501 FROM ledger_account WHERE path = 'customer/t1'"
        )
        connection.commit()
    result = CliRunner().invoke(audit, ["--url", url])
    assert result.exit_code == 1
    assert "below its floor" in result.output
