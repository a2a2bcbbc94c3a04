"""A row: one set of answers, rendered, checked and tested."""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import current_thread

from tests.suites import pythons
from tests.suites.environment import Servers, superset_environment
from tests.suites.rendering import make, summed_up
from variants import Answers

type Render = Callable[[Path, Answers], Path]


@dataclass(frozen=True, slots=True)
class Row:
    """Numbered from 1 in the committed array of its strength."""

    number: int
    answers: Answers

    def __str__(self) -> str:
        return f"{self.number:03} {summed_up(self.answers)}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row; `failed` is the command that did, if one did."""

    row: Row
    log: Path
    seconds: float
    failed: str | None


class Shared:
    """Rows in one environment, on one set of servers: quick.

    A package that a row uses without declaring it is there by chance.
    """

    spared = frozenset({"setup"})

    def __init__(self, folder: Path, servers: Servers) -> None:
        self._folder = folder
        self._servers = servers

    def settings(self, service: Path, python: Path) -> Mapping[str, str]:
        environment = superset_environment(python, self._folder)
        own = {
            "MYPY_CACHE_DIR": str(mypy_cache(self._folder)),
            "UV_NO_SYNC": "1",
            "UV_PROJECT_ENVIRONMENT": str(environment),
        }
        return own | self._servers.for_service(service, environment)


class Isolated:
    """Rows that set themselves up, with what they declare and servers of their own."""

    spared: frozenset[str] = frozenset()

    def settings(self, service: Path, python: Path) -> Mapping[str, str]:
        return {}


class Rest:
    """Rows whose test files have been run in part: what is left, without coverage.

    That of the rest alone says nothing; each row's is measured when it is run whole.
    """

    spared = Shared.spared

    def __init__(self, whole: Shared, without: Iterable[str]) -> None:
        self._whole = whole
        self._options = ["--no-cov", *(f"--ignore={test}" for test in without)]

    def settings(self, service: Path, python: Path) -> Mapping[str, str]:
        rest = {"PYTEST_ADDOPTS": " ".join(self._options)}
        return {**self._whole.settings(service, python), **rest}


def mypy_cache(folder: Path) -> Path:
    """What has been read already; rows at the same time must not write one cache.

    Whoever runs one row after the other is a process of pytest, or else a thread.
    """
    slot = os.environ.get("PYTEST_XDIST_WORKER", current_thread().name)
    return folder / f"mypy-{slot}"


def run(
    row: Row,
    *,
    mode: Shared | Rest | Isolated,
    render: Render,
    folder: Path,
    python: str | None = None,
) -> Outcome:
    """Render the row, then type what its developer would, up to the first failure."""
    begin = time.monotonic()
    place = folder / f"{row.number:03}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    log = place / "log"
    interpreter = pythons.nearest(python or row.answers["python_version"])
    service = render(place / "service", row.answers)
    settings = mode.settings(service, interpreter)
    # Migrations are compared with a database that no other row changes.
    alone = {k: v for k, v in settings.items() if not k.endswith("URL")}
    written = {"migrations": alone} if row.answers.get("modules") else {}
    steps = {"setup": settings, **written, "check": settings}
    failed = next(
        (
            f"make {step}"
            for step, given in steps.items()
            if step not in mode.spared
            and not make(step, service, log, python=interpreter, settings=given)
        ),
        None,
    )
    if failed is None:
        shutil.rmtree(service)
    return Outcome(row, log, time.monotonic() - begin, failed)
