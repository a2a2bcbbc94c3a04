"""What an owner types, and what an update told them to type."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests import quick

# As an owner's; most tests use one that does the same in less time.
COPIER = f"{sys.executable} -m copier"


def make_update(
    service: Path,
    *options: str,
    checked_by: Path | None = None,
    copier: str = quick.COMMAND,
) -> subprocess.CompletedProcess[str]:
    unchecked = [] if checked_by else ["--no-check"]
    programs = {"COPIER": copier, "UV": str(checked_by)}
    return subprocess.run(
        [sys.executable, "-m", "dev.update", *unchecked, *options],
        cwd=service,
        env=os.environ | programs,
        capture_output=True,
        text=True,
        check=False,
    )


def make_module(
    service: Path, *, copier: str = quick.COMMAND, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Type `make module name=... fields=...`; nobody is there to be asked."""
    programs = {"COPIER": copier}
    return subprocess.run(
        [sys.executable, "-m", "dev.module"],
        cwd=service,
        env=os.environ | programs | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def go_back(service: Path, told: str) -> None:
    """Type what the update said would undo it."""
    [command] = [line for line in told.splitlines() if line.startswith("To go back: ")]
    undo = command.removeprefix("To go back: ")
    subprocess.run(["sh", "-c", undo], cwd=service, check=True)


def make_module_by_hand(service: Path, *lines: str) -> tuple[int, str]:
    """Type `make module`, and answer what it asks at a terminal."""
    ours, theirs = pty.openpty()
    typed = "".join(f"{line}\n" for line in lines)
    os.write(ours, typed.encode())
    run = subprocess.run(
        [sys.executable, "-m", "dev.module"],
        cwd=service,
        env=os.environ | {"COPIER": f"{sys.executable} -m copier"},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    return run.returncode, run.stdout
