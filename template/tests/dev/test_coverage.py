"""A module without tests fails the run, however much of the rest is tested."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LONELY = Path("app", "modules", "lonely", "service.py")
HERE = Path(__file__).parents[2]
RULE = "def rule(n: int) -> int:\n{lines}    return n\n"
TEST = "from app.modules.tested.service import rule\n\n\ndef test_it():\n    rule(1)\n"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """One large module with a test, which loads no fixture of this service."""
    conftest = (HERE / "tests/conftest.py").read_text()
    alone = re.sub(r"pytest_plugins = \[.*?\]\n", "", conftest, flags=re.DOTALL)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/conftest.py").write_text(alone)
    (tmp_path / "tests" / "test_tested.py").write_text(TEST)
    shutil.copy(HERE / "pyproject.toml", tmp_path)
    _module(tmp_path, "tested", lines=5000)
    (tmp_path / "app/__init__.py").touch()
    (tmp_path / "app/modules/__init__.py").touch()
    return tmp_path


def _module(service: Path, name: str, *, lines: int) -> None:
    folder = service / "app/modules" / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "service.py").write_text(RULE.format(lines="    n += 1\n" * lines))


def _run(service: Path) -> subprocess.CompletedProcess[str]:
    ours = ("COV", "PYTEST")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not any(word in name for word in ours)
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--numprocesses=2", "--cov"],
        cwd=service,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )


class TestCoverage:
    def test_passes_where_every_file_is_tested(self, service: Path) -> None:
        assert _run(service).returncode == 0

    def test_names_the_file_that_is_not_and_its_lines(self, service: Path) -> None:
        _module(service, "lonely", lines=100)

        run = _run(service)

        assert run.returncode == 1
        assert "Required test coverage of 95.0% reached" in run.stdout
        assert f"{LONELY}: tests reach 0%, below 95%; not 1-102." in run.stdout
