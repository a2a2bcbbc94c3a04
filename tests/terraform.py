"""Terraform on a copy of a rendering: with providers at hand, and no account."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import passes

# Where an administrator or a package puts providers, besides Terraform's own places.
MIRRORS = ("/opt/*/registry.terraform.io", "/usr/*/terraform/*/registry.terraform.io")


def require_terraform() -> None:
    if shutil.which("terraform") is None:
        pytest.skip("no terraform is installed here")


def checked(service: Path, folder: str) -> None:
    """Have checkov judge a folder, with the exceptions that its files name."""
    checkov = ("uvx", "--quiet", "checkov", "--quiet", "--compact", "--skip-download")
    passes(*checkov, "--framework=terraform", f"--directory={folder}", cwd=service)


def initialized(folder: Path, copy: Path, part: str = "") -> Path:
    """Give a copy in which Terraform knows the providers; skip loudly without them."""
    require_terraform()
    shutil.copytree(folder, copy)
    mirrors = [path.parent for each in MIRRORS for path in Path("/").glob(each[1:])]
    for options in ([f"-plugin-dir={mirrors[0]}"] if mirrors else [], []):
        command = ["terraform", "init", "-backend=false", "-no-color", *options]
        run = subprocess.run(
            command, cwd=copy / part, capture_output=True, text=True, check=False
        )
        if run.returncode == 0:
            return copy / part
    pytest.skip(
        "no provider of AWS is at hand, and Terraform's registry is not reached"
    )


def planned(
    where: Path, runs: str, *options: str
) -> dict[str, dict[str, dict[str, Any]]]:
    """What each run of a test would make, by address; the provider is mocked."""
    (where / "tests").mkdir()
    (where / "tests/plans.tftest.hcl").write_text(runs)
    test = ["terraform", "test", "-no-color", "-verbose", "-json", *options]
    run = subprocess.run(test, cwd=where, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr
    messages = [json.loads(line) for line in run.stdout.splitlines()]
    return {
        message["@testrun"]: {
            change["address"]: change["change"]["after"]
            for change in message["test_plan"]["resource_changes"]
        }
        for message in messages
        if message["type"] == "test_plan"
    }
