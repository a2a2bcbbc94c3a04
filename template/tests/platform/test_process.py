"""What a process says of itself on its admin port, and how it ends."""

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from http.client import RemoteDisconnected
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from structlog.testing import capture_logs

from app.platform.process import AdminSettings, framed, run, until_told
from app.platform.readiness import Check, Readiness, ReadinessSettings
from dev.process import HOST, free_port

QUICK = ReadinessSettings(interval_seconds=0.01)
NUMBERS = b"done_total 3.0\n"
AT_ONCE = struct.pack("ii", 1, 0)


STUBBORN = """
import asyncio, os, signal
from app.platform.process import run, until_told
from app.platform.readiness import Readiness, ReadinessSettings

async def work():
    for _ in range(2):
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(60)

run(until_told(work(), Readiness(ReadinessSettings(), [])))
"""


class Counting:
    """Numbers for whoever accepts text."""

    def watch(self, part: object) -> None:
        return None

    def span(self, name: str, **_: object) -> nullcontext[None]:
        return nullcontext()

    def page(self, accept: str) -> tuple[str, bytes]:
        return accept, NUMBERS


class Late(Counting):
    """Numbers for whoever has hung up."""

    def __init__(self) -> None:
        self.asked, self.gone = threading.Event(), threading.Event()

    def page(self, accept: str) -> tuple[str, bytes]:
        self.asked.set()
        self.gone.wait(10)
        return accept, NUMBERS * 100_000


class Broken(Counting):
    def page(self, accept: str) -> tuple[str, bytes]:
        raise LookupError("no numbers")


async def works() -> None:
    return None


def ask(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    request = Request(
        f"http://{HOST}:{port}{path}", headers={"Accept": "text/plain"}, method=method
    )
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except HTTPError as refusal:
        return refusal.code, refusal.read()


def answered() -> None:
    """Wait until whatever answers a request has done so."""
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(10)


class TestAdminPort:
    async def test_says_how_the_process_is_and_what_it_counts(self) -> None:
        settings, checks = AdminSettings(port=free_port()), [Check("part", works)]
        async with framed(settings, QUICK, checks, Counting()) as frame:
            await frame.readiness.probe()
            paths = ("/livez?verbose", "/readyz", "/metrics", "/elsewhere")
            answers = [
                await asyncio.to_thread(ask, settings.port, path) for path in paths
            ]
            head = await asyncio.to_thread(ask, settings.port, "/readyz", "HEAD")

        alive, ready, metrics, elsewhere = answers
        assert (alive[0], json.loads(alive[1])) == (200, {"status": "ok"})
        assert ready[0] == 200
        assert json.loads(ready[1])["dependencies"]["part"]["status"] == "ok"
        assert metrics == (200, NUMBERS)
        assert elsewhere[0] == 404
        assert head == (200, b"")
        with socket.socket() as client:
            assert client.connect_ex((HOST, settings.port)) != 0

    async def test_says_that_the_loop_hangs(self) -> None:
        settings = AdminSettings(port=free_port())
        async with framed(settings, QUICK, [], Counting()):
            # It blocks the very loop that should answer.
            status, said = ask(settings.port, "/livez")
            counted = ask(settings.port, "/metrics")

        assert (status, json.loads(said)) == (503, {"status": "hanging"})
        assert counted == (200, NUMBERS)

    async def test_says_in_a_sentence_that_the_port_is_taken(self) -> None:
        with socket.create_server((HOST, 0)) as taken, capture_logs() as logs:
            settings = AdminSettings(port=taken.getsockname()[1], host=HOST)
            async with framed(settings, QUICK, [], Counting()):
                pass

        [line] = [line for line in logs if line["event"] == "admin.not_served"]
        assert f"{HOST}:{settings.port} cannot be had" in line["detail"]
        assert "ADMIN__PORT" in line["detail"]

    async def test_takes_it_that_nobody_waits_for_the_answer(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings, numbers = AdminSettings(port=free_port()), Late()
        with capture_logs() as logs:
            async with framed(settings, QUICK, [], numbers):
                with socket.create_connection((HOST, settings.port), 5) as prober:
                    prober.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                    assert await asyncio.to_thread(numbers.asked.wait, 10)
                    # Closed like this it is refused what comes.
                    prober.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                numbers.gone.set()
                await asyncio.to_thread(answered)

        assert capsys.readouterr().err == ""
        assert logs == []

    async def test_logs_an_error_of_its_own(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings = AdminSettings(port=free_port())
        with capture_logs() as logs:
            async with framed(settings, QUICK, [], Broken()):
                with pytest.raises(RemoteDisconnected):
                    await asyncio.to_thread(ask, settings.port, "/metrics")
                await asyncio.to_thread(answered)

        assert [line["event"] for line in logs] == ["admin.failed"]
        assert capsys.readouterr().err == ""

    async def test_is_on_every_address_of_ipv6_too(self) -> None:
        if not socket.has_ipv6:
            pytest.skip("this machine has no IPv6")
        settings = AdminSettings(port=free_port(), host="::")

        async with framed(settings, QUICK, [], Counting()):
            with socket.create_connection(("::1", settings.port), 5):
                pass


@pytest.fixture
def endings() -> Iterator[None]:
    """Leave the signals of the test run as they were."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_comes_in_peace_when_told(
        self, number: signal.Signals, endings: None
    ) -> None:
        readiness, ends = Readiness(QUICK, []), []

        async def work() -> None:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
            try:
                await asyncio.sleep(60)
            finally:
                ends.append("finished")

        run(until_told(work(), readiness))

        assert ends == ["finished"]
        assert readiness.report()["status"] == "stopping"

    def test_comes_with_one_line_when_something_fails(self, endings: None) -> None:
        async def work() -> None:
            raise ConnectionError("no more")

        with capture_logs() as logs, pytest.raises(SystemExit) as end:
            run(until_told(work(), Readiness(QUICK, [])))

        assert end.value.code == 1
        assert [line["event"] for line in logs] == ["process.failed"]

    def test_comes_at_once_when_told_twice(self) -> None:
        ended = subprocess.run(
            [sys.executable, "-c", STUBBORN], timeout=50, check=False
        )

        assert ended.returncode == 1
