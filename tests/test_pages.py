"""The how-to pages of a service, taken at their word."""

import re
import shlex
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from first_week import FEATURES, REFERENCE, table
from pages import follow
from tests.conftest import copy, typed
from tests.edits import Edit
from tests.mistakes import ANYWHERE, IN_MODULES, Mistake
from tests.promises import servers
from tests.suites.environment import superset_environment
from tests.suites.rendering import developer
from variants import ROOT

ENVIRONMENTS = ROOT / "build/suites"
PYTHON = Path(sys.executable).resolve()
HOWTO = "docs/howto"
SCREEN = 60
SECONDS = 240
# No server is asked before a process says what it does not like.
NOWHERE = {
    "DATABASE__URL": "postgresql+asyncpg://nobody@127.0.0.1:1/nothing",
    "CACHE__URL": "redis://127.0.0.1:1/0",
    "BROKER__URL": "redis://127.0.0.1:1/0",
    "ADMIN__PORT": "0",
    "NO_COLOR": "1",
}
PAGES = ("add_a_module", "platform", "routes")


def test_the_first_week_is_counted_as_the_pages_have_it() -> None:
    # What test_howto.py follows counts, too.
    assert {page for _, page, _, _ in FEATURES} <= {*PAGES, "database"}
    assert REFERENCE.read_text() == table(), "run `python scripts/first_week.py`"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("answers", "checks"),
    [
        ({}, ['make test ARGS="tests/modules tests/architecture"']),
        pytest.param({}, ["make check"], marks=pytest.mark.thorough),
        pytest.param(
            {"tasks": "inline", "cache": "none", "telemetry": "none"},
            ["make check"],
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_what_the_pages_have_their_reader_write_passes_its_checks(
    folder: Path, tmp_path: Path, answers: dict[str, str], checks: list[str]
) -> None:
    service = copy(folder, tmp_path / "service", example=False, **answers)
    settings = developer(PYTHON) | beside_packages()

    def run(command: str) -> None:
        done = typed(shlex.split(command), service, settings, seconds=SECONDS)
        assert done.returncode == 0, f"{command}\n{done.stdout}"

    for page in PAGES:
        follow(service / HOWTO / f"{page}.md", service, run)
    for check in ("make format", *checks):
        run(check)

    if "make check" in checks:
        assert not [*unsaid(IN_MODULES, service)]


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_every_page_says_what_its_readers_mistakes_lead_to(
    folder: Path, tmp_path: Path
) -> None:
    service = copy(folder, tmp_path / "service", example=False, monitoring=True)

    assert not [*unsaid(ANYWHERE, service)]


def unsaid(mistakes: Iterable[Mistake], service: Path) -> Iterator[str]:
    """Make each, and name those of which something else is said, or too much."""
    packages = superset_environment(PYTHON, ENVIRONMENTS)
    environment = servers.clean() | NOWHERE
    environment["PATH"] = f"{packages / 'bin'}:{environment['PATH']}"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for mistake in mistakes:
            told = {k: v.replace("TAKEN", port) for k, v in mistake.variables.items()}
            with changed(service, mistake.edit) as folder:
                command = shlex.split(mistake.command)
                done = typed(command, folder, environment | told, seconds=SECONDS)
            words = re.escape(mistake.words).replace("NAME", r"\w+")
            page = (service / HOWTO / f"{mistake.page}.md").read_text()
            if mistake.words not in page:
                yield f"{mistake.page} does not say: {mistake.words}"
            if done.returncode == 0 or not re.search(words, done.stdout):
                yield f"{mistake.words} is not what it says:\n{done.stdout}"
            if done.stdout.count("\n") > SCREEN:
                yield f"More than a screen:\n{done.stdout}"


@contextmanager
def changed(service: Path, edit: Edit | None) -> Iterator[Path]:
    """Give the service, or a copy of it that was edited."""
    if edit is None:
        yield service
        return
    with TemporaryDirectory() as folder:
        copied = shutil.copytree(service, Path(folder) / "service")
        edit(copied)
        yield copied


def beside_packages() -> dict[str, str]:
    return {
        "UV_NO_SYNC": "1",
        "UV_PROJECT_ENVIRONMENT": str(superset_environment(PYTHON, ENVIRONMENTS)),
        "PYTEST_XDIST_AUTO_NUM_WORKERS": "2",
    }
