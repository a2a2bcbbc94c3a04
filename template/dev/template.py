"""What the commands that ask the template anew have in common."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
NO_TEMPLATE = (
    "The template is not at {source}, where this service came from: name its folder or "
    "its URL, {command} SOURCE=../strata"
)
NOTED = f"{RECORD} says where the template is: commit it."
NO_VERSION = (
    "This service was rendered from a plain folder, which has no versions: name the "
    "template's repository and the version it had, {command} SOURCE=URL FROM=v1.0.0"
)

# What Git is told by whoever uses it: how to reach others, and as whom.
_KEPT = re.compile(
    r"GIT_(ASKPASS|SSH.*|SSL.*|HTTP.*|PROXY.*|PROTOCOL.*|ALLOW_PROTOCOL|TERMINAL_PROMPT"
    r"|AUTHOR_.*|COMMITTER_.*|EXEC_PATH|CEILING_DIRECTORIES|CONFIG_(?!PARAMETERS).*)"
)
# What it is told here, so that it says and does alike on every machine.
_SETTINGS = {
    "apply.ignoreWhitespace": "no",
    "apply.whitespace": "nowarn",
    "clone.defaultRemoteName": "origin",
    "color.diff": "false",
    "color.status": "false",
    "color.ui": "false",
    "column.ui": "never",
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.fsmonitor": "false",
    # Hooks are for the commits of people, not for throw-away ones.
    "core.hooksPath": os.devnull,
    # Copier cannot read a name that is not quoted.
    "core.quotePath": "true",
    "core.safecrlf": "false",
    "diff.mnemonicPrefix": "false",
    "diff.noprefix": "false",
    "init.defaultObjectFormat": "sha1",
    "init.templateDir": "",
    "log.showSignature": "false",
    "status.showUntrackedFiles": "normal",
    "submodule.recurse": "false",
    "tag.gpgSign": "false",
}

_SOURCE = re.compile(r"(?m)^_src_path: (.+)$")
# How Copier says that an answer was refused, around what there is to say.
_REFUSAL = re.compile(r"has no attribute (['\"])(?:modules: )?(.+)\1")
_COMMIT = re.compile(r"(?m)^_commit: .+\n")


class Stopped(Exception):
    """It cannot go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the template is, and which version the service has, if the user says so."""

    command: str
    source: str | None
    version: str | None
    only_shows: bool = False


def add_origin(parser: argparse.ArgumentParser) -> None:
    """Let the user say where the template is: SOURCE= and FROM= of make."""
    parser.add_argument("--source", help="folder or URL of the template")
    parser.add_argument("--from", dest="version", help="what the service has of it")


def require_clean_tree() -> None:
    if git("status", "--porcelain"):
        raise Stopped(NOT_CLEAN)


@contextmanager
def origin_on_record(origin: Origin) -> Iterator[None]:
    """Write where the template is, for Copier to read; an update keeps what it wrote.

    A path that was given relatively is looked for from the folders above this one.
    """
    before = RECORD.read_text()
    [recorded] = _SOURCE.findall(before)
    source = origin.source or recorded.strip("'\"")
    found = source if _is_remote(source) else _found(source)
    if found is None:
        raise Stopped(NO_TEMPLATE.format(source=source, command=origin.command))
    after = _SOURCE.sub(lambda _: f"_src_path: {found}", before)
    if origin.version:
        after = f"_commit: {origin.version}\n" + _COMMIT.sub("", after)
    elif not _COMMIT.search(before):
        raise Stopped(NO_VERSION.format(command=origin.command))
    if after == before:
        yield
        return
    RECORD.write_text(after)
    keep = False
    try:
        yield
        keep = origin.source is not None and not origin.only_shows
    finally:
        if RECORD.read_text() == after and not keep:
            RECORD.write_text(before)
    if RECORD.read_text() == after:
        print(NOTED)


def update(where: Path, *options: str) -> None:
    """Merge what the template says now, with the answers on record and `options`."""
    command = [*COPIER, "update", "--defaults", "--quiet", *options]
    with _record_as_committed(where):
        run = subprocess.run(
            command,
            cwd=where,
            env=git_environment(),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    if refusal := _REFUSAL.search(run.stderr):
        raise Stopped(refusal[2])
    print(run.stderr, end="", file=sys.stderr, flush=True)
    if run.returncode == REFUSED:
        raise Stopped(NOT_TRUSTED)
    if run.returncode:
        raise Stopped("The update did not happen: see above.")


def report_files(where: Path) -> list[str]:
    """Show what has changed, and return the files in conflict."""
    files = changed_files(where)
    show("Files", files)
    show("Deleted, with your edits if there were any", _only(files, "D"))
    conflicts = _only(files, "UU", "AA", "DU", "UD")
    show("In conflict: both of you changed the same lines", conflicts)
    return conflicts


def changed_files(where: Path) -> list[str]:
    """List each file after its two letters of state, a new one after `??`."""
    options = ("--porcelain", "-z", "--untracked-files=all", "--no-renames")
    folder = git("rev-parse", "--show-prefix", cwd=where)
    lines = git("status", *options, ".", cwd=where).split("\0")[:-1]
    return [line[:3] + line[3:].removeprefix(folder) for line in lines]


def show(title: str, lines: list[str]) -> None:
    if lines:
        print("\n  ".join([f"\n{title}:", *lines]))


def git(*arguments: str, cwd: Path | None = None) -> str:
    """What Git says, whatever its user has set."""
    run = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env=git_environment(),
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
    )
    if run.returncode:
        raise Stopped(run.stderr.strip())
    return run.stdout.rstrip("\n")


def git_environment() -> dict[str, str]:
    """Let nothing around this command decide what Git says, does and works on.

    It is for Copier too, which runs Git itself.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or _KEPT.fullmatch(name)
    }
    first = int(kept.get("GIT_CONFIG_COUNT") or 0)
    for number, (key, value) in enumerate(_SETTINGS.items(), first):
        kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    count = str(first + len(_SETTINGS))
    return kept | {"GIT_CONFIG_COUNT": count, "GIT_PAGER": "cat"}


def run(*command: str) -> None:
    print("\n$", *command, flush=True)
    if subprocess.run(command, check=False).returncode:
        raise Stopped(f"{' '.join(command)} failed: repair it, or go back.")


@contextmanager
def _record_as_committed(where: Path) -> Iterator[None]:
    """Copier asks for a clean tree; the record may say anew where the template is."""
    if not git("diff-files", "--name-only", "--", str(RECORD), cwd=where):
        yield
        return
    git("update-index", "--assume-unchanged", str(RECORD), cwd=where)
    try:
        yield
    finally:
        git("update-index", "--no-assume-unchanged", str(RECORD), cwd=where)


def _only(files: list[str], *states: str) -> list[str]:
    return [line for line in files if line[:2].strip() in states]


def _is_remote(source: str) -> bool:
    return ":" in source or source.startswith("git@")


def _found(source: str) -> Path | None:
    """The folder of the template, seen from here or from a folder above."""
    path = Path(source).expanduser()
    for start in (Path.cwd(), *Path.cwd().parents):
        if (start / path / "copier.yml").is_file():
            return (start / path).resolve()
    return path if path.is_file() else None
