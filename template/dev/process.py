"""Server processes that this run starts and ends: none outlives it."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from random import SystemRandom

HOST = "127.0.0.1"
ANSWER_SECONDS = 1


def free_port() -> int:
    """Find one that nobody listens on, of those that no connection takes by itself."""
    while True:
        port = SystemRandom().randrange(20_000, 32_768)
        with socket.socket() as listener, suppress(OSError):
            listener.bind((HOST, port))
            return port


def answers(port: int, *, question: bytes, answer: bytes) -> bool:
    """Whether what listens there begins its reply as expected, within a second."""
    try:
        with socket.create_connection((HOST, port), ANSWER_SECONDS) as client:
            client.sendall(question)
            return client.recv(len(answer)) == answer
    except OSError:
        return False


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


type Start = Callable[[Path, Data], Server]


@contextmanager
def provided(
    starts: Mapping[str, Start], directory: Path, data: Data
) -> Iterator[dict[str, str]]:
    """The URL behind each variable; what was started here ends with the block."""
    with ExitStack() as stack:
        urls = {}
        for variable, start in starts.items():
            url = os.environ.get(variable)
            if not url:
                part = variable.partition("__")[0].lower()
                server = start(directory / part, data)
                stack.callback(server.stop)
                url = server.url
            urls[variable] = url
        yield urls
