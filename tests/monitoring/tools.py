"""The programs that check what is rendered for them."""

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import passes


def promtool(*arguments: str | Path) -> str:
    return passes(find("promtool"), *arguments)


def amtool(*arguments: str | Path) -> str:
    return passes(find("amtool"), *arguments)


def find(tool: str) -> str:
    found = shutil.which(tool)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{tool} was not found: apt-get install prometheus; CI fails here")
    assert found is not None, f"{tool} was not found"
    return found
