"""Replicas of the API behind a balancer, replaced one by one while clients go on."""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from subprocess import TimeoutExpired
from typing import Self

from tests.promises.balancer import Balancer
from tests.promises.load import Shop
from tests.promises.processes import Program, wait_for
from tests.promises.service import Service

CLIENTS = 6


@dataclass(frozen=True, slots=True)
class Stop:
    """How a platform ends a replica."""

    late_seconds: float
    """Until the balancer has learnt of it."""
    kill_seconds: float
    """From SIGTERM to SIGKILL."""
    term_seconds: float = 0
    """From the decision, which the balancer is told, to SIGTERM."""
    is_told: bool = False
    """Whether the platform tells the balancer, or that has to ask who is ready."""
    by_request: bool = False
    """Whether the balancer hands on requests, not connections."""


class Traffic:
    """Clients that order and look for what they have ordered."""

    def __init__(self, address: str) -> None:
        self.failed: list[str] = []
        self.found = 0
        self.shop = Shop(address)
        self._ends = threading.Event()

    @classmethod
    @contextmanager
    def to(cls, address: str) -> Iterator[Self]:
        traffic = cls(address)
        with ThreadPoolExecutor(CLIENTS) as threads:
            going = [threads.submit(traffic._go_on) for _ in range(CLIENTS)]
            try:
                yield traffic
            finally:
                traffic._ends.set()
        for each in going:
            each.result()

    @property
    def asked(self) -> int:
        return len(self.shop.placed) + self.found + len(self.failed)

    def _go_on(self) -> None:
        while not self._ends.is_set():
            try:
                self._buy()
            except (OSError, HTTPException, AssertionError) as error:
                self.failed.append(repr(error))

    def _buy(self) -> None:
        order = self.shop.order()
        assert order.status == HTTPStatus.CREATED, order
        for found in self.shop.find(order):
            assert found.status == HTTPStatus.OK, found
            self.found += 1


class Fleet:
    """What was replaced ends in the background, as it does on a platform."""

    def __init__(
        self, service: Service, balancer: Balancer, stop: Stop, *, replicas: int = 2
    ) -> None:
        self._service, self._balancer, self._stop = service, balancer, stop
        self._started = 0
        self._ending = ThreadPoolExecutor()
        self._ends: list[Future[int | None]] = []
        self._replicas = [self._start() for _ in range(replicas)]

    def replace(self) -> None:
        """Start one more, wait until requests go to it, and stop the oldest."""
        self._replicas.append(self._start())
        self._ends.append(self._ending.submit(self._end, *self._replicas.pop(0)))

    def codes(self) -> list[int | None]:
        """Say how those that were replaced have ended."""
        return [end.result() for end in self._ends]

    def _start(self) -> tuple[Program, str]:
        self._started += 1
        name = f"api-{self._started}"
        program, address = self._service.api(name)
        self._balancer.add(address, f"127.0.0.1:{self._service.ports[name]}")
        return program, address

    def _end(self, replica: Program, address: str) -> int | None:
        if self._stop.is_told:
            self._balancer.remove(address)
        time.sleep(self._stop.term_seconds)
        replica.send(signal.SIGTERM)
        try:
            replica.wait(self._stop.kill_seconds)
        except TimeoutExpired:
            replica.kill()
        return replica.code()


def roll(
    service: Service, balancer: Balancer, stop: Stop, *, times: int, requests: int
) -> tuple[Traffic, list[int | None]]:
    """Replace so many under so many requests; say how each of the old ones ended."""
    fleet = Fleet(service, balancer, stop)
    with Traffic.to(balancer.address) as traffic:
        for number in range(1, times + 1):
            fleet.replace()
            enough = requests * number / times
            wait_for("requests", lambda enough=enough: traffic.asked >= enough)
        codes = fleet.codes()
    return traffic, codes
