"""What ends the processes that nobody would end otherwise."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from functools import partial

PR_SET_PDEATHSIG = 1


def die_with_parent(ending: signal.Signals) -> Callable[[], object] | None:
    """For `preexec_fn`: Linux sends `ending` when the thread that forked dies.

    Other systems have no such call; there, only a killed (-9) parent leaves orphans.
    """
    if sys.platform != "linux":
        return None
    return partial(ctypes.CDLL(None).prctl, PR_SET_PDEATHSIG, int(ending))


def kill_group(group: int) -> None:
    """Kill what is left of a process group, which may be nothing."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # macOS answers "not permitted" for a group of zombies.
        return
