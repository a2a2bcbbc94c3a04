"""What a service's developers type, where the packages are those of strata."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import copy

# Stands for uv: `uv run ruff` is strata's ruff.
UV = '#!/bin/sh\nshift\nexec "$@"\n'
# Longer than a line may be, until it is formatted; with an import that nothing needs.
UNTIDY = (
    "import os\nNUMBERS = [" + ", ".join(f'"number {n}"' for n in range(12)) + "]\n"
)
UNREPAIRABLE = 'def greet(who: str) -> None:\n    assert who,   "who?"\n    eval(who)\n'


@pytest.fixture(scope="module")
def service(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("commands")
    (directory / "uv").write_text(UV)
    (directory / "uv").chmod(0o755)
    return copy(folder, directory / "service")


def make(service: Path, target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", target],
        cwd=service,
        env=os.environ | {"UV": str(service.parent / "uv")},
        capture_output=True,
        text=True,
        check=False,
    )


class TestFormat:
    def test_repairs_what_only_needed_to_be_formatted(self, service: Path) -> None:
        untidy = service / "app/untidy.py"
        untidy.write_text(UNTIDY)

        run = make(service, "format")

        assert run.returncode == 0, run.stdout + run.stderr
        assert "import os" not in untidy.read_text()
        assert max(map(len, untidy.read_text().splitlines())) <= 88

    def test_formats_beside_what_is_left_to_you(self, service: Path) -> None:
        untidy = service / "app/untidy.py"
        untidy.write_text(UNREPAIRABLE + UNTIDY)

        run = make(service, "format")

        assert run.returncode != 0
        assert "S307" in run.stdout
        assert 'assert who, "who?"' in untidy.read_text()
        untidy.unlink()
