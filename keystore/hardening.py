"""Keep key bytes out of core dumps, debuggers and swap, as far as the system lets a process do that for itself."""

from __future__ import annotations

import ctypes
import os
import resource

_PR_SET_DUMPABLE = 4
_CURRENT_AND_FUTURE = 3


def harden() -> list[str]:
    """Do what can be done; what did not work, as sentences for the operator."""
    failed = []
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        failed.append("Core dumps could not be forbidden here; forbid them for this user.")
    system = ctypes.CDLL(None, use_errno=True)
    if system.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        failed.append("This process may be dumped.")
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY or os.geteuid() == 0:
        if system.mlockall(_CURRENT_AND_FUTURE) != 0:
            failed.append("Memory could not be locked; use encrypted swap or none.")
    else:
        failed.append("Memory is not locked (LimitMEMLOCK); use encrypted swap or none.")
    return failed
