"""A running service that is watched by a Prometheus of its own."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.monitoring import files
from tests.promises.processes import Program, free_port

STARTED = "Server is ready to receive web requests"
ANSWER_SECONDS = 10


class Prometheus:
    """As the service configures it, but for the places and how often it looks."""

    def __init__(self, address: str) -> None:
        self._address = address

    @classmethod
    @contextmanager
    def open(
        cls, service: Path, targets: dict[str, int], directory: Path
    ) -> "Iterator[Prometheus]":
        directory.mkdir()
        address = f"127.0.0.1:{free_port()}"
        program = Program(
            shutil.which("prometheus"),
            f"--config.file={_configuration(service, targets, directory)}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={address}",
            log=directory / "prometheus.log",
            cwd=directory,
            environment={},
            ready=lambda written: STARTED in written,
        )
        program.start()
        try:
            yield cls(address)
        finally:
            program.kill()

    def query(self, expression: str) -> list[files.Json]:
        """Return the series that there are now."""
        data = self._ask("query", query=expression)
        return data["result"]

    def scraped(self) -> set[str]:
        return {series["metric"]["job"] for series in self.query("up == 1")}

    def failing_rules(self) -> dict[str, str]:
        groups = self._ask("rules")["groups"]
        return {
            rule["name"]: rule["lastError"]
            for group in groups
            for rule in group["rules"]
            if rule.get("lastError")
        }

    def firing(self) -> set[str]:
        return {
            alert["labels"]["alertname"]
            for alert in self._ask("alerts")["alerts"]
            if alert["state"] == "firing"
        }

    def _ask(self, what: str, **parameters: str) -> files.Json:
        url = f"http://{self._address}/api/v1/{what}?{urlencode(parameters)}"
        with urlopen(url, timeout=ANSWER_SECONDS) as response:
            return json.load(response)["data"]


@contextmanager
def others() -> Iterator[str]:
    """A carrier that knows every delivery, and a collector that takes all."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Others)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class _Others(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b'{"days": 3}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(b"")

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _configuration(service: Path, targets: dict[str, int], directory: Path) -> Path:
    own = files.folder(service) / "prometheus"
    configuration = yaml.safe_load((own / "prometheus.yml").read_text())
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configuration["rule_files"] = [str(own / "rules/*.yaml")]
    del configuration["alerting"]
    static = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"job": name}}
        for name, port in targets.items()
    ]
    configuration["scrape_configs"] = [{"job_name": "live", "static_configs": static}]
    file = directory / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    return file
