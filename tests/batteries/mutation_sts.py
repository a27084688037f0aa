"""How many planted faults the tests of the standard notice: mutation testing with mutmut, by command.

    nice python tests/batteries/mutation_sts.py [FOLDER [NAME ...]]

The pure modules are copied into FOLDER (or a temporary one) with their tests; mutmut plants one fault after
another and runs the tests that reach it. With names (as '*__mutmut_7', one of each function) only those are
planted: a sample. Left out are the command line, the sentences of errors, and the arrays of numpy. Examples
are few and fixed, so that a survivor is always the same one. The survivors are listed, and
docs/reference/conformance.md says why each may live. Exit status 1 below 90 %.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEAST = 0.90

PURE = (
    *("bits", "checks", "digits", "drn", "pan", "tid", "amount", "keys", "dkga", "wire", "engine", "fast"),
    *(
        "id_record",
        "tokens/*",
        "ciphers/sta",
        "ciphers/misty1",
        "ciphers/sta_tables",
        "ciphers/misty1_tables",
    ),
    *("ciphers/table_file", "ciphers/__init__"),
)
TESTS = (
    *("bits", "checks", "drn", "pan", "tid", "amount", "keys", "dkga", "wire", "engine", "fast", "id_record"),
    *("tokens", "key_change", "ciphers", "table_file", "errors"),
)
SENTENCES = ["raise .*(what|reason|expected)=", "reason=", "WHAT = "]
SLOW = "not thousand and not million and not botan and not once_in_65536 and not generator"

# A fault is noticed by the first example that fails; making that example small would take most of the time.
CONFTEST = """
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutation",
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutation")
"""


def quoted(names):
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def prepare(folder):
    shutil.copytree(ROOT / "sts", folder / "sts", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tests" / "sts").mkdir(parents=True)
    for name in TESTS:
        shutil.copy(ROOT / "tests" / "sts" / f"test_{name}.py", folder / "tests" / "sts")
    for name in ("sts_oracle.py", "sts_cast.py"):
        shutil.copy(ROOT / "tests" / name, folder / "tests")
    shutil.copytree(ROOT / "benchmarks" / "oracles", folder / "benchmarks" / "oracles")
    (folder / "tests" / "conftest.py").write_text(CONFTEST)
    (folder / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\n"
        'addopts = "--import-mode=importlib -p no:cacheprovider"\n'
        'pythonpath = ["tests", "."]\n'
        'markers = ["long: by command"]\n'
        "[tool.mutmut]\n"
        'source_paths = ["sts"]\n'
        f"only_mutate = {quoted(f'sts/{name}.py' for name in PURE)}\n"
        'also_copy = ["tests", "benchmarks"]\n'
        'pytest_add_cli_args_test_selection = ["tests/sts"]\n'
        f'pytest_add_cli_args = ["-k", "{SLOW}"]\n'
        f"do_not_mutate_patterns = {json.dumps(SENTENCES)}\n"
        "use_git_change_detection = false\n"
    )


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="mutation-"))
    prepare(folder)
    python = [sys.executable, "-m", "mutmut"]
    subprocess.run([*python, "run", "--max-children", "2", *sys.argv[2:]], cwd=folder, check=False)
    listed = subprocess.run(
        [*python, "results", "--all", "true"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    outcomes = re.findall(r"(\S+): (killed|survived|timeout|no tests|suspicious|segfault)", listed)
    noticed = [name for name, outcome in outcomes if outcome in ("killed", "timeout", "segfault")]
    for name, outcome in outcomes:
        if outcome not in ("killed", "timeout", "segfault"):
            print(outcome, name)
    share = len(noticed) / max(1, len(outcomes))
    print(f"{len(noticed)} of {len(outcomes)} planted faults noticed: {share:.1%}; kept in {folder}")
    return 0 if outcomes and share >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
