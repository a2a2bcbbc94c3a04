"""Renderings set themselves up as their owner would, and pass their own checks."""

import os
from pathlib import Path

import pytest

from tests.conftest import copy
from tests.suites import pythons
from tests.suites.rendering import complaint, make
from variants import Answers

PYTHONS = ("3.12", "3.13")

DEFAULT: Answers = {"python_version": "3.13"}
MINIMAL: Answers = {
    "python_version": "3.12",
    "cache": "none",
    "tasks": "inline",
    "telemetry": "none",
    "rate_limits": "false",
    "ci": "none",
    "example": "false",
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(DEFAULT, id="default"),
        pytest.param(MINIMAL, id="minimal", marks=pytest.mark.thorough),
    ],
)
def test_a_rendering_passes_its_own_checks(
    folder: Path, tmp_path: Path, answers: Answers
) -> None:
    python = pythons.find(answers["python_version"])
    if python is None:
        pytest.skip(f"no Python {answers['python_version']} was found")
    log = tmp_path / "check.log"

    service = copy(folder, tmp_path / "service", **answers)

    for step in ("setup", "check"):
        done = make(step, service, log, python=python)
        assert done, complaint(f"make {step}", answers, log)


def test_enough_pythons_are_here() -> None:
    found = [version for version in PYTHONS if pythons.find(version)]

    if len(found) < 2 and not os.environ.get("CI"):
        pytest.skip(f"of {PYTHONS}, only {found} were found; in CI this fails")
    assert len(found) >= 2, f"of {PYTHONS}, only {found} were found"
