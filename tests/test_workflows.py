"""strata's own pipelines: accepted by their checkers, and calling what is there."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import passes
from variants import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def test_actionlint_finds_nothing() -> None:
    passes("actionlint", *WORKFLOWS)


def test_zizmor_finds_nothing() -> None:
    passes("zizmor", "--offline", "--no-progress", ".github")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_target_and_path_exists(workflow: Path) -> None:
    text = workflow.read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))

    assert set(re.findall(r"\bmake ([a-z]+)", text)) <= targets
    for path in re.findall(r"(?<![\w/])(?:tests|scripts|\.ci)/[\w./-]+", text):
        assert (ROOT / path).exists(), path


def test_a_release_needs_the_version_and_its_notes() -> None:
    for tag in ("v999.0.0", "v0.1"):
        run = subprocess.run(
            ["python", ROOT / "scripts/release.py", tag],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 1
        assert "pyproject.toml says" in run.stderr
