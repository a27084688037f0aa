"""`ampoule tariff` as a person types it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from vending.clock import FixedClock
from vending.db import Database
from vending.errors import VendingError
from vending.tariffs import document, service
from vending.tariffs.command import tariff
from vending.tariffs.service import Approval

from .published import FOLDER

OLD, NEW = str(FOLDER / "za-citypower-prepaid-2023.toml"), str(FOLDER / "za-citypower-prepaid-high-2024.toml")


def said(*arguments: str) -> str:
    result = CliRunner().invoke(tariff, list(arguments))
    assert result.exit_code == 0, result.output
    return str(result.output)


def test_reads_a_file_in_words() -> None:
    assert "Energy: to 350 kWh 2.0967, to 500 kWh 2.4051, above 2.7405." in said("read", OLD)


def test_compares_two_files() -> None:
    assert "Energy, block 1: 2.0967 → 2.3634 (+12.7 %)" in said("diff", OLD, NEW)
    assert said("diff", OLD, OLD) == "Nothing changes.\n"


def test_prices_money_and_energy() -> None:
    words = said("price", OLD, "--money", "500")
    assert words.startswith("207.3 kWh for ZAR 500.00\n")
    assert "207.3 kWh × 2.0967 (block 1)" in words
    assert said("price", OLD, "--energy", "350").startswith("350 kWh for ZAR 843.93\n")
    assert said("price", OLD, "--money", "500", "--before", "200").startswith("200 kWh for")


@pytest.mark.parametrize("arguments", [(), ("--money", "5", "--energy", "5")])
def test_wants_either_money_or_energy(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(tariff, ["price", OLD, *arguments]).exit_code == 2


def test_says_why_nothing_is_sold() -> None:
    result = CliRunner().invoke(tariff, ["price", OLD, "--money", "0.10"])
    assert result.exit_code == 1
    assert "buys less than 0.1 kWh" in result.output


def test_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(Path(OLD).read_text().replace("15 %", "0.15 %"))
    with pytest.raises(VendingError, match="less than one per cent"):
        CliRunner().invoke(tariff, ["read", str(file)], catch_exceptions=False)


def test_exports_what_is_published(
    sqlite_database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Manager:
        key = "m1"
        name = "Mara Manager"

    with sqlite_database.writing() as session:
        version = service.draft(session, clock, Path(OLD).read_text(), actor=Manager)
        approval = Approval("a1", version.hash, "m1", "s1")
        service.publish(session, clock, version.key, approval=approval, actor=Manager, zone=UTC)
    monkeypatch.setenv("AMPOULE_DATABASE_URL", f"sqlite:///{sqlite_database.url.database}")
    text = said("export", "za-citypower-prepaid-2023")
    assert document.parsed(text) == document.parsed(Path(OLD).read_text())
    assert document.parsed(text).valid_from == datetime(2023, 7, 1)  # noqa: DTZ001 — the site's wall clock
    with pytest.raises(VendingError, match="no such version"):
        CliRunner().invoke(
            tariff, ["export", "za-citypower-prepaid-2023", "--version", "7"], catch_exceptions=False
        )
