"""The demonstrations that convince, as the commands that people run."""

import subprocess
import sys
from pathlib import Path


def demo(name: str, folder: Path) -> str:
    program = Path(sys.executable).parent / "ampoule"
    done = subprocess.run(
        [str(program), "demo", name], capture_output=True, text=True, timeout=120, cwd=folder
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
