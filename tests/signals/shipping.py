"""The rendered shipper, run as it stands between files as Docker's and a store."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, socket
from threading import Lock, Thread
from typing import Any
from uuid import uuid4

import pytest

from tests.promises.processes import Program, free_port, wait_for
from tests.signals.service import Said

SERVICE, ENVIRONMENT = "corner-shop", "test"
BUFFER_BYTES = 1048576
# Where a line is cut, in bytes of what was written: Docker does so at 16 KiB.
PIECE = 8192
DROPPED = re.compile(r"^dst\.\w+;d_logs#\d+;.*;dropped;(\d+)$", re.MULTILINE)
STARTED = "syslog-ng starting up"
# What an index of Elasticsearch takes, and what Loki counts time in.
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
NANOSECONDS = re.compile(r"\d{19}")

type Json = dict[str, Any]


class Containers:
    """A folder as Docker's driver `json-file` writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, Path] = {}

    def write(self, name: str, *lines: str, tag: str = SERVICE) -> None:
        file = self._file(name)
        with file.open("a") as output:
            for line in lines:
                for piece in pieces(f"{line}\n"):
                    output.write(json.dumps(_entry(piece, f"{tag}/{name}")) + "\n")

    def rotate(self, name: str) -> None:
        file = self._file(name)
        file.rename(file.with_name(f"{file.name}.1"))

    def _file(self, name: str) -> Path:
        if name not in self._files:
            identity = uuid4().hex
            (self.folder / identity).mkdir(parents=True)
            self._files[name] = self.folder / identity / f"{identity}-json.log"
        return self._files[name]


def pieces(text: str) -> Iterator[str]:
    written = text.encode()
    for begin in range(0, len(written), PIECE):
        yield written[begin : begin + PIECE].decode()


def _entry(piece: str, tag: str) -> Json:
    now = datetime.now(UTC)
    # Nanoseconds, without the zeros at the end.
    fraction = f"{now:%f}{uuid4().int % 1000:03}".rstrip("0")
    time = f"{now:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}Z"
    return {"log": piece, "stream": "stdout", "attrs": {"tag": tag}, "time": time}


class Store(ThreadingHTTPServer):
    """Takes what the real one takes, or answers with `status`; keeps each line once."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.status = 0
        self.refused = 0
        self.received: list[tuple[str, Json]] = []
        self.headers: list[Mapping[str, str]] = []
        self.lock = Lock()
        self.connections: list[socket] = []

    def hang_up(self) -> None:
        """End what clients keep open, as a server does that ends."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)

    def take(self, path: str, body: Json) -> int:
        with self.lock:
            if self.status:
                self.refused += 1
                return self.status
            if path == "/loki/api/v1/push":
                accept_streams(body)
                self.received += [(path, each) for each in body["streams"]]
                return 204
            assert path == "/logs-service-default/_doc", path
            assert DATE.fullmatch(body["@timestamp"]), body
            self.received.append((path, body))
            return 201


def accept_streams(body: Json) -> None:
    assert body.keys() == {"streams"}
    for each in body["streams"]:
        assert each.keys() == {"stream", "values"}
        for time, line, known in each["values"]:
            assert NANOSECONDS.fullmatch(time), time
            assert line
            assert all(isinstance(value, str) for value in known.values())


class _Handler(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self.connection)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.headers.append(dict(self.headers))
        try:
            status = self.server.take(self.path, json.loads(text))
        except (AssertionError, KeyError, ValueError) as error:
            print("the store refuses", text, repr(error))
            status = 400
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def storing(port: int) -> Iterator[Store]:
    with Store(port) as store:
        Thread(target=store.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield store
        finally:
            store.shutdown()
            store.hang_up()


class Shipper(Program):
    """syslog-ng, with the configuration of a rendering and a buffer of a MiB."""

    def __init__(self, rendering: Path, choice: str, folder: Path, url: str) -> None:
        logs = rendering / "ops/logs"
        self.buffer = folder / "buffer"
        self.buffer.mkdir(parents=True)
        self._control = folder / "shipper.ctl"
        super().__init__(
            find("syslog-ng"),
            "--foreground",
            "--no-caps",
            "--stderr",
            f"--cfgfile={logs / 'syslog-ng.conf'}",
            f"--persist-file={folder / 'read'}",
            f"--control={self._control}",
            f"--pidfile={folder / 'shipper.pid'}",
            log=folder / "shipper.log",
            cwd=folder,
            environment={
                "LOGS_FOLDER": str(folder / "containers"),
                "LOGS_SERVICE": SERVICE,
                "LOGS_ENVIRONMENT": ENVIRONMENT,
                "LOGS_DESTINATION": str(logs / choice / "destination.conf"),
                "LOGS_URL": url,
                "LOGS_HEADER": "X-Scope-OrgID: shop",
                "LOGS_BUFFER": str(self.buffer),
                "LOGS_BUFFER_BYTES": str(BUFFER_BYTES),
            },
            ready=lambda written: STARTED in written,
        )

    def dropped(self) -> int:
        said = subprocess.check_output(
            [find("syslog-ng-ctl"), "stats", f"--control={self._control}"], text=True
        )
        return sum(map(int, DROPPED.findall(said)))

    def buffered_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.buffer.iterdir())


class Shipping:
    """Containers, a shipper and a store that can be taken away."""

    def __init__(
        self, rendering: Path, choice: str, folder: Path, url: str | None = None
    ) -> None:
        self.choice = choice
        self._port = free_port()
        self.containers = Containers(folder / "containers")
        self.containers.folder.mkdir(parents=True)
        address = url or f"http://127.0.0.1:{self._port}"
        self.shipper = Shipper(rendering, choice, folder, address)

    def write(self, said: Said) -> int:
        """Have all lines of a service where Docker keeps them; say how many."""
        for name, lines in said.lines.items():
            self.containers.write(name, *lines)
        return sum(
            bool(line.strip()) for lines in said.lines.values() for line in lines
        )

    @contextmanager
    def store(self) -> Iterator[Store]:
        with storing(self._port) as store:
            yield store


def find(tool: str) -> str:
    found = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/usr/bin")
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{tool} was not found: apt-get install syslog-ng; CI fails here")
    assert found is not None, f"{tool} was not found"
    return found


def lines_of(store: Store) -> list[str]:
    """Every line that is kept, as it was written; Loki keeps one twice sent once."""
    kept: dict[object, str] = {}
    with store.lock:
        for number, (path, body) in enumerate(store.received):
            if path.startswith("/loki"):
                for time, line, _ in body["values"]:
                    kept[(time, line)] = line
            else:
                fields = body["fields"]
                kept[number] = body["message"] if fields is None else json.dumps(fields)
    return list(kept.values())


def wait_for_lines(store: Store, count: int, *, seconds: float = 60) -> list[str]:
    wait_for(f"{count} lines", lambda: len(lines_of(store)) >= count, seconds=seconds)
    return lines_of(store)
