"""Server processes that this run starts and ends: none outlives it."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from dev.lifeline import die_with_parent, kill_group

START_SECONDS = 30
STOP_SECONDS = 10
POLL_SECONDS = 0.005
LOG_TAIL_BYTES = 2_000


class Data(Enum):
    """What a server does with its data: survive a restart, or be quick."""

    KEPT = "kept"
    DISPOSABLE = "disposable"


class NotStartedError(RuntimeError):
    """A server that this run needs did not start; the message says why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom a server runs: words before its command, and arguments of `Popen`."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `stop` returns once it is gone."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    ending: signal.Signals = signal.SIGTERM
    cleanup: Callable[[], None] = field(default=lambda: None)

    def stop(self) -> None:
        end(self.process, self.ending)
        self.cleanup()


def launch(
    command: Sequence[str | Path],
    *,
    log: Path,
    identity: Identity = Identity(),
    environment: Mapping[str, str] | None = None,
    ending: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a server in a process group of its own.

    On Linux it gets `ending` when the thread that started it dies, however that dies.
    """
    with log.open("wb") as output:
        return subprocess.Popen(
            [*identity.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            process_group=0,
            user=identity.uid,
            group=identity.gid,
            extra_groups=None if identity.uid is None else [],
            preexec_fn=die_with_parent(ending),  # noqa: PLW1509 - one system call
        )


def wait_until(
    ready: Callable[[], bool],
    *,
    name: str,
    process: subprocess.Popen[bytes],
    log: Path,
) -> None:
    """Return once `ready`; end the process and raise when it never is."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            end(process, signal.SIGKILL)
            raise NotStartedError(f"{name} did not start:\n{_tail(log)}")
        time.sleep(POLL_SECONDS)


def end(process: subprocess.Popen[bytes], ending: signal.Signals) -> None:
    """Ask the process to end, insist after `STOP_SECONDS`, then sweep its group."""
    if process.poll() is None:
        process.send_signal(ending)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    kill_group(process.pid)
    process.wait()


def _tail(log: Path) -> str:
    return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
