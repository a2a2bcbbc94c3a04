"""What becomes of a request, and of a task, as rows, clients and processes grow."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path

from benchmarks import tasks
from benchmarks.database import PRODUCTS, Database
from benchmarks.prepared import prepared, say
from benchmarks.report import head
from benchmarks.servers import Fleet, Load, Measured, Server, running, service, shop
from benchmarks.workloads import workloads

ROWS = (10_000, 1_000_000)
CLIENTS, MANY = (1, 10, 100, 500), 32
PROCESSES = (1, 2, 4)
EVENTS = (1000, 10_000)
# A few rows at a time: a statement has to end within the seconds that it is given.
STEP = 250_000
GROWN = ("get", "list of 20, uncached", "create an order", "PATCH with If-Match")
HEAD = "work | answers /s | p50, p95, p99 ms | CPU us | database us | SQL |"
QUEUE = "| queued events | done /s | worker us | relay us | database us | SQL |"

type Line = tuple[str, str, Measured]


def measured(asked: argparse.Namespace) -> dict[str, str]:
    with (
        prepared(asked.row) as (rendering, urls, logs),
        Load.running(rendering) as load,
    ):
        database = Database(rendering, urls)
        queue = _queue(database, logs, 3000 if asked.quick else EVENTS[-1])
        growth = Growth(database, load, logs, quick=asked.quick)
        rows = list(growth.of_rows(asked.rows or list(ROWS)))
        clients = list(growth.of_clients())
        processes = list(growth.of_processes())
    parts = [("products", rows), ("clients", clients), ("processes", processes)]
    text = [_table(what, lines) for what, lines in parts]
    return {"Growth": "\n\n".join([*text, "\n".join([head(QUEUE), *queue])])}


class Growth:
    """One database that grows, and services on it."""

    def __init__(
        self, database: Database, load: Load, logs: Path, *, quick: bool
    ) -> None:
        self._seconds, self._rounds = (1.0, 3) if quick else (3.0, 5)
        self._database, self._load, self._logs = database, load, logs

    def of_rows(self, numbers: list[int]) -> Iterator[Line]:
        self._database.seed(1000, orders=1000)
        have = 1000
        for number in sorted(numbers):
            say(f"filling {number} rows in")
            while have < number:
                end = min(have + STEP, number)
                self._database.sql(PRODUCTS.format(begin=have + 1, end=end))
                have = end
            self._database.sql("VACUUM ANALYZE products")
            with self._served(1) as fleet:
                for name in GROWN:
                    yield f"{number:,}", name, self._middle(name, fleet)

    def of_clients(self) -> Iterator[Line]:
        with self._served(1) as fleet:
            for number in CLIENTS:
                yield str(number), "get", self._middle("get", fleet, clients=number)

    def of_processes(self) -> Iterator[Line]:
        for number in PROCESSES:
            with self._served(number) as fleet:
                yield str(number), "get", self._middle("get", fleet, clients=MANY)

    @contextmanager
    def _served(self, processes: int) -> Iterator[Fleet]:
        """One process has a core of its own; several share all there are."""
        core = max(os.sched_getaffinity(0)) if processes == 1 else None
        made = {
            f"service-{number}": service(
                self._database, self._logs, name=f"service-{number}", core=core
            )
            for number in range(processes)
        }
        with running(made):
            yield Fleet("service", list(made.values()))

    def _middle(self, name: str, fleet: Server, **how: float) -> Measured:
        """The middle of the rounds, by its rate; one before them is lost."""
        say(f"{name} {how or ''}")
        first = fleet.address.partition(",")[0]
        every = workloads(shop(self._database, first))
        [work] = [work for work in every if work.name == name]
        found = [
            fleet.burst(work, self._load, self._database, seconds=seconds, **how)
            for seconds in [1.0, *[self._seconds] * self._rounds]
        ]
        return sorted(found[1:], key=lambda one: one.rate)[self._rounds // 2]


def _queue(database: Database, logs: Path, most: int) -> list[str]:
    """Lines of the way of a task, with more and more of them queued."""
    database.sql(tasks.TABLE, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    lines = []
    with tasks.Runner.running(database, logs) as runners:
        runners["service"].run(100, alone=0)
        for number in (EVENTS[0], most):
            say(f"{number} events")
            *found, _ = astuple(runners["service"].run(number, alone=0))
            cells = [f"{number:,}", *(f"{figure:.0f}" for figure in found)]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def _table(what: str, lines: list[Line]) -> str:
    return "\n".join([head(f"| {what} | {HEAD}"), *(_line(*line) for line in lines)])


def _line(number: str, name: str, one: Measured) -> str:
    waits = f"{one.p50:.1f}, {one.p95:.1f}, {one.p99:.1f}"
    cells = [
        *(number, name, f"{one.rate:.0f}", waits, f"{one.app_us:.0f}"),
        *(f"{one.database_us:.0f}", f"{one.statements:.1f}"),
    ]
    return "| " + " | ".join(cells) + " |"
