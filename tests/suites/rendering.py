"""A rendering, and the commands that its developer types in it."""

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.promises.processes import die_with_parent, kill_group
from tests.variants.report import spelled
from variants import ROOT, Answers

TAIL_LINES = 60
# The process groups of commands that run now, for whoever is told to stop.
running: set[int] = set()


def make(
    step: str,
    service: Path,
    log: Path,
    *,
    python: Path,
    settings: Mapping[str, str] | None = None,
) -> bool:
    """Type one `make` command as a developer of the service would."""
    with log.open("a") as output:
        process = subprocess.Popen(
            ["make", step],
            cwd=service,
            env=developer(python) | dict(settings or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
        )
    running.add(process.pid)
    try:
        return process.wait() == 0
    finally:
        kill_group(process.pid)
        running.discard(process.pid)


def stop() -> None:
    """Kill every command that runs, with all that it started."""
    for group in list(running):
        kill_group(group)


def developer(python: Path) -> dict[str, str]:
    """The environment, without what belongs to this run."""
    ours = (
        "VIRTUAL_ENV",
        "UV_PROJECT_ENVIRONMENT",
        "PYTHON",
        "COV_",
        "PYTEST_",
        "MAKE",
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    # Rows run side by side, and each has tests that measure time.
    one_each = {"PYTEST_XDIST_AUTO_NUM_WORKERS": "1"}
    return environment | one_each | {"UV_PYTHON": str(python)}


def reproduction(answers: Answers) -> str:
    """Spell the command that renders the same, from the template's folder."""
    data = "".join(
        f" --data {name}={shlex.quote(spelled(value))}"
        for name, value in answers.items()
    )
    return f"copier copy --defaults{data} {ROOT} /tmp/service"


def summed_up(answers: Answers) -> str:
    """Name answers in a line: cache=none example=false modules=customers,invoices."""
    words = {
        name: ",".join(value) or "none" if isinstance(value, dict) else spelled(value)
        for name, value in answers.items()
    }
    return " ".join(f"{name}={word}" for name, word in words.items())


def complaint(command: str, answers: Answers, log: Path) -> str:
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
    return (
        f"`{command}` failed; the whole output is in {log}\n"
        f"{reproduction(answers)}\n{tail}"
    )
