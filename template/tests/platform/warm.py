"""A process that has read the packages, and becomes what a test types: much sooner.

`python -m tests.platform.warm` takes an order a line, forks, and says how it ended. It
knows nothing of the service: each child reads that anew, in the folder that it is told.
"""

import atexit
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

FLAGS = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT)
# It measures whoever starts with its variables, or imports it.
MEASURES = "COVERAGE"
PACKAGES = "/site-packages/"
# What runs the tests is nothing that a command would have read.
RUNS_TESTS = ("_pytest", "coverage", "execnet", "pytest", "xdist")


def run(
    command: tuple[str, ...],
    *,
    folder: Path,
    environment: Mapping[str, str],
    typed: str,
    place: Path,
) -> subprocess.CompletedProcess[str]:
    """As `python -m` would in that folder; `place` is for what is said."""
    said = [place / name for name in ("stdin", "stdout", "stderr")]
    for file, text in zip(said, (typed, "", ""), strict=True):
        file.write_text(text)
    order = {
        "command": command,
        "folder": str(folder),
        "environment": dict(environment),
        "said": list(map(str, said)),
    }
    process = _started()
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    code = int(process.stdout.readline())
    return subprocess.CompletedProcess(
        command, code, said[1].read_text(), said[2].read_text()
    )


@cache
def _started() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", __spec__.name, *_packages()],
        env={k: v for k, v in os.environ.items() if not k.startswith(MEASURES)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(process.communicate)
    return process


def _packages() -> list[str]:
    """Name what the tests, and so the service, have read of them so far."""
    return [
        name
        for name, module in list(sys.modules.items())
        if PACKAGES in str(getattr(module, "__file__", None))
        and not name.startswith(RUNS_TESTS)
    ]


def _become(order: dict[str, list[str]], folder: str) -> None:
    for number, (name, flags) in enumerate(zip(order["said"], FLAGS, strict=True)):
        os.dup2(os.open(name, flags), number)
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv = order["command"]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _serve() -> None:
    for name in sys.argv[1:]:
        # Some are there by another name only.
        with suppress(ImportError):
            import_module(name)
    # One line at a time: what is read ahead would be lost to the children.
    while line := sys.stdin.readline():
        order = json.loads(line)
        child = os.fork()
        if not child:
            os.environ.clear()
            os.environ.update(order["environment"])
            _become(order, order["folder"])
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve()
