"""How a worker is: its first process gives signs of life, and one beside it answers."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import structlog
from billiard import active_children
from celery import Celery
from celery.bootsteps import StartStopStep

from app.platform.readiness import Check, Readiness

log = structlog.get_logger(__name__)

BEAT_SECONDS = 1.0
READY, BEAT, STOPS = b"r", b"b", b"s"


class Pulse:
    """The last sign of life of a worker, which owes none while it has no broker."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self.beat()

    def beat(self) -> None:
        self._at = time.monotonic()

    def lives(self) -> bool:
        return time.monotonic() - self._at < self._patience_seconds

    def excused_by(self, broker: Check) -> Check:
        async def probe() -> None:
            try:
                await broker.probe()
            except BaseException:
                self.beat()
                raise

        return Check(broker.name, probe)


type Answering = Callable[[Pulse], AbstractAsyncContextManager[Readiness]]


class Herald:
    """
    Answers for a worker from a process of its own.

    The first process of a worker forks whenever a child has died, so it must have no
    threads and no connections. It starts this one before any child, and does no work
    that this one cannot open a platform for: Celery would log what goes wrong in the
    children, and say that it is ready.
    """

    def __init__(self, answering: Answering, *, patience_seconds: float) -> None:
        self._answering = answering
        self._pulse = Pulse(patience_seconds)
        self._stopping = False

    def install(self, celery: Celery) -> None:
        """Have each connected consumer give signs of life while it has children."""
        herald = self

        class SignsOfLife(StartStopStep):
            requires = ("celery.worker.consumer.tasks:Tasks",)

            def start(self, consumer: Any) -> None:
                beat = consumer.timer.call_repeatedly
                self.timer = beat(BEAT_SECONDS, herald.beat)

            def stop(self, _: Any) -> None:
                self.timer.cancel()

        celery.steps["consumer"].add(SignsOfLife)

    def start(self, **_: Any) -> None:
        """End the worker before it takes work, if its processes could not do any."""
        self._here, there = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            self._here.close()
            os._exit(self._run(there))
        there.close()
        if self._here.recv(1) != READY:
            ended = os.waitpid(self._pid, 0)
            raise SystemExit(abs(os.waitstatus_to_exitcode(ended[1])))
        self._here.setblocking(False)

    def beat(self) -> None:
        if active_children():
            self._tell(BEAT)

    def stopping(self, sig: str, **_: Any) -> None:
        """Say so; told a second time, have Celery end what runs as well."""
        if self._stopping and sig == "SIGTERM":
            os.kill(os.getpid(), signal.SIGQUIT)
        self._stopping = True
        self._tell(STOPS)

    def stop(self, **_: Any) -> None:
        self._here.close()
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def forget(self) -> None:
        """In a child: only the first process holds on to it, and ends it by its end."""
        self._here.close()

    def _tell(self, what: bytes) -> None:
        # When it is gone the probes fail, which is all that can be said.
        with suppress(OSError):
            self._here.send(what)

    def _run(self, there: socket.socket) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        try:
            asyncio.run(self._answer(there))
        except Exception as error:
            log.critical("worker.cannot_start", reason=plain(error))
            return 1
        return 0

    async def _answer(self, there: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        there.setblocking(False)
        async with self._answering(self._pulse) as readiness:
            await loop.sock_sendall(there, READY)
            while told := await loop.sock_recv(there, 64):
                self._pulse.beat()
                # What it still does may take longer than it is given for a beat.
                readiness.stopping = readiness.stopping or STOPS in told


def plain(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
