"""The programs that check what is rendered for them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def promtool(*arguments: str | Path) -> str:
    return ask(find("promtool"), *arguments)


def amtool(*arguments: str | Path) -> str:
    return ask(find("amtool"), *arguments)


def ask(*command: str | Path) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def find(tool: str) -> str:
    found = shutil.which(tool)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{tool} was not found: apt-get install prometheus; CI fails here")
    assert found is not None, f"{tool} was not found"
    return found
