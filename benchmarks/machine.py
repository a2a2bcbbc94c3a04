"""What processes cost: processor time and memory, as the kernel keeps them."""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

# Linux names the clock of a process by its number: linux/posix-timers.h.
SCHEDULED = 2
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> Iterator[int]:
    """The process and all that descends from it."""
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))
    except FileNotFoundError:
        return


def processor_seconds(pids: Iterable[int]) -> float:
    """User and system time, with all threads, and of the children that have ended."""
    return sum(map(_seconds, pids))


def megabytes(pid: int) -> float:
    """The memory of one process that is resident and its own."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} says nothing of its memory")


def pin(pids: Iterable[int], cores: set[int]) -> None:
    """Keep what is measured away from what measures, where there are two cores."""
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), cores)


def _seconds(pid: int) -> float:
    try:
        own = time.clock_gettime(~pid << 3 | SCHEDULED)
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        # It has ended meanwhile: its parent has its time.
        return 0.0
    fields = stat.rpartition(")")[2].split()
    return own + (int(fields[13]) + int(fields[14])) / TICKS_PER_SECOND
