"""Named places where a test may kill the process, to prove that recovery is the normal path.

Does nothing unless AMPOULE_CRASH_AT names the point (optionally `point:3` for the third time it is reached). A kill -9
is the hardest case: no handler runs, no buffer is flushed.
"""

import os
import signal
from collections import Counter

_wanted, _, _nth = os.environ.get("AMPOULE_CRASH_AT", "").partition(":")
_reached: Counter[str] = Counter()

POINTS = (
    "sale.before-paid",
    "sale.after-paid",
    "sale.before-issue",
    "sale.after-issue",
    "sale.before-release",
    "sale.after-release",
)


def reach(point: str) -> None:
    if not _wanted or point != _wanted:
        return
    assert point in POINTS, f"{point} is not in the list of crash points"
    _reached[point] += 1
    if _reached[point] == int(_nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
