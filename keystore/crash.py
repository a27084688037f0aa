"""Named crash points, so that a test can end the module by kill -9 exactly there.

`AMPOULE_CRASH_AT=keystore.after-append` ends the process at the first pass, `…:3` at the third. It works only
while the key file holds test keys: the engine arms it then, and nobody else does.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "AMPOULE_CRASH_AT"

POINTS = (
    "keystore.at-start",
    "keystore.before-append",
    "keystore.half-written",
    "keystore.before-sync",
    "keystore.after-append",
    "keystore.before-answer",
    "keystore.after-answer",
    "keystore.before-snapshot",
    "keystore.inside-snapshot",
    "keystore.after-snapshot",
    "keystore.before-checkpoint",
    "keystore.after-checkpoint",
)

_armed: list[str | int] = []


def arm(all_test: bool) -> None:
    """Read the variable, if the keys are test keys."""
    _armed.clear()
    wanted = os.environ.get(VARIABLE, "")
    if all_test and wanted:
        name, _, passes = wanted.partition(":")
        _armed.extend((name, int(passes or "1")))


def armed(name: str) -> bool:
    return bool(_armed) and _armed[0] == name


def point(name: str) -> None:
    if not _armed or _armed[0] != name:
        return
    left = int(_armed[1]) - 1
    _armed[1] = left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
