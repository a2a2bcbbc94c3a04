"""The Pythons of this machine that really run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path


@cache
def find(version: str) -> Path | None:
    """Find a Python of this version that runs, which a pyenv shim may not."""
    return next(
        (python for python in _candidates(version) if _runs(python, version)), None
    )


def nearest(version: str) -> Path:
    """Find this Python, or else the one that runs strata itself."""
    own = "{}.{}".format(*sys.version_info)
    return find(version) or find(own) or Path(sys.executable)


def _candidates(version: str) -> Iterator[Path]:
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


def _runs(python: Path, version: str) -> bool:
    if not python.exists():
        return False
    say = "import sys; print('%d.%d' % sys.version_info[:2])"
    run = subprocess.run(
        [python, "-c", say], capture_output=True, text=True, check=False
    )
    return run.stdout.strip() == version
