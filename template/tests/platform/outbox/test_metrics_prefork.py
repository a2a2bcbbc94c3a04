import os
import signal
import subprocess
import sys

from app.platform.outbox.telemetry import counted, counting_into_files

CHILD = """
import sys, time
from prometheus_client import CollectorRegistry, Counter, Gauge
registry = CollectorRegistry()
Counter("done", "Done.", registry=registry).inc(3)
Gauge("busy", "Busy.", registry=registry, multiprocess_mode="livesum").set(1)
print("counted", flush=True)
sys.stdin.read()
"""


def start_child() -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "counted\n"
    return child


class TestChildren:
    def test_leave_what_they_have_done_and_not_what_they_were_doing(self) -> None:
        with counting_into_files():
            page = counted(lambda _: None)
            children = [start_child(), start_child()]
            _, both = page("")
            os.kill(children[0].pid, signal.SIGKILL)
            children[0].wait()
            _, survivor = page("")
            children[1].communicate()

        assert {b"done_total 6.0", b"busy 2.0"} <= {*both.splitlines()}
        assert {b"done_total 6.0", b"busy 1.0"} <= {*survivor.splitlines()}

    def test_leave_nothing_behind_when_all_is_over(self) -> None:
        with counting_into_files():
            pass

        assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
