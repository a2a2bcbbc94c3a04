"""The how-to pages of a service, taken at their word."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from first_week import FEATURES, REFERENCE, table
from pages import follow
from tests.conftest import copy
from tests.suites.environment import superset_environment
from tests.suites.rendering import developer
from variants import ROOT

ENVIRONMENTS = ROOT / "build/suites"
HOWTO = "docs/howto"
PAGES = ("add_a_module", "platform", "routes")


def test_the_first_week_is_counted_as_the_pages_have_it() -> None:
    assert {page for _, page, _, _ in FEATURES} <= {*PAGES}
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
    python = Path(sys.executable).resolve()
    settings = {
        "UV_NO_SYNC": "1",
        "UV_PROJECT_ENVIRONMENT": str(superset_environment(python, ENVIRONMENTS)),
        "PYTEST_XDIST_AUTO_NUM_WORKERS": "2",
    }

    def run(command: str) -> None:
        done = typed(command, service, developer(python) | settings)
        assert done.returncode == 0, f"{command}\n{done.stdout}"

    for page in PAGES:
        follow(service / HOWTO / f"{page}.md", service, run)
    for check in ("make format", *checks):
        run(check)


def typed(
    command: str, service: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        shlex.split(command),
        cwd=service,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
