"""What all rows share: an environment with every package, and one set of servers."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Self

from lock import LOCK, superset
from tests.promises import servers

# Each test of a row has a database of its own, which is copied file by file.
MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 * 2**30
NEEDS = """
import json
from dev.servers import STARTS
print(json.dumps({name: start.__module__ for name, start in STARTS.items()}))
"""


@cache
def superset_environment(python: Path, folder: Path) -> Path:
    """Install what any variant needs, as locked; the next time, what has changed."""
    project = folder / f"superset-{python.name.removeprefix('python')}"
    project.mkdir(parents=True, exist_ok=True)
    project.joinpath("pyproject.toml").write_text(superset())
    shutil.copy(LOCK, project)
    subprocess.run(
        [os.environ.get("UV", "uv"), "sync", "--quiet", "--locked"],
        cwd=project,
        env=servers.clean() | {"UV_PYTHON": str(python), "UV_COMPILE_BYTECODE": "1"},
        check=True,
    )
    return project / ".venv"


class Servers:
    """Started by the first row that needs them, there for all that follow.

    Each test takes a database and a service name of its own, and with the latter a
    prefix for its keys and queues: rows do not meet on a server.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._urls: dict[tuple[str, str], str] = {}
        self._lock = Lock()

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Self]:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            yield cls(folder, stack)

    def for_service(self, service: Path, environment: Path) -> dict[str, str]:
        """Name a server for each variable that the service would start one for."""
        python = environment / "bin/python"
        wanted = list(_needs(service, python).items())
        with self._lock:
            if not self._urls.keys() >= set(wanted):
                self._start(service, python, wanted)
            return {variable: self._urls[variable, kind] for variable, kind in wanted}

    def _start(
        self, service: Path, python: Path, wanted: list[tuple[str, str]]
    ) -> None:
        given = {
            variable: self._urls[variable, kind]
            for variable, kind in wanted
            if (variable, kind) in self._urls
        }
        folder = self._folder / str(len(self._urls))
        folder.mkdir()
        found = self._stack.enter_context(
            servers.running(service, folder, python=python, given=given | _place())
        )
        for variable, kind in wanted:
            self._urls[variable, kind] = found[variable]


def _place() -> dict[str, str]:
    """Say where servers keep their data: in memory, where there is enough of it."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
        return {"TMPDIR": str(MEMORY)}
    return {}


def _needs(service: Path, python: Path) -> dict[str, str]:
    run = subprocess.run(
        [python, "-c", NEEDS],
        cwd=service,
        check=True,
        stdout=subprocess.PIPE,
        env=servers.clean(),
    )
    return json.loads(run.stdout)
