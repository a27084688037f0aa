"""Named places where a test may kill the process, to prove that recovery is the normal path.

Does nothing unless AMPOULE_CRASH_AT names the point (optionally `point:3` for the third time it is reached). A kill -9
is the hardest case: no handler runs, no buffer is flushed. A battery that forks instead of starting anew arms its child
by hand.
"""

import os
import signal
from collections import Counter

POINTS = (
    "sale.before-paid",
    "sale.after-paid",
    "sale.before-issue",
    "sale.after-issue",
    "sale.before-release",
    "sale.after-release",
    "reversal.after-tombstone",
    "reversal.before-commit",
)

_wanted = ""
_nth = 1
_reached: Counter[str] = Counter()


def arm(text: str) -> None:
    """`point` or `point:3`; empty disarms."""
    global _wanted, _nth
    _wanted, _, times = text.partition(":")
    _nth = int(times or 1)
    _reached.clear()


arm(os.environ.get("AMPOULE_CRASH_AT", ""))


def reach(point: str) -> None:
    if not _wanted or point != _wanted:
        return
    assert point in POINTS, f"{point} is not in the list of crash points"
    _reached[point] += 1
    if _reached[point] == _nth:
        os.kill(os.getpid(), signal.SIGKILL)
