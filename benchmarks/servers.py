"""What is measured: web servers, each a process that ends with this one."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from benchmarks import callers, machine
from benchmarks.database import BUYER, BUYERS, CUSTOMER, Database
from benchmarks.workloads import Shop, Workload
from tests.promises.processes import Program, free_port

HERE = Path(__file__).parent
REFUSED = 503
COPY = "INSERT INTO reference.orders SELECT * FROM orders ON CONFLICT DO NOTHING"
# As in production; and nobody asks between two requests how the service is.
SETTINGS = {
    "ADMIN__PORT": "0",
    "LOGGING__FORMAT": "json",
    "READINESS__INTERVAL_SECONDS": "3600",
    # One caller sends more here than many would; they are counted all the same.
    **dict.fromkeys(("RATELIMITS__READS", "RATELIMITS__WRITES"), "999999/second"),
} | callers.SETTINGS


@dataclass(frozen=True, slots=True)
class Measured:
    """One burst of one workload at one server."""

    rate: float
    """Requests a second that were not refused."""
    p50: float
    p95: float
    p99: float
    app_us: float
    """Processor time of the server for one request, in microseconds."""
    database_us: float
    statements: float
    commands: float
    """SQL statements and Redis commands for one request."""
    refused: float = 0.0
    """The share that was told to come again later."""


class Load:
    """The process that sends the requests."""

    def __init__(self, rendering: Path) -> None:
        self._process = subprocess.Popen(
            [rendering / ".venv/bin/python", HERE / "load.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @classmethod
    @contextmanager
    def running(cls, rendering: Path) -> Iterator[Self]:
        load = cls(rendering)
        try:
            yield load
        finally:
            load._process.communicate()

    def burst(self, address: str, requests: list[Any], **how: float) -> Any:
        burst = {"address": address, "requests": requests, **how}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(burst) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class Server:
    """A web server with a name, and the bursts of requests that it is given."""

    def __init__(
        self, name: str, address: str, program: Program | None, *, core: int | None
    ) -> None:
        self.name = name
        self.address = address
        self.seconds_to_start = 0.0
        self._program = program
        self._core = core

    def start(self) -> None:
        if self._program is not None:
            began = time.monotonic()
            self._program.start()
            self.seconds_to_start = time.monotonic() - began
            if self._core is not None:
                machine.pin(self.processes(), {self._core})

    def end(self) -> None:
        if self._program is not None:
            self._program.kill()

    def processes(self) -> list[int]:
        return list(machine.family(self._program.pid)) if self._program else []

    @property
    def megabytes(self) -> float:
        return sum(map(machine.megabytes, self.processes()))

    def cost(self, work: Workload, load: Load, *, number: int, clients: int) -> float:
        """Processor time for one of so many requests, in microseconds."""
        before = machine.processor_seconds(self.processes())
        asked = work.asked[self.name]
        found = load.burst(self.address, asked, number=number, clients=clients)
        expect(self.name, work, found["statuses"])
        spent = machine.processor_seconds(self.processes()) - before
        return spent / found["requests"] * 1e6

    def burst(
        self, work: Workload, load: Load, database: Database, **how: float
    ) -> Measured:
        """Send its requests, `number=` of them or for `seconds=`."""
        if work.forgets:
            database.forget(work.forgets)
        counters = (database.statements, database.commands)
        clocks = (self.processes, database.processes)
        counted = [count() for count in counters]
        before = [machine.processor_seconds(each()) for each in clocks]
        how = {"clients": work.clients} | how
        found = load.burst(self.address, work.asked[self.name], **how)
        after = [machine.processor_seconds(each()) for each in clocks]
        before, after = before + counted, after + [count() for count in counters]
        expect(self.name, work, found["statuses"])
        app, behind, statements, commands = (
            (b - a) / found["requests"] for a, b in zip(before, after, strict=True)
        )
        refused = found["statuses"].get(str(REFUSED), 0)
        return Measured(
            rate=(found["requests"] - refused) / found["seconds"],
            p50=found["p50"],
            p95=found["p95"],
            p99=found["p99"],
            app_us=app * 1e6,
            database_us=behind * 1e6,
            statements=statements,
            commands=commands,
            refused=refused / found["requests"],
        )


class Fleet(Server):
    """Several that share the clients, as behind a balancer."""

    def __init__(self, name: str, servers: Sequence[Server]) -> None:
        address = ",".join(server.address for server in servers)
        super().__init__(name, address, None, core=None)
        self._servers = servers

    def processes(self) -> list[int]:
        return [pid for server in self._servers for pid in server.processes()]


def expect(name: str, work: Workload, statuses: Mapping[str, int]) -> None:
    if not set(map(int, statuses)) <= work.statuses:
        raise SystemExit(f"{name}, {work.name}: answered {statuses}")


@contextmanager
def running(servers: Mapping[str, Server]) -> Iterator[Mapping[str, Server]]:
    try:
        for server in servers.values():
            server.start()
        yield servers
    finally:
        for server in servers.values():
            server.end()


def service(
    database: Database,
    logs: Path,
    *,
    name: str = "service",
    core: int | None = None,
    module: str = "app.main",
    **settings: str,
) -> Server:
    """The service as it is deployed."""
    port = free_port()
    address = {"SERVER__HOST": "127.0.0.1", "SERVER__PORT": str(port)}
    program = Program(
        database.rendering / ".venv/bin/python",
        *("-m", module),
        log=logs / f"{name}.log",
        cwd=database.rendering,
        environment=database.urls | address | SETTINGS | settings,
        ready=lambda _: _answers(port, "/livez"),
    )
    return Server(name, f"127.0.0.1:{port}", program, core=core)


def bare(
    name: str,
    database: Database,
    logs: Path,
    *,
    core: int | None = None,
    folder: Path = HERE,
) -> Server:
    """An application of its own, in the environment of the service."""
    port = free_port()
    program = Program(
        database.rendering / ".venv/bin/uvicorn",
        *(f"{name}:app", f"--app-dir={folder}", "--no-access-log"),
        *("--host=127.0.0.1", f"--port={port}"),
        log=logs / f"{name}.log",
        cwd=database.rendering,
        environment=database.urls,
        ready=lambda written: "Uvicorn running on" in written,
    )
    return Server(name, f"127.0.0.1:{port}", program, core=core)


@contextmanager
def serving(database: Database, logs: Path) -> Iterator[dict[str, Server]]:
    """All three, on a core of their own if the machine has two."""
    core = max(os.sched_getaffinity(0))
    made = {"service": service(database, logs, core=core)}
    made |= {
        name: bare(name, database, logs, core=core) for name in ("reference", "naive")
    }
    with running(made):
        # The naive service counts the same orders as the two others.
        database.sql(COPY)
        yield made


def shop(database: Database, address: str) -> Shop:
    found = database.sql("SELECT id FROM products ORDER BY id LIMIT 2000").split()
    product, _ = ask(address, f"/v1/catalog/products/{found[0]}")
    _, page = ask(address, "/v1/catalog/products")
    return Shop(
        products=found,
        customer=CUSTOMER,
        buyers=[BUYER.format(number) for number in range(BUYERS)],
        etag=str(product.headers["etag"]),
        cursor=page["next_cursor"],
        proof=callers.log_in(address) if callers.are_known(database.rendering) else {},
    )


def ask(address: str, path: str) -> tuple[Any, Any]:
    """The answer, and what it says."""
    connection = HTTPConnection(address, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, json.loads(body)


def _answers(port: int, path: str) -> bool:
    try:
        answer, _ = ask(f"127.0.0.1:{port}", path)
    except OSError:
        return False
    return answer.status < 500  # noqa: PLR2004
