"""What a running default service says: the lines it writes, and the spans it sends."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.promises.load import Client, Shop
from tests.promises.processes import wait_for
from tests.promises.service import Service

TRACEBACK = "Traceback (most recent call last)"
# The service's own packages know the bodies; strata has none that does.
DECODE = """
import json, sys
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest as Request,
)
print(json.dumps([
    MessageToDict(Request.FromString(bytes.fromhex(line))) for line in sys.stdin
]))
"""

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """By process, each line as it was written; and the bodies of all spans."""

    lines: dict[str, list[str]]
    bodies: list[bytes]
    exports: list[Json]

    @property
    def events(self) -> list[Json]:
        return [
            json.loads(line)
            for lines in self.lines.values()
            for line in lines
            if line.startswith("{")
        ]

    @property
    def spans(self) -> list[Json]:
        return [
            span
            for export in self.exports
            for resource in export["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


def listen(rendering: Path, urls: dict[str, str], folder: Path) -> Said:
    """Order, look, miss, fail and have a task done; then end, and tell all."""
    with ExitStack() as stack:
        collector = stack.enter_context(collecting())
        settings = {
            "TELEMETRY__OTLP_ENDPOINT": collector.url,
            "TELEMETRY__SAMPLE_RATIO": "1",
            "TELEMETRY__EXPORT_INTERVAL_SECONDS": "0.2",
        }
        service = stack.enter_context(Service.open(rendering, urls, folder, **settings))
        _, address = service.api()
        service.mail()
        service.worker()
        service.relay()
        use(service, address)
        decoded = wait_for_spans(rendering, collector)
    logs = {file.stem: file for file in folder.glob("*.log") if file.stem != "mail"}
    lines = {name: file.read_text().splitlines() for name, file in logs.items()}
    return Said(lines, collector.bodies, decoded)


def use(service: Service, address: str) -> None:
    shop, client = Shop(address), Client(address)
    assert shop.order().status == 201
    assert client.get("/v1/catalog/products").status == 200
    assert client.get("/v1/nowhere").status == 404
    service.wait_for_the_outbox()
    service.run_sql("ALTER TABLE orders RENAME TO lost")
    assert shop.order().status == 500


def wait_for_spans(rendering: Path, collector: "Collector") -> list[Json]:
    """Until the failed order is among them, and what a worker did."""
    found: list[Json] = []

    def complete() -> bool:
        found[:] = decode(rendering, list(collector.bodies))
        said = json.dumps(found)
        return "STATUS_CODE_ERROR" in said and "SPAN_KIND_CONSUMER" in said

    wait_for("the spans of an error and of a task", complete)
    return found


def decode(rendering: Path, bodies: list[bytes]) -> list[Json]:
    said = subprocess.run(
        [rendering / ".venv/bin/python", "-c", DECODE],
        input="\n".join(body.hex() for body in bodies),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    exports: list[Json] = json.loads(said)
    return exports


class Collector(ThreadingHTTPServer):
    """Keeps every body of spans that it is sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def collecting() -> Iterator[Collector]:
    with Collector() as collector:
        Thread(target=collector.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield collector
        finally:
            collector.shutdown()
