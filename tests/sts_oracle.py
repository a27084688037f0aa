"""The bit-string oracle of benchmarks/oracles/naive.py, for tests that ask for a second opinion."""

import importlib.util
from pathlib import Path

_specification = importlib.util.spec_from_file_location(
    "naive", Path(__file__).parents[1] / "benchmarks" / "oracles" / "naive.py"
)
naive = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(naive)
