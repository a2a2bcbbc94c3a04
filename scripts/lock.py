"""Write template/uv.lock: the packages of every variant, resolved together.

The first `uv sync` of a rendering prunes it and keeps the versions tested here.
"""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

from variants import ROOT, render, variants

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
        project.joinpath("pyproject.toml").write_text(superset(Path(folder)))
        if LOCK.exists():
            shutil.copy(LOCK, project)
        uv = ["uv", "lock", "--python", sys.executable, *options]
        subprocess.run(uv, cwd=project, check=True)
        shutil.copy(project / "uv.lock", LOCK)


def superset(folder: Path) -> str:
    """Describe a project that needs whatever any variant needs."""
    requirements: set[str] = set()
    development: set[str] = set()
    for number, answers in enumerate(variants()):
        rendering = render(answers, folder / str(number), only="pyproject.toml")
        project = tomllib.loads((rendering / "pyproject.toml").read_text())
        requirements.update(project["project"]["dependencies"])
        development.update(project["dependency-groups"]["dev"])
    return PROJECT.format(
        requirements=sorted(requirements), development=sorted(development)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
