"""The frame of every process: how it is, who may ask, and how it ends."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from threading import Thread
from typing import Any, NamedTuple, Self

import structlog
from pydantic import Field

from app.platform.configuration import Section
from app.platform.readiness import Check, Readiness, ReadinessSettings
from app.platform.telemetry import Page, Telemetry

log = structlog.get_logger(__name__)

# Shorter than the patience of whoever probes.
ANSWER_SECONDS = 2.0
POLL_SECONDS = 0.1


class AdminSettings(Section):
    """`ADMIN__*` in the environment."""

    port: int = Field(9464, ge=0, le=65535)
    """Where this process answers `/livez`, `/readyz` and `/metrics`; 0 is nowhere."""
    host: str = "0.0.0.0"  # noqa: S104 - whoever asks is another machine
    """Which of the machine's addresses that port is on; `::` is every one, too."""


class Answer(NamedTuple):
    status: HTTPStatus
    content_type: str
    body: bytes

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Self:
        well = report["status"] in {"ok", "ready"}
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        return cls(status, "application/json", json.dumps(report).encode())


class Frame:
    """
    What may be asked of a process.

    Its loop says how it is: one that hangs is no longer alive. Numbers are read beside
    the loop, which goes on with its work.
    """

    def __init__(self, readiness: Readiness, telemetry: Telemetry) -> None:
        self.readiness = readiness
        # A process that answers for others puts something else in their place.
        self.lives: Callable[[], bool] = lambda: True
        self.page: Callable[[str], Page | None] = telemetry.page
        self._loop = asyncio.get_running_loop()

    def answer(self, path: str, accept: str) -> Answer:
        if path in {"/livez", "/readyz"}:
            report = asyncio.run_coroutine_threadsafe(self._report(path), self._loop)
            try:
                return Answer.of(report.result(ANSWER_SECONDS))
            except TimeoutError:
                report.cancel()
                return Answer.of({"status": "hanging"})
        page = self.page(accept) if path == "/metrics" else None
        if page is None:
            return Answer(HTTPStatus.NOT_FOUND, "text/plain", b"")
        return Answer(HTTPStatus.OK, *page)

    async def _report(self, path: str) -> dict[str, Any]:
        if path == "/readyz":
            return self.readiness.report()
        return {"status": "ok" if self.lives() else "hanging"}


class _Admin(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, settings: AdminSettings, frame: Frame) -> None:
        self.address_family = AF_INET6 if ":" in settings.host else AF_INET
        self.frame = frame
        super().__init__((settings.host, settings.port), _Request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what went wrong, but not that somebody hung up before the answer."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            log.error("admin.failed", exc_info=True)


class _Request(BaseHTTPRequestHandler):
    server: _Admin
    timeout = 5

    def do_GET(self) -> None:
        path, accept = self.path.partition("?")[0], self.headers.get("Accept", "")
        answer = self.server.frame.answer(path, accept)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Leave it unsaid: somebody asks every few seconds."""


@asynccontextmanager
async def framed(
    admin: AdminSettings,
    readiness: ReadinessSettings,
    checks: Sequence[Check],
    telemetry: Telemetry,
) -> AsyncIterator[Frame]:
    """Say on the admin port how this process is, until the block ends."""
    async with Readiness.open(readiness, checks) as opened:
        telemetry.watch(opened)
        frame = Frame(opened, telemetry)
        with _served(admin, frame):
            yield frame


@contextmanager
def _served(settings: AdminSettings, frame: Frame) -> Iterator[None]:
    if settings.port == 0:
        yield
        return
    try:
        server = _Admin(settings, frame)
    except OSError as error:
        # A process that nobody can ask is better than none.
        log.error("admin.not_served", detail=_refusal(settings, error))
        yield
        return
    thread = Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _refusal(settings: AdminSettings, error: OSError) -> str:
    return (
        f"Nobody can ask how this process is: {settings.host}:{settings.port} cannot "
        f"be had ({error.strerror}). Set ADMIN__PORT to a free port, or to 0."
    )


async def until_told(work: Coroutine[Any, Any, None], readiness: Readiness) -> None:
    """Do the work until SIGTERM or SIGINT, which let it end; a second ends it all."""
    loop, working = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def stop() -> None:
        if readiness.stopping:
            os._exit(1)
        readiness.stopping = True
        working.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await asyncio.wait([working])
    if not working.cancelled():
        working.result()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a process to its end: exit code 0 if it was told to, else 1 and one line."""
    try:
        asyncio.run(main)
    except Exception:
        log.critical("process.failed", exc_info=True)
        raise SystemExit(1) from None
