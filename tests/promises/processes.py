"""Processes that a test starts, hurts and always ends."""

import os
import re
import runpy
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from variants import ROOT

_PROCESS = runpy.run_path(str(ROOT / "template/dev/process.py"))
die_with_parent = _PROCESS["die_with_parent"]
kill_group = _PROCESS["kill_group"]
free_port = _PROCESS["free_port"]

START_SECONDS = 120
POLL_SECONDS = 0.01
LONGEST_POLL_SECONDS = 0.5


class Program:
    """A command in a process group of its own, started as often as a test likes."""

    def __init__(
        self,
        *command: str | Path,
        log: Path,
        cwd: Path,
        environment: Mapping[str, str],
        ready: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self.log = log
        self._command = command
        self._cwd = cwd
        self._environment = environment
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Return once it is ready, which `ready` tells by what it has written."""
        with self.log.open("ab") as output:
            begin = output.tell()
            self._process = subprocess.Popen(
                self._command,
                cwd=self._cwd,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                # When this test run is killed, so is what it started.
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )
        wait_for(f"{self.log.stem} to start", lambda: self._has_started(begin))

    def send(self, number: signal.Signals) -> None:
        """To the process itself, not to its children."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill (-9) it and its children, at one moment."""
        if self._process is not None:
            kill_group(self._process.pid)
            self._process.wait()

    def wait(self, seconds: float) -> float:
        """Say how long it took to end."""
        assert self._process is not None
        begin = time.monotonic()
        self._process.wait(seconds)
        return time.monotonic() - begin

    def code(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process and self._process.poll()

    def left(self) -> list[int]:
        """What still runs of its process group."""
        stats = [_stat(file) for file in Path("/proc").glob("[0-9]*/stat")]
        return [
            pid for pid, state, group in stats if group == self.pid and state != "Z"
        ]

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def count(self, pattern: str) -> int:
        """Count the places in its log."""
        return len(re.findall(pattern, self.log.read_text(errors="replace")))

    def _has_started(self, begin: int) -> bool:
        assert self._process is not None
        written = self.log.read_bytes()[begin:].decode(errors="replace")
        assert self._process.poll() is None, f"{self.log.stem} ended:\n{written}"
        return self._ready(written)


def _stat(file: Path) -> tuple[int, str, int]:
    """Process, state and process group."""
    try:
        pid, _, rest = file.read_text().partition(" (")
    except OSError:
        return 0, "Z", 0
    state, _, group, *_ = rest.rpartition(")")[2].split()
    return int(pid), state, int(group)


def wait_for(
    what: str, happened: Callable[[], object], *, seconds: float = START_SECONDS
) -> float:
    """Say how long it took; raise when it never happens.

    To ask may start a program: it is done seldom enough to leave others the processor.
    """
    begin = asked = time.monotonic()
    while not happened():
        now = time.monotonic()
        if now > begin + seconds:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(min(max(POLL_SECONDS, 4 * (now - asked)), LONGEST_POLL_SECONDS))
        asked = time.monotonic()
    return time.monotonic() - begin


def run(*command: str | Path) -> str:
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
