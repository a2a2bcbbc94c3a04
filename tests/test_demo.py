"""What `make demo` leaves when it ends, wherever it was started."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from client import wait_for
from variants import ROOT

START_SECONDS = 400
END_SECONDS = 120
# As a script would: without job control, what is in the background ignores Ctrl-C.
SCRIPT = "make demo >{log} 2>&1 & echo $! >{pid}; wait"


@contextmanager
def demo_in_the_background(folder: Path) -> Iterator[tuple[int, Path]]:
    """Start it, and give make's process and what the demo says."""
    log, pid = folder / "log", folder / "pid"
    script = subprocess.Popen(
        ["sh", "-c", SCRIPT.format(log=log, pid=pid)], cwd=ROOT, start_new_session=True
    )
    try:
        wait_for(
            "The demo",
            lambda: script.poll() is not None or "ends it." in said(log),
            seconds=START_SECONDS,
        )
        assert script.poll() is None, said(log)
        yield int(pid.read_text()), log
    finally:
        with suppress(ProcessLookupError):
            os.killpg(script.pid, signal.SIGTERM)
        script.wait()


def said(log: Path) -> str:
    return log.read_text() if log.exists() else ""


def processes_of(folder: str) -> list[str]:
    found = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    )
    return [line for line in found.stdout.splitlines() if folder in line]


class TestInTheBackground:
    @pytest.mark.parametrize(
        "asked", ["make", pytest.param("demo", marks=pytest.mark.thorough)]
    )
    def test_leaves_no_process_and_names_what_it_leaves(
        self, tmp_path: Path, asked: str
    ) -> None:
        with demo_in_the_background(tmp_path) as (make, log):
            [folder] = re.findall(r"The code: +(\S+)", log.read_text())
            [pid] = re.findall(r"kill (\d+) ends it", log.read_text())
            assert len(processes_of(folder)) > 5

            if asked == "make":
                os.kill(make, signal.SIGTERM)
            else:
                os.kill(int(pid), signal.SIGINT)

            wait_for(
                "What it leaves",
                lambda: f"rm -r {folder}" in log.read_text(),
                seconds=END_SECONDS,
            )
            wait_for("Its end", lambda: processes_of(folder) == [], seconds=END_SECONDS)

        assert re.search(r"It leaves \d+ MB: rm -r ", log.read_text())
        shutil.rmtree(folder)
