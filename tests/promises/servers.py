"""The servers that a rendering brings along, as `python -m dev fresh` starts them."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.promises.processes import wait_for
from tests.suites.rendering import developer

URLS = {"CACHE__URL", "DATABASE__URL", "BROKER__URL"}
# What the machine says about servers is not meant for this run.
FORGOTTEN = {*URLS, "LOGGING__FORMAT", "MAIL__URL", "PYTHONDONTWRITEBYTECODE"}
# It says what it finds, and ends when its standard input does: at the latest when
# this test run is killed.
SCRIPT = 'env > "$0.draft" && mv "$0.draft" "$0" && exec cat'
END_SECONDS = 30


@contextmanager
def running(
    rendering: Path,
    folder: Path,
    *,
    python: Path | str = ".venv/bin/python",
    given: Mapping[str, str] | None = None,
) -> Iterator[dict[str, str]]:
    """Yield the environment of whoever uses the servers; the database is migrated.

    A server that is `given` is not started.
    """
    note, log = folder / "environment", folder / "servers.log"
    command = (python, "-m", "dev", "fresh", "sh", "-c", SCRIPT, note)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=rendering,
            env=clean() | dict(given or {}),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        wait_for("servers", lambda: note.exists() or process.poll() is not None)
        assert note.exists(), log.read_text()
        yield clean() | {url: value for url, value in _read(note) if url in URLS}
    finally:
        process.communicate(timeout=END_SECONDS)


def clean() -> dict[str, str]:
    """The environment of a developer who has set nothing of the service's."""
    environment = developer(Path(sys.executable)) | {"PYTHONUNBUFFERED": "1"}
    return {k: v for k, v in environment.items() if k not in FORGOTTEN}


def _read(note: Path) -> Iterator[tuple[str, str]]:
    for line in note.read_text().splitlines():
        name, _, value = line.partition("=")
        yield name, value
