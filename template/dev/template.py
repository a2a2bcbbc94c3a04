"""What the commands that ask the template anew have in common."""

import os
import shlex
import subprocess
from pathlib import Path

UV = os.environ.get("UV", "uv")
_UVX = f"{shlex.quote(UV)} tool run --from 'copier>=9.19' copier"
COPIER = shlex.split(os.environ.get("COPIER", _UVX))
RECORD = Path(".copier-answers.yml")
REFUSED = 4

NOT_CLEAN = "Commit or stash what git status lists: an update begins from a clean tree."
NOT_TRUSTED = """
This version brings a migration, which runs on your machine. Read hooks/migrations/ of
the template, then type: make update TRUST=1"""
CONFLICTS = "\nResolve the conflicts, git add them, then: uv lock && make setup check"
GO_BACK = """
To go back: git restore --source=HEAD --staged --worktree . && git clean -fd .
After a commit: git revert HEAD"""


class Stopped(Exception):
    """It cannot go on; the message says what to do."""


def require_clean_tree() -> None:
    if git("status", "--porcelain"):
        raise Stopped(NOT_CLEAN)


def update(where: Path, *options: str) -> None:
    """Merge what the template says now, with the answers on record and `options`."""
    command = [*COPIER, "update", "--defaults", "--quiet", *options]
    run = subprocess.run(command, cwd=where, check=False)
    if run.returncode == REFUSED:
        raise Stopped(NOT_TRUSTED)
    if run.returncode:
        raise Stopped("The update did not happen: see above.")


def report_files(where: Path) -> list[str]:
    """Show what has changed, and return the files in conflict."""
    files = git("status", "--short", "--untracked-files=all", ".", cwd=where)
    show("Files", files.splitlines())
    show("Deleted, with your edits if there were any", _only(files, "D"))
    conflicts = _only(files, "UU", "AA", "DU", "UD")
    show("In conflict: both of you changed the same lines", conflicts)
    return conflicts


def show(title: str, lines: list[str]) -> None:
    if lines:
        print("\n  ".join([f"\n{title}:", *lines]))


def git(*arguments: str, cwd: Path | None = None) -> str:
    command = ["git", *arguments]
    run = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if run.returncode:
        raise Stopped(run.stderr.strip())
    return run.stdout.rstrip()


def run(*command: str) -> None:
    print("\n$", *command, flush=True)
    if subprocess.run(command, check=False).returncode:
        raise Stopped(f"{' '.join(command)} failed: repair it, or go back.")


def _only(files: str, *states: str) -> list[str]:
    return [line for line in files.splitlines() if line[:2].strip() in states]
