"""A server that does not start says why, and a started one leaves nothing."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dev.process import NotStartedError, Server, launch, wait_until

SLEEPING_CHILD = """
import subprocess, sys, time
from pathlib import Path
from dev.process import launch
print(launch(["sleep", "60"], log=Path(sys.argv[1])).pid, flush=True)
time.sleep(60)
"""


def ends(pid: int, *, within_seconds: float = 40) -> bool:
    """Whether it is gone in time, or a zombie that nobody has waited for."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        command = ["ps", "-o", "stat=", "-p", str(pid)]
        state = subprocess.run(command, capture_output=True, check=False).stdout
        if state.strip() in {b"", b"Z"}:
            return True
        time.sleep(0.01)
    return False


class TestWaiting:
    def test_a_server_that_ends_is_refused_with_the_end_of_its_log(
        self, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        process = launch(["sh", "-c", "echo no space left; exit 1"], log=log)

        with pytest.raises(NotStartedError, match="Shop did not start:\nno space left"):
            wait_until(lambda: False, name="Shop", process=process, log=log)


class TestStopping:
    def test_what_the_server_started_itself_ends_with_it(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        process = launch(["sh", "-c", "sleep 60 & echo $!; wait"], log=log)
        wait_until(
            lambda: log.read_text().strip().isdigit(),
            name="sh",
            process=process,
            log=log,
        )
        child = int(log.read_text())

        Server("sh", "", process).stop()

        assert process.returncode == -signal.SIGTERM
        assert ends(child)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the system call")
class TestDying:
    def test_a_killed_run_leaves_no_server(self, tmp_path: Path) -> None:
        script = [sys.executable, "-c", SLEEPING_CHILD, str(tmp_path / "log")]
        with subprocess.Popen(script, stdout=subprocess.PIPE) as run:
            assert run.stdout is not None
            server = int(run.stdout.readline())

            run.kill()
            run.wait()

        assert ends(server)
