"""The two demonstrations run as the guides say."""

from __future__ import annotations

import keystore_cast as cast
from click.testing import CliRunner

from keystore import demonstration, demonstrations
from keystore.cli import main


def test_the_ghost_mints_the_budget_and_the_log_names_every_token(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path)) / "m"
    demonstration.init(folder)
    process = cast.Process(folder)
    said: list[str] = []
    with process.client() as module:
        haul = demonstrations.ghost(module, said.append)
    demonstrations.name_every_token(haul, folder / "log", said.append)
    process.stop()
    assert haul.units == haul.budget_before == 20_000_000
    assert haul.stopped_by.code == "budget-exhausted"
    assert sum("no such verb" in line for line in said) == 5


def test_the_rollover_takes_a_meter_through_its_last_minute() -> None:
    result = CliRunner().invoke(main, ["demo", "rollover"])
    assert result.exit_code == 0, result.output
    assert "identifier 16777215 (2024-11-24 20:15)" in result.output
    assert "It sells nothing more" in result.output
    assert "under the new key" in result.output
    assert "would make used tokens live again" in result.output
