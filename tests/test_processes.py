"""Every process says on its admin port how it is, and ends as it is told."""

import json
import os
import signal
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.conftest import Rendered
from tests.promises.load import Shop
from tests.promises.processes import Program, wait_for
from tests.promises.service import Service
from tests.promises.valkey import Valkey

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
# Shorter than in production, so that a test need not wait for long.
PULSE_SECONDS = 8
SHORT = {
    "READINESS__INTERVAL_SECONDS": "0.1",
    "READINESS__TIMEOUT_SECONDS": "2",
    "READINESS__SLOW_FAILURES": "2",
    "TASKS__PULSE_SECONDS": str(PULSE_SECONDS),
    "SERVER__DRAIN_SECONDS": "3",
}
REFUSE = (
    "ALTER DATABASE {0} ALLOW_CONNECTIONS false",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{0}'",
)
ADMIT = ("ALTER DATABASE {0} ALLOW_CONNECTIONS true",)
ANSWER_SECONDS = 5
# What one may take at most.
TASK_SECONDS = 30
NO_PROOF = "holds no certificates"

type Said = tuple[int, dict[str, object]]


@pytest.fixture
def valkey(rendered: Rendered, tmp_path: Path) -> Iterator[Valkey]:
    valkey = Valkey(rendered("redis")[0], tmp_path / "valkey.log")
    valkey.start()
    yield valkey
    valkey.kill()


@pytest.fixture
def service(rendered: Rendered, valkey: Valkey, tmp_path: Path) -> Iterator[Service]:
    rendering, urls = rendered("redis")
    own = SHORT | {"BROKER__URL": valkey.url}
    with Service.open(rendering, urls, tmp_path, **own) as service:
        yield service


def started(service: Service, name: str) -> Program:
    """Return once it is ready."""
    begin = {"api": lambda: service.api()[0], "relay": service.relay}
    program = begin.get(name, service.worker)()
    wait_for(f"a ready {name}", lambda: ask(service, name, "/readyz")[0] == 200)
    return program


def ask(service: Service, name: str, path: str) -> Said:
    """Give status and body; 0 if nobody answers in time."""
    connection = HTTPConnection("127.0.0.1", service.ports[name], ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, HTTPException):
        return 0, {}
    finally:
        connection.close()
    is_json = response.getheader("Content-Type") == "application/json"
    return response.status, json.loads(body) if is_json else {"text": body.decode()}


def expect(service: Service, name: str, path: str, status: int) -> None:
    wait_for(
        f"{status} from {name}{path}", lambda: ask(service, name, path)[0] == status
    )


@pytest.mark.timeout(300)
class TestHowItIs:
    @pytest.mark.parametrize("name", ["api", "relay", "worker"])
    def test_is_asked_on_one_port(self, service: Service, name: str) -> None:
        started(service, name)

        alive, ready = (ask(service, name, path) for path in ("/livez", "/readyz"))
        _, metrics = ask(service, name, "/metrics")

        assert alive == (200, {"status": "ok"})
        assert ready[1]["status"] == "ready"
        assert {"database", "schema", "cache"} <= set(ready[1]["dependencies"])
        assert ("broker" in ready[1]["dependencies"]) == (name != "api")
        assert "service_info{" in metrics["text"]
        assert "readiness_ready 1.0" in metrics["text"]
        assert ask(service, name, "/elsewhere")[0] == 404

    @pytest.mark.parametrize("name", ["api", "relay", "worker"])
    def test_without_its_database_it_lives_and_is_not_ready(
        self, service: Service, name: str
    ) -> None:
        started(service, name)

        service.administer(*REFUSE)
        expect(service, name, "/readyz", 503)
        alive = ask(service, name, "/livez")[0]
        service.administer(*ADMIT)

        assert alive == 200
        expect(service, name, "/readyz", 200)

    @pytest.mark.parametrize("name", ["relay", "worker"])
    @pytest.mark.parametrize("how", ["kill", "freeze"])
    def test_without_its_broker_it_lives_and_is_not_ready(
        self, service: Service, valkey: Valkey, name: str, how: str
    ) -> None:
        started(service, name)

        getattr(valkey, how)()
        expect(service, name, "/readyz", 503)
        statuses = set()
        for _ in range(PULSE_SECONDS + 4):
            statuses.add(ask(service, name, "/livez")[0])
            signal.sigtimedwait([], 1)
        valkey.kill()
        valkey.start()

        assert statuses == {200}
        expect(service, name, "/readyz", 200)
        expect(service, name, "/livez", 200)

    @pytest.mark.skipif(not RABBITMQ.exists(), reason="no RabbitMQ is installed here")
    @pytest.mark.thorough
    @pytest.mark.parametrize("name", ["relay", "worker"])
    def test_is_the_same_beside_rabbitmq(
        self, rendered: Rendered, tmp_path: Path, name: str
    ) -> None:
        rendering, urls = rendered("rabbitmq")
        with Service.open(rendering, urls, tmp_path, **SHORT) as service:
            started(service, name)
            answers = set()
            for _ in range(2 * PULSE_SECONDS):
                for path in ("/readyz", "/livez"):
                    answers.add(ask(service, name, path)[0])
                signal.sigtimedwait([], 1)

        assert answers == {200}

    def test_a_frozen_relay_does_not_live(self, service: Service) -> None:
        relay = started(service, "relay")

        relay.send(signal.SIGSTOP)
        frozen = ask(service, "relay", "/livez")[0]
        relay.send(signal.SIGCONT)

        assert frozen == 0
        expect(service, "relay", "/livez", 200)

    def test_a_worker_whose_loop_hangs_does_not_live(self, service: Service) -> None:
        worker = started(service, "worker")

        worker.send(signal.SIGSTOP)
        expect(service, "worker", "/livez", 503)
        worker.send(signal.SIGCONT)

        expect(service, "worker", "/livez", 200)

    def test_a_worker_outlives_its_children(self, service: Service) -> None:
        worker = started(service, "worker")
        before = worker.children()

        for child in before[1:]:
            os.kill(child, signal.SIGKILL)

        wait_for("new children", lambda: len(set(worker.children()) - {*before}) == 2)
        assert ask(service, "worker", "/livez")[0] == 200


@pytest.mark.timeout(300)
class TestEnd:
    @pytest.mark.parametrize(
        ("name", "number"),
        [
            ("api", signal.SIGTERM),
            ("api", signal.SIGINT),
            ("relay", signal.SIGTERM),
            ("relay", signal.SIGINT),
            # Celery takes Ctrl-C for a failure.
            ("worker", signal.SIGTERM),
        ],
    )
    def test_is_0_when_told(
        self, service: Service, name: str, number: signal.Signals
    ) -> None:
        program = started(service, name)

        program.send(number)
        program.wait(60)

        assert program.code() == 0
        assert program.left() == []
        assert ask(service, name, "/livez")[0] == 0

    @pytest.mark.parametrize("name", ["api", "relay", "worker"])
    def test_is_no_success_and_one_line_when_it_cannot_start(
        self, service: Service, name: str
    ) -> None:
        ended = service.attempt(name, SSL_CERT_FILE=os.devnull)

        reasons = [line for line in ended.stdout.splitlines() if NO_PROOF in line]
        assert ended.returncode > 0
        assert len(reasons) == 1
        assert "Traceback" not in ended.stderr

    def test_comes_at_once_when_told_twice(self, service: Service) -> None:
        api = started(service, "api")

        api.send(signal.SIGTERM)
        expect(service, "api", "/readyz", 503)
        api.send(signal.SIGTERM)

        assert api.wait(20) < 20
        assert api.code() == 1

    def test_comes_soon_when_a_worker_is_told_twice(self, service: Service) -> None:
        _, address = service.api()
        mail, worker = service.mail(), started(service, "worker")
        service.relay()
        # Nobody can be told while the mail server sleeps: a task runs for its time.
        mail.send(signal.SIGSTOP)
        Shop(address).order()
        wait_for("a task", lambda: service.begun(lease_seconds=120) == 1)

        worker.send(signal.SIGTERM)
        expect(service, "worker", "/readyz", 503)
        alive = ask(service, "worker", "/livez")[0]
        worker.send(signal.SIGTERM)
        seconds = worker.wait(60)

        assert alive == 200
        assert seconds < TASK_SECONDS / 2
        assert worker.left() == []
        # It was cut off, and another worker makes the attempt again.
        assert service.begun(lease_seconds=120) == 1

    def test_of_a_worker_is_that_of_all_its_processes(self, service: Service) -> None:
        worker = started(service, "worker")
        herald = worker.children()[0]

        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(60)

        wait_for("the herald's end", lambda: not Path(f"/proc/{herald}/stat").exists())
