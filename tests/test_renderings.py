"""Renderings set themselves up and pass their own checks, on each Python we have."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import copy
from variants import ROOT, Answers

PYTHONS = ("3.12", "3.13")

RENDERINGS: dict[str, Answers] = {
    "default": {},
    "minimal": {"cache": "none", "tasks": "inline", "example": "false"},
    "rabbitmq": {"broker": "rabbitmq"},
    "no-example": {"example": "false"},
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("python_version", PYTHONS)
@pytest.mark.parametrize("name", RENDERINGS)
def test_a_rendering_passes_its_own_checks(
    folder: Path, tmp_path: Path, name: str, python_version: str
) -> None:
    python = interpreter(python_version)
    answers = {**RENDERINGS[name], "python_version": python_version}
    log = tmp_path / "check.log"

    service = copy(folder, tmp_path / "service", **answers)

    for step in ("setup", "check"):
        assert make(step, service, python, log), complaint(step, answers, log)


def test_enough_pythons_are_here() -> None:
    found = [version for version in PYTHONS if find(version)]

    if len(found) < 2 and not os.environ.get("CI"):
        pytest.skip(f"of {PYTHONS}, only {found} were found; in CI this fails")
    assert len(found) >= 2, f"of {PYTHONS}, only {found} were found"


def make(step: str, service: Path, python: Path, log: Path) -> bool:
    """Type one `make` command as a developer of the service would."""
    with log.open("a") as output:
        run = subprocess.run(
            ["make", step],
            cwd=service,
            env=developer(python),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return run.returncode == 0


def developer(python: Path) -> dict[str, str]:
    """The environment, without what belongs to this test run."""
    ours = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHON", "COV_", "PYTEST_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    # Two rows run side by side, and each has tests that measure time.
    one_each = {"PYTEST_XDIST_AUTO_NUM_WORKERS": "1"}
    return environment | one_each | {"UV_PYTHON": str(python)}


def complaint(step: str, answers: Answers, log: Path) -> str:
    data = " ".join(f"--data {k}={v}" for k, v in answers.items())
    tail = "\n".join(log.read_text().splitlines()[-60:])
    return (
        f"`make {step}` failed; the whole output is in {log}\n"
        f"copier copy --defaults {data} {ROOT} /tmp/service\n{tail}"
    )


def interpreter(version: str) -> Path:
    python = find(version)
    if python is None:
        pytest.skip(f"no Python {version} was found")
    return python


@cache
def find(version: str) -> Path | None:
    """Find a Python of this version that runs, which a pyenv shim may not."""
    return next(
        (python for python in candidates(version) if runs(python, version)), None
    )


def candidates(version: str) -> Iterator[Path]:
    yield Path(sys.base_prefix, "bin", f"python{version}")
    if selected := shutil.which(f"python{version}"):
        yield Path(selected)
    roots = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))]
    on_path = map(Path, os.get_exec_path())
    roots += [folder.parent for folder in on_path if folder.name == "shims"]
    for root in roots:
        yield from sorted(root.glob(f"versions/{version}.*/bin/python{version}"))
    uv = Path.home() / ".local/share/uv/python"
    yield from sorted(uv.glob(f"cpython-{version}.*/bin/python{version}"))


def runs(python: Path, version: str) -> bool:
    if not python.exists():
        return False
    say = "import sys; print('%d.%d' % sys.version_info[:2])"
    run = subprocess.run(
        [python, "-c", say], capture_output=True, text=True, check=False
    )
    return run.stdout.strip() == version
