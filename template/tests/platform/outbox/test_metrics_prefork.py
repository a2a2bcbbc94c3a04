import os
import signal
import subprocess
import sys

from prometheus_client import CollectorRegistry

from app.platform.outbox.metrics_prefork import counting_into_files
from dev.ports import free_port

CHILD = """
import sys, time
from prometheus_client import CollectorRegistry, Counter, Gauge
registry = CollectorRegistry()
Counter("done", "Done.", registry=registry).inc(3)
Gauge("busy", "Busy.", registry=registry, multiprocess_mode="livesum").set(1)
print("counted", flush=True)
sys.stdin.read()
"""


BEAT = f"""
from urllib.request import urlopen
from celery.signals import beat_init
from app.platform.outbox import metrics_prefork
from app.platform.telemetry.opentelemetry import OpentelemetryTelemetrySettings
port = {free_port()}
settings = OpentelemetryTelemetrySettings(metrics_port=port)
metrics_prefork.install(settings, service="shop", environment="test")
beat_init.send(None)
print(urlopen(f"http://127.0.0.1:{{port}}").read().decode())
raise SystemExit(0)
"""
END_SECONDS = 30


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


class TestBeat:
    def test_shows_itself_and_ends_when_it_is_told_to(self) -> None:
        beat = subprocess.run(
            [sys.executable, "-c", BEAT],
            stdout=subprocess.PIPE,
            text=True,
            timeout=END_SECONDS,
            check=True,
        )

        assert 'service_info{environment="test",service_name="shop"' in beat.stdout
        assert "process_cpu_seconds_total" in beat.stdout


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
