"""`make update`: take the template's newest version, and say what came of it."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from dev.releases import newest_release, release_notes

UV = os.environ.get("UV", "uv")
UVX = f"{shlex.quote(UV)} tool run --from 'copier>=9.19' copier"
COPIER = shlex.split(os.environ.get("COPIER", UVX))
REFUSED = 4
RECORD = ".copier-answers.yml"

NOT_CLEAN = "Commit or stash what git status lists: an update begins from a clean tree."
NOT_TRUSTED = """
This version brings a migration, which runs on your machine. Read hooks/migrations/ of
the template, then type: make update TRUST=1"""
CONFLICTS = "\nResolve the conflicts, git add them, then: uv lock && make setup check"
GO_BACK = """
To go back: git restore --source=HEAD --staged --worktree . && git clean -fd .
After a commit: git revert HEAD"""


class Stopped(Exception):
    """The update cannot go on; the message says what to do."""


def main(options: argparse.Namespace) -> None:
    """Take the template's newest version, or only show it."""
    if _git("status", "--porcelain"):
        raise Stopped(NOT_CLEAN)
    release = newest_release(COPIER)
    if not release.is_new:
        print(f"This is the template's newest version: {release.current}.")
        return
    print(f"The template: {release.current} -> {release.latest}\n")
    print(release_notes(release, Path(RECORD)), flush=True)
    if options.dry_run:
        _rehearse(trust=options.trust)
    else:
        _take(trust=options.trust, check=options.check)


def _take(*, trust: bool, check: bool) -> None:
    _update(Path(), trust=trust)
    conflicts = _report(Path())
    print(GO_BACK, flush=True)
    if conflicts:
        raise Stopped(CONFLICTS)
    if _git("status", "--porcelain", "pyproject.toml"):
        _run(UV, "lock")
    if check:
        _run("make", "setup", "check")


def _rehearse(*, trust: bool) -> None:
    """Update a clone, which shows files and conflicts as they would be."""
    top, here = _git("rev-parse", "--show-toplevel"), _git("rev-parse", "--show-prefix")
    with TemporaryDirectory(prefix="update-") as folder:
        _git("clone", "--quiet", "--local", top, folder)
        _update(Path(folder, here), trust=trust)
        _report(Path(folder, here))
    print("\nNothing has changed here. To take it: make update")


def _update(where: Path, *, trust: bool) -> None:
    options = ["--defaults", "--quiet", *(["--trust"] if trust else [])]
    run = subprocess.run([*COPIER, "update", *options], cwd=where, check=False)
    if run.returncode == REFUSED:
        raise Stopped(NOT_TRUSTED)
    if run.returncode:
        raise Stopped("The update did not happen: see above.")


def _report(where: Path) -> list[str]:
    """Show answers and files, and return the files in conflict."""
    record = _git("diff", "-U0", "HEAD", "--", RECORD, cwd=where)
    _show(
        "Answers that are new or changed", re.findall(r"(?m)^[+-][a-z]\w*: .*$", record)
    )
    files = _git("status", "--short", "--untracked-files=all", ".", cwd=where)
    _show("Files", files.splitlines())
    _show("Deleted, with your edits if there were any", _only(files, "D"))
    conflicts = _only(files, "UU", "AA", "DU", "UD")
    _show("In conflict: both of you changed the same lines", conflicts)
    return conflicts


def _only(files: str, *states: str) -> list[str]:
    return [line for line in files.splitlines() if line[:2].strip() in states]


def _show(title: str, lines: list[str]) -> None:
    if lines:
        print("\n  ".join([f"\n{title}:", *lines]))


def _git(*arguments: str, cwd: Path | None = None) -> str:
    git = ["git", *arguments]
    run = subprocess.run(git, cwd=cwd, capture_output=True, text=True, check=False)
    if run.returncode:
        raise Stopped(run.stderr.strip())
    return run.stdout.rstrip()


def _run(*command: str) -> None:
    print("\n$", *command, flush=True)
    if subprocess.run(command, check=False).returncode:
        raise Stopped(f"{' '.join(command)} failed: repair it, or go back.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.update", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="change nothing here")
    parser.add_argument("--trust", action="store_true", help="let the template migrate")
    parser.add_argument(
        "--no-check", dest="check", action="store_false", help="leave out make check"
    )
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main(_options())
    except Stopped as stopped:
        sys.exit(str(stopped))
    except subprocess.CalledProcessError:
        sys.exit("Copier cannot look for a newer version: see above.")
