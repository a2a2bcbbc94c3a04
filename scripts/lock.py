"""Write template/uv.lock: the packages of every variant, resolved together.

The first `uv sync` of a rendering prunes it and keeps the versions tested here.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from variants import ROOT

LOCK = ROOT / "template/uv.lock"
PROJECT = """\
[project]
name = "superset"
version = "0.1.0"
requires-python = ">=3.12"
dependencies = {requirements}

[dependency-groups]
dev = {development}

[tool.uv]
package = false
"""


def main(*options: str) -> None:
    """Resolve anew, or with `--check` fail when the lock is out of date."""
    with TemporaryDirectory() as folder:
        project = Path(folder, "superset")
        project.mkdir()
        project.joinpath("pyproject.toml").write_text(superset())
        if LOCK.exists():
            shutil.copy(LOCK, project)
        uv = ["uv", "lock", "--python", sys.executable, *options]
        subprocess.run(uv, cwd=project, check=True)
        shutil.copy(project / "uv.lock", LOCK)


def superset() -> str:
    """Describe a project that needs whatever any variant needs."""
    answers = yaml.safe_load((ROOT / "questions/computed.yml").read_text())
    return PROJECT.format(
        requirements=_union(answers["packages"]["default"]),
        development=_union(answers["development_packages"]["default"]),
    )


def _union(packages: str) -> list[str]:
    groups = yaml.safe_load(packages).values()
    return sorted({package for group in groups for package in group})


if __name__ == "__main__":
    main(*sys.argv[1:])
