"""The facts of a deployment stand once, in questions/computed.yml, and fit together."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.promises.deployment import FACTS, computed, processes
from variants import ROOT, render, snapshot

# A fact, another, and how a service says the first.
MOVED = {
    "the admin port": ("port: 9464", "port: 9664", r"\b946[4-6]\b"),
    "the API's port": ("port: 8000", "port: 8800", r"\b8000\b"),
    "the API's grace": ("seconds: 45", "seconds: 48", r"\b45 ?s\b|:-45|SECONDS=45"),
    "the relay's grace": ("seconds: 30}", "seconds: 38}", r"grace_period: 30"),
    "the worker's grace": (
        "seconds: 130",
        "seconds: 138",
        r"\b130 ?s\b|:-130|SECONDS=130",
    ),
    "the worker's memory": (
        "memory: 1G",
        "memory: 1400M",
        r"memory: 1G, pids|: 1024Mi",
    ),
    "the API's connections": ("connections: 16", "connections: 17", r"\| 16 \|"),
    "the time to start": (
        "start_seconds: 120",
        "start_seconds: 127",
        r"\b120s|failureThreshold: 120",
    ),
    "the relay's command": ("m app.relay", "m app.delay", r"app\.relay\b"),
    "the API's command": ("m app.main", "m app.many", r"-m app\.main\b"),
    "the probe of life": ("alive: /livez", "alive: /alivez", r"app\.probe.*/livez"),
    "the migration": ("m app.cli migrate", "m app.cli move", r"image once .* migrate`"),
}
# The code has defaults of its own, which `TestDefaults` compares; tests say what they
# test, and what watches the service has terms of its own.
ELSEWHERE = (
    *("app/", "tests/", "uv.lock", "docs/settings.md", "Makefile"),
    "ops/monitoring/compose.yaml",
)
# What PostgreSQL keeps for its superusers of the 100 that it has by default.
MAX_CONNECTIONS = 100 - 3
BROKER_PAUSE_SECONDS = 30

type Said = dict[str, set[str]]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Said, Said]:
    """Where each fact is said: in a service, and when all facts are others."""
    folder = tmp_path_factory.mktemp("facts")
    template = snapshot(folder / "strata")
    before = said(render(template, folder / "before", {"deploy": "kubernetes"}))
    for old, new, _ in MOVED.values():
        text = (template / FACTS).read_text()
        (template / FACTS).write_text(text.replace(old, new))
    return before, said(render(template, folder / "after", {"deploy": "kubernetes"}))


@pytest.mark.parametrize("fact", MOVED)
def test_all_say_what_the_table_says(places: tuple[Said, Said], fact: str) -> None:
    before, after = places

    assert before[fact]
    assert after[fact] == set()


def said(service: Path) -> Said:
    texts = {
        path.relative_to(service).as_posix(): path.read_text()
        for path in service.rglob("*")
        if path.is_file()
    }
    return {
        fact: {
            path
            for path, text in texts.items()
            if not path.startswith(ELSEWHERE) and re.search(pattern, text)
        }
        for fact, (_, __, pattern) in MOVED.items()
    }


class TestDefaults:
    def test_of_the_ports_are_those_of_the_table(self) -> None:
        assert default("ADMIN__PORT") == computed("probes")["port"]
        assert default("SERVER__PORT") == processes()["api"]["port"]

    def test_of_grace_are_those_of_the_table(self) -> None:
        told = {
            name: process["grace"]
            for name, process in processes().items()
            if "variable" in process["grace"]
        }

        assert told.keys() == {"api", "worker"}
        for grace in told.values():
            assert default(grace["variable"]) == grace["seconds"]


class TestArithmetic:
    def test_two_sets_of_processes_find_connections(self) -> None:
        """The old and the new of a deployment, and its migration."""
        opened = sum(process["connections"] for process in processes().values())

        asked = 2 * opened + computed("migration")["connections"]

        assert asked <= MAX_CONNECTIONS

    def test_connections_are_those_that_the_pools_allow(self) -> None:
        pool = default("DATABASE__POOL_SIZE") + default("DATABASE__POOL_OVERFLOW")
        api, worker = processes()["api"], processes()["worker"]
        children = int(re.search(r"concurrency=(\d+)", worker["command"])[1])

        # One more looks after the primary, which in a worker one process does for all.
        assert api["connections"] == pool + 1
        # An attempt, and what keeps its lease.
        assert worker["connections"] == 2 * children + 1

    def test_whoever_stops_has_the_time(self) -> None:
        flush = default("TELEMETRY__FLUSH_SECONDS")
        api = default("SERVER__DRAIN_SECONDS") + default("SERVER__FINISH_SECONDS")
        needed = {
            "api": api + flush,
            "relay": flush,
            "worker": default("TASKS__ATTEMPT_SECONDS") + flush,
        }

        for name, seconds in needed.items():
            assert processes()[name]["grace"]["seconds"] > seconds, name

    def test_a_probe_waits_longer_than_what_it_asks(self) -> None:
        answer = constant("app/platform/process.py", "ANSWER_SECONDS")
        probe = constant("app/probe.py", "TIMEOUT_SECONDS")
        probes = computed("probes")

        assert answer < probe < probes["timeout_seconds"] < probes["interval_seconds"]
        assert default("TASKS__PULSE_SECONDS") > BROKER_PAUSE_SECONDS


@cache
def default(variable: str) -> float:
    """As the table of settings has it, which is written from the code."""
    for file in (ROOT / "includes/settings").glob("*.md"):
        for row in file.read_text().splitlines():
            name, _, value, *_ = row.strip("| ").split(" | ")
            if name == f"`{variable}`":
                return float(value.strip("`"))
    raise LookupError(variable)


def constant(path: str, name: str) -> float:
    tree = ast.parse((ROOT / "template" / path).read_text())
    [value] = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    ]
    return value
