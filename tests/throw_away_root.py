"""A throw-away copy of this machine's root: an overlay in a mount namespace of its own. What is installed in it, users and
services included, is gone with it; this machine is never written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent.parent

_MAKE = """
set -e
mount -t tmpfs -o size=2500m ampoule-test "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay ampoule-test -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for name in proc dev; do mount --rbind "/$name" "$1/root/$name"; done
mount -t tmpfs ampoule-test "$1/root/run"
mkdir -p "$1/root/src" "$1/root/root/.cache"
mount --bind "$2" "$1/root/src"
if [ -d "$HOME/.cache/uv" ]; then mkdir -p "$1/root/uv-cache"; mount --bind "$HOME/.cache/uv" "$1/root/uv-cache"; fi
echo made
exec sleep infinity
"""


def _clean_environment() -> dict[str, str]:
    """This process's, without its settings of Ampoule: an installed product reads its own file."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AMPOULE_")}


@dataclass(frozen=True)
class Root:
    holder: int
    path: Path

    def command(self, *words: str, user: str = "", environment: dict[str, str] | None = None) -> list[str]:
        given = [f"{name}={value}" for name, value in (environment or {}).items()]
        who = ["runuser", "-u", user, "--"] if user else []
        return [
            *("nsenter", "-t", str(self.holder), "-m", "chroot", str(self.path)),
            *("env", "UV_CACHE_DIR=/uv-cache", *given, *who, *words),
        ]

    def run(
        self, *words: str, user: str = "", environment: dict[str, str] | None = None, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """`given`: what is typed on standard input."""
        return subprocess.run(
            self.command(*words, user=user, environment=environment),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            input=given,
            env=_clean_environment(),
        )

    def start(
        self, *words: str, user: str, out: Path, environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        with open(out, "ab") as file:
            return subprocess.Popen(
                self.command(*words, user=user, environment=environment),
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=_clean_environment(),
            )

    def read(self, path: str) -> str:
        return self.run("cat", path).stdout


@contextmanager
def throw_away_root(folder: Path) -> Iterator[Root]:
    """Needs root and a kernel that may mount an overlay here; says so when it is not."""
    holder = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", _MAKE, "sh", str(folder), str(SOURCE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_clean_environment(),
    )
    try:
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != "made\n":
            raise OSError(holder.stderr.read())
        yield Root(holder.pid, folder / "root")
    finally:
        holder.kill()
        holder.wait()
