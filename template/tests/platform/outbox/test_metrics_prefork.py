import os
import signal
import subprocess
import sys

from prometheus_client import CollectorRegistry

from app.platform.outbox.telemetry_prefork import counting_into_files

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
        registry = CollectorRegistry()
        with counting_into_files(registry):
            children = [start_child(), start_child()]
            both = _numbers(registry)
            os.kill(children[0].pid, signal.SIGKILL)
            children[0].wait()
            survivor = _numbers(registry)
            children[1].communicate()

        assert both == (6, 2)
        assert survivor == (6, 1)

    def test_leave_nothing_behind_when_all_is_over(self) -> None:
        with counting_into_files(CollectorRegistry()):
            pass

        assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def _numbers(registry: CollectorRegistry) -> tuple[float | None, float | None]:
    return registry.get_sample_value("done_total"), registry.get_sample_value("busy")
