"""What telemetry costs one request: a service with it beside the same without it."""

import os
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from tests.promises import servers  # noqa: E402 - it is not installed
from tests.promises.load import Client, Shop  # noqa: E402
from tests.promises.processes import Program, free_port, run  # noqa: E402
from variants import render, snapshot  # noqa: E402

ROUNDS = 11
REQUESTS = 300
WARM_UP = 500
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Measured is what telemetry costs, without who asks.
PLAIN = {"identity": "none"}
UV = ROOT / ".venv/bin/uv"


class Api:
    """One process, and the CPU time that it has used."""

    def __init__(
        self, rendering: Path, logs: Path, environment: dict[str, str]
    ) -> None:
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self.program = Program(
            rendering / ".venv/bin/uvicorn",
            *("app.main:create_app", "--factory", "--no-access-log"),
            *("--host=127.0.0.1", f"--port={port}"),
            log=logs / f"{port}.log",
            cwd=rendering,
            environment=environment,
            ready=lambda written: "Uvicorn running on" in written,
        )

    def microseconds(
        self, path: str, requests: int, client: Client | None = None
    ) -> float:
        """CPU of the process for one request, of its threads too."""
        # A server closes a connection that rests while the others are measured.
        client = client or Client(self.address)
        before = self._ticks()
        for _ in range(requests):
            assert client.get(path).status == HTTPStatus.OK
        return (self._ticks() - before) / TICKS_PER_SECOND / requests * 1e6

    def _ticks(self) -> int:
        stat = Path(f"/proc/{self.program.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        template = snapshot(folder / "strata")
        on = prepare(render(template, folder / "on", PLAIN))
        off = prepare(render(template, folder / "off", PLAIN | {"telemetry": "none"}))
        environment = stack.enter_context(servers.running(on, folder))
        endpoint = {"TELEMETRY__OTLP_ENDPOINT": stack.enter_context(collector())}
        silent = {"ADMIN__PORT": "0"}
        apis = {
            "telemetry=none": Api(off, folder, environment),
            "metrics": Api(on, folder, environment | silent),
            "metrics, traces 10 %": Api(
                on,
                folder,
                environment | silent | endpoint | {"TELEMETRY__SAMPLE_RATIO": "0.1"},
            ),
            "metrics, traces 100 %": Api(
                on,
                folder,
                environment | silent | endpoint | {"TELEMETRY__SAMPLE_RATIO": "1"},
            ),
        }
        for api in apis.values():
            stack.callback(api.program.kill)
            api.program.start()
        report(measure(apis))


def prepare(rendering: Path) -> Path:
    run(UV, "sync", "--quiet", "--project", rendering, "--python", sys.executable)
    return rendering


def measure(apis: dict[str, Api]) -> dict[str, list[float]]:
    """One round after the other, so that the machine's moods meet all alike."""
    shop = Shop(next(iter(apis.values())).address)
    path = f"/v1/catalog/products/{shop._product['id']}"  # noqa: SLF001
    for api in apis.values():
        api.microseconds(path, WARM_UP)
    costs = defaultdict(list)
    for number in range(ROUNDS):
        for name in sorted(apis, reverse=bool(number % 2)):
            costs[name].append(apis[name].microseconds(path, REQUESTS))
    return costs


def report(costs: dict[str, list[float]]) -> None:
    without = median(costs["telemetry=none"])
    print(f"GET a product, {ROUNDS} rounds of {REQUESTS}; CPU of the API, median:")
    for name, each in costs.items():
        cost = median(each)
        more, ratio = cost - without, cost / without
        print(f"{name:24}{cost:8.0f} us {more:+7.0f} us {ratio:6.2f}")


@contextmanager
def collector() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Drain) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Drain(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of each batch."""


if __name__ == "__main__":
    main()
