"""`make dev`: what it shows of a request, and that nothing keeps it from reloading."""

import json
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from client import wait_for
from tests.conftest import Rendered
from tests.promises import servers
from tests.promises.processes import die_with_parent, kill_group

SECONDS = 120
until = partial(wait_for, "What make dev should show", seconds=SECONDS)
USUAL = 9464
ROUTES = """

VERSION = 1


@router.get("/version")
async def version() -> int:
    return VERSION


@router.get("/events", response_class=EventSourceResponse)
async def events() -> AsyncIterator[ServerSentEvent]:
    while True:
        yield ServerSentEvent(data=VERSION)
        await asyncio.sleep(0.05)
"""
IMPORTS = """import asyncio
from collections.abc import AsyncIterator
from fastapi.sse import EventSourceResponse, ServerSentEvent
"""
DRAFT = {"slug": "desks", "name": "Desks"}
LISTENING, LOOPBACK = "0A", "0100007F"


class Dev:
    """The command in a folder, and what it says."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        self._log = log
        self.port = int(self.said(r"API docs: +http://127.0.0.1:(\d+)/docs")[0])
        [ports] = self.said(r"Admin: +http://127.0.0.1:(.+)")
        self.admin = {
            name: int(port) for port, name in re.findall(r"(\d+) \((\w+)\)", ports)
        }

    def said(self, pattern: str) -> list[str]:
        """Wait until it says something of the kind."""
        return until(lambda: re.findall(pattern, self._log.read_text()))

    def ask(self, path: str, **draft: str) -> HTTPResponse:
        client = HTTPConnection("127.0.0.1", self.port, timeout=30)
        method, body = ("POST", json.dumps(draft)) if draft else ("GET", None)
        client.request(method, path, body, {"Content-Type": "application/json"})
        return client.getresponse()


@contextmanager
def running(service: Path, folder: Path) -> Iterator[Dev]:
    """Run it in a copy of a service that is set up, on servers of its own."""
    ignored = shutil.ignore_patterns(".venv", ".git", ".dev", "__pycache__")
    shutil.copytree(service, folder, ignore=ignored)
    api, log = folder / "app/api.py", folder / "log"
    title, rest = api.read_text().split("\n", 1)
    api.write_text(f"{title}\n{IMPORTS}{rest}{ROUTES}")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [service / ".venv/bin/python", "-m", "dev"],
            cwd=folder,
            env=servers.clean() | {"TRACES": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509
        )
    try:
        yield Dev(folder, log)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
        kill_group(process.pid)


@pytest.fixture(scope="module")
def dev(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with ExitStack() as stack:
        # Somebody may have the usual port already: then it is taken, too.
        with suppress(OSError):
            stack.enter_context(socket.create_server(("127.0.0.1", USUAL)))
        folder = tmp_path_factory.mktemp("dev") / "service"
        yield stack.enter_context(running(rendered("redis")[0], folder))


def test_shows_a_request_as_a_tree_of_its_steps(dev: Dev) -> None:
    response = dev.ask("/v1/catalog/categories", **DRAFT)

    request = response.headers["X-Request-Id"]
    [tree] = dev.said(rf"request {request}, trace \w+\n((?:traces +\| +\d.*\n)+)")
    line = r"traces \| +[\d.]+ ms +[\d.]+ ms  "
    assert response.status == 201
    assert re.match(line + r"POST /v1/catalog/categories +201\n", tree)
    assert re.search(line + "  INSERT categories\n", tree)
    assert re.search(line + "  cache forget\n", tree)


def test_has_admin_ports_of_its_own_that_no_other_machine_reaches(dev: Dev) -> None:
    assert USUAL not in dev.admin.values()
    for port in dev.admin.values():
        assert {address for address, _ in until(partial(listeners, port))} == {LOOPBACK}


def test_reloads_every_process_though_a_stream_is_open(dev: Dev) -> None:
    before = {port: until(partial(listeners, port)) for port in dev.admin.values()}
    stream = dev.ask("/v1/events")
    assert stream.readline() == b"data: 1\n"
    api = dev.folder / "app/api.py"

    api.write_text(api.read_text().replace("VERSION = 1", "VERSION = 2"))

    for port, sockets in before.items():
        until(lambda port=port, sockets=sockets: listeners(port) - sockets)
    until(lambda: _version(dev) == b"2")
    assert stream.read().splitlines()[-2].startswith(b"retry: ")


def listeners(port: int) -> set[tuple[str, str]]:
    """Find who listens: the address, and a number that is another's after a reload."""
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    rows = [row.split() for table in tables for row in table.read_text().splitlines()]
    places = [(row[1].split(":"), row[9]) for row in rows if row[3] == LISTENING]
    return {(place[0], inode) for place, inode in places if int(place[1], 16) == port}


def _version(dev: Dev) -> bytes:
    with suppress(OSError):
        return dev.ask("/v1/version").read()
    return b""
