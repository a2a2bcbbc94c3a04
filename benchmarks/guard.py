"""What a request may cost, beside the same work by FastAPI and drivers alone.

`make test` measures it, on whatever machine, beside whatever else runs: processor time
and never the clock, in many short turns with the reference, of which the cheaper count:
others can make a turn dear and never cheap. One client asks, since how many requests
a server finds waiting depends on what else runs. What seems to have become worse is
measured again. guard.json holds what was found when somebody last looked at it:
`make bench GUARD=1` writes it.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Self

from benchmarks.database import Database
from benchmarks.servers import Load, Server, bare, running, service, shop
from benchmarks.workloads import Workload, workloads

FILE = Path(__file__).with_name("guard.json")
GUARDED = (
    "get",
    "list of 20, uncached",
    "first page of 20, cached",
    "from the process",
    "create an order",
)
# Of these only what they ask of the servers, which is exact and soon known.
COUNTED = ("304", "aggregate, uncached", "PATCH with If-Match")
PRODUCTS, ORDERS = 2000, 200
ROUNDS, WARM_UP, COUNTS = 32, 200, 50
# The reference takes less time for each; its turns are to be about as long.
REQUESTS, OF_REFERENCE = 16, 32
# A core has moods: all that is compared meets those of the same one.
CORE = max(os.sched_getaffinity(0))
LEAST_NOISE = 0.12
# More than that is no noise: somebody else needs the machine.
MOST_NOISE = 0.16
RUNS = 5
# What each client asks once, or a timer now and then, is no statement of a request.
ROUNDING = 0.5


@dataclass(frozen=True, slots=True)
class Found:
    """One kind of request: microseconds in each round, by server, and what it asks."""

    costs: Mapping[str, list[float]]
    statements: float
    commands: float

    def ratio(self, of: str = "service") -> float:
        return cheapest(self.costs[of]) / cheapest(self.costs["reference"])


@dataclass(frozen=True, slots=True)
class Cost:
    """What one kind of request has cost, and how exactly that is known."""

    statements: int
    commands: int
    ratio: float | None = None
    """Processor time of the service, for one of the reference."""
    noise: float = 0.0
    """How far a ratio may be from it, as a share of it."""

    def complaint(self, found: Found, of: str = "service") -> str | None:
        """Say what has become worse."""
        if found.statements > self.statements + ROUNDING:
            return f"{found.statements:.1f} SQL statements instead of {self.statements}"
        if found.commands > self.commands + ROUNDING:
            return f"{found.commands:.1f} Redis commands instead of {self.commands}"
        if self.ratio is None:
            return None
        ratio = found.ratio(of)
        if ratio > self.ratio * (1 + self.noise):
            return (
                f"{ratio:.2f} times the processor time of the reference instead of "
                f"{self.ratio:.2f}, which is more than {self.noise:.0%} of noise; now "
                f"{cheapest(found.costs[of]):.0f} microseconds"
            )
        return None


@dataclass(frozen=True, slots=True)
class Stand:
    """The service and its reference, running, with what is asked of them."""

    database: Database
    load: Load
    servers: Mapping[str, Server]
    works: Mapping[str, Workload]

    @classmethod
    @contextmanager
    def built(cls, rendering: Path, urls: dict[str, str], logs: Path) -> Iterator[Self]:
        """With a database of its own on servers that others use."""
        with Database.own(rendering, urls) as database:
            database.seed(PRODUCTS, orders=ORDERS)
            made = {
                "service": service(database, logs, core=CORE),
                "reference": bare("reference", database, logs, core=CORE),
            }
            with running(made), Load.running(rendering) as load:
                every = workloads(shop(database, made["service"].address))
                works = {
                    work.name: work
                    for work in every
                    if work.name in (*GUARDED, *COUNTED)
                }
                yield cls(database, load, made, works)

    def measure(self, name: str, *others: Server) -> Found:
        """What one kind of request costs each server, in turns."""
        work = self.works[name]
        asked = dict(work.asked) | {each.name: work.asked["service"] for each in others}
        work = replace(work, asked=asked)
        servers = [self.servers["service"], self.servers["reference"], *others]
        for server in servers:
            server.cost(work, self.load, number=WARM_UP, clients=1)
        costs: dict[str, list[float]] = {server.name: [] for server in servers}
        for number in range(ROUNDS):
            for server in servers[:: -1 if number % 2 else 1]:
                size = OF_REFERENCE if server.name == "reference" else REQUESTS
                cost = server.cost(work, self.load, number=size, clients=1)
                costs[server.name].append(cost)
        return replace(self.count(name), costs=costs)

    def count(self, name: str) -> Found:
        """What one kind of request asks of the database and the cache."""
        found = self.servers["service"].burst(
            self.works[name], self.load, self.database, number=COUNTS, clients=1
        )
        return Found({}, found.statements, found.commands)


def cheapest(costs: list[float]) -> float:
    return sorted(costs)[len(costs) // 10]


def committed() -> dict[str, Cost]:
    return {name: Cost(**each) for name, each in json.loads(FILE.read_text()).items()}


def commit(stand: Stand) -> str:
    """Write the middle of several runs, with how far they were from it; say it."""
    runs = [{name: stand.measure(name) for name in GUARDED} for _ in range(RUNS)]
    costs = {name: _middle([run[name] for run in runs]) for name in GUARDED}
    costs |= {name: _counts(stand.count(name)) for name in COUNTED}
    if restless := [name for name, each in costs.items() if each.noise > MOST_NOISE]:
        found = ", ".join(f"{name} {costs[name].noise:.0%}" for name in restless)
        raise SystemExit(
            f"Too much else runs here, more than {MOST_NOISE:.0%}: {found}"
        )
    text = {name: asdict(each) for name, each in costs.items()}
    FILE.write_text(json.dumps(text, indent=2) + "\n")
    return "\n".join(f"{name:26} {each}" for name, each in costs.items())


def _counts(found: Found) -> Cost:
    return Cost(round(found.statements), round(found.commands))


def _middle(found: list[Found]) -> Cost:
    ratios = [each.ratio() for each in found]
    middle = median(ratios)
    # Not the farthest: a test that has met such a moment measures again.
    usual = median(abs(ratio / middle - 1) for ratio in ratios)
    return replace(
        _counts(found[0]),
        ratio=round(middle, 2),
        noise=round(max(LEAST_NOISE, 3 * usual), 2),
    )
