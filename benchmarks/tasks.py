"""The way of a task from its commit to its effect, beside Celery alone."""

import argparse
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

from benchmarks import machine
from benchmarks.database import Database
from benchmarks.prepared import prepared, say
from benchmarks.report import head
from benchmarks.servers import HERE, SETTINGS
from tests.promises.deployment import command
from tests.promises.processes import Program, wait_for

QUEUED, SINGLE = 1000, 10
FLOOR, GOAL = 0.40, 0.60
QUICK = ("--without-gossip", "--without-mingle")
TABLE = """
    CREATE TABLE effects (id uuid PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())
"""
STAGE = """
    INSERT INTO outbox (id, name, payload, headers, destination)
    SELECT gen_random_uuid(), 'bench.store', json_build_object('id', gen_random_uuid()),
        '{{}}', 'tasks' FROM generate_series(1, {number});
    SELECT pg_notify('outbox', '')
"""
DEAREST = """
    SELECT round(calls::numeric / {number}, 2) || ' x `'
        || left(regexp_replace(query, '\\s+', ' ', 'g'), 90) || '`'
    FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
    WHERE datname = current_database() AND calls >= {number} / 200
        AND query NOT LIKE '%pg_stat%' AND query NOT LIKE '%count(*) FROM effects%'
    ORDER BY calls DESC LIMIT 12
"""
HEAD = (
    "| way | tasks /s | spread | CPU us of a task: worker | relay or sender | database "
    "| SQL | one task alone, ms |"
)


@dataclass(frozen=True, slots=True)
class Way:
    """What was found of one way, once: figures for each of the queued tasks."""

    rate: float
    worker_us: float
    sender_us: float
    database_us: float
    statements: float
    alone_ms: float


class Runner:
    """One worker, and what brings it its tasks."""

    def __init__(self, database: Database, logs: Path, name: str) -> None:
        self.name = name
        self._database = database
        self._python = database.rendering / ".venv/bin/python"
        self._environment = database.urls | SETTINGS | {"PYTHONPATH": str(HERE)}
        module = "tasked" if name == "service" else "plain_tasks"
        words = [module if w == "app.celery" else w for w in command("worker")[1:]]
        self.worker = self._program(
            *("-m", "celery", *words, *QUICK), log=logs / f"{name}.log", ready=" ready."
        )
        self.relay = self._program("-m", "tasked", log=logs / "relay.log", ready="")

    @classmethod
    @contextmanager
    def running(cls, database: Database, logs: Path) -> Iterator[Mapping[str, Self]]:
        runners = {
            name: cls(database, logs, name) for name in ("service", "Celery alone")
        }
        try:
            for runner in runners.values():
                runner.worker.start()
            runners["service"].relay.start()
            yield runners
        finally:
            for runner in runners.values():
                runner.worker.kill()
            runners["service"].relay.kill()

    def run(self, number: int, *, alone: int) -> Way:
        single = [self._done(1)[0] * 1000 for _ in range(alone)]
        counted = self._database.statements()
        seconds, spent = self._done(number)
        statements = (self._database.statements() - counted) / number
        worker, sender, behind = (1e6 * each / number for each in spent)
        return Way(
            number / seconds, worker, sender, behind, statements, median(single or [0])
        )

    def _done(self, number: int) -> tuple[float, list[float]]:
        """Seconds from the commit to the last effect, and of processors meanwhile."""
        self._database.sql("TRUNCATE effects")
        before = self._spent()
        began, sent = self._send(number)
        wait_for(f"{number} effects", lambda: self._effects() >= number)
        last = self._database.sql("SELECT extract(epoch FROM max(at)) FROM effects")
        after = self._spent()
        spent = [b - a for a, b in zip(before, after, strict=True)]
        spent[1] += sent
        return float(last) - began, spent

    def _send(self, number: int) -> tuple[float, float]:
        """Commit or send; say when that began, and what a sender of its own took."""
        if self.name == "service":
            began = time.time()
            self._database.sql(STAGE.format(number=number))
            return began, 0.0
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [self._python, "-m", "plain_tasks", str(number)],
            cwd=self._database.rendering,
            env=self._environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return float(done.stdout), used

    def _effects(self) -> int:
        return int(self._database.sql("SELECT count(*) FROM effects"))

    def _spent(self) -> list[float]:
        relay = [self.relay.pid] if self.name == "service" else []
        groups = (machine.family(self.worker.pid), relay, self._database.processes())
        return [machine.processor_seconds(group) for group in groups]

    def _program(self, *words: str, log: Path, ready: str) -> Program:
        return Program(
            self._python,
            *words,
            log=log,
            cwd=self._database.rendering,
            environment=self._environment,
            ready=lambda written: ready in written,
        )


def measured(asked: argparse.Namespace) -> dict[str, str]:
    with prepared(asked.row) as (rendering, urls, logs):
        database = Database(rendering, urls)
        database.sql(TABLE, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        with Runner.running(database, logs) as runners:
            for runner in runners.values():
                runner.run(100, alone=1)
            found: dict[str, list[Way]] = {name: [] for name in runners}
            for number in range(3 if asked.quick else asked.rounds):
                say(f"round {number + 1}: {QUEUED} tasks on both ways")
                for name in sorted(runners, reverse=bool(number % 2)):
                    found[name].append(runners[name].run(QUEUED, alone=SINGLE))
            database.sql("SELECT pg_stat_statements_reset()")
            runners["service"].run(QUEUED, alone=0)
            dearest = database.sql(DEAREST.format(number=QUEUED)).splitlines()
    return {"Tasks": table(found, dearest)}


def table(found: Mapping[str, list[Way]], dearest: list[str]) -> str:
    pairs = zip(*(found[name] for name in ("service", "Celery alone")), strict=True)
    ratios = sorted(ours.rate / theirs.rate for ours, theirs in pairs)
    ratio = (
        f"Ratio: {median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f}); "
        f"floor {FLOOR}, goal {GOAL}."
    )
    return "\n".join(
        [
            f"{QUEUED} tasks that each store a row, from their commit to the last",
            "effect, by outbox, relay and Celery, and by Celery alone on the same",
            "broker, which acknowledges late, too; a worker of two processes each.",
            "",
            head(HEAD),
            *(_line(name, each) for name, each in found.items()),
            "",
            ratio,
            "",
            "Statements of a task, with those of relay and readiness:",
            "",
            *(f"- {line}" for line in dearest),
        ]
    )


def _line(name: str, each: list[Way]) -> str:
    def middle(figure: str) -> float:
        return median(getattr(one, figure) for one in each)

    rates = sorted(one.rate for one in each)
    cells = [
        name,
        f"{middle('rate'):.0f}",
        f"{rates[0]:.0f}-{rates[-1]:.0f}",
        f"{middle('worker_us'):.0f}",
        f"{middle('sender_us'):.0f}",
        f"{middle('database_us'):.0f}",
        f"{middle('statements'):.1f}",
        f"{middle('alone_ms'):.0f}",
    ]
    return "| " + " | ".join(cells) + " |"
