"""Services on throw-away Git repositories, and later versions of the template."""

import re
import subprocess
from pathlib import Path

import copier
import yaml

from tests.conftest import git
from tests.edits import Edit
from variants import render

MARKER = re.compile(
    rb"^(<<<<<<< before updating|>>>>>>> after updating)$", re.MULTILINE
)
RECORD = ".copier-answers.yml"


def project(
    template: Path, into: Path, *, to: str | None = None, **answers: object
) -> Path:
    """Render a service and commit it, as its owner would on the first day."""
    render(template, into, answers, version=to)
    git(into, "init", "--quiet", "--initial-branch=main")
    return committed(into)


def committed(where: Path) -> Path:
    git(where, "add", "--all")
    git(where, "commit", "--quiet", "--allow-empty", "--message=Work")
    return where


def update(
    service: Path,
    *,
    to: str | copier.VcsRef | None = None,
    trust: bool = False,
    **answers: object,
) -> Path:
    """Take a version, the newest by default, and answer some questions anew."""
    copier.run_update(
        service,
        data=answers,
        defaults=True,
        overwrite=True,
        quiet=True,
        settings=copier.Settings(),
        unsafe=trust,
        vcs_ref=to,
    )
    return service


def released(template: Path, version: str, *changes: Edit) -> Path:
    """Change the template and tag it."""
    for change in changes:
        change(template)
    committed(template)
    git(template, "tag", version)
    return template


def clone(template: Path, into: Path) -> Path:
    subprocess.run(["cp", "-R", template, into], check=True)
    return into


def answers_of(service: Path) -> dict[str, object]:
    recorded = yaml.safe_load((service / RECORD).read_text())
    return {k: v for k, v in recorded.items() if not k.startswith("_")}


def tree(service: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its mode, but Git's and Python's own."""
    return {
        str(path.relative_to(service)): (path.stat().st_mode, path.read_bytes())
        for path in service.rglob("*")
        if path.is_file()
        and not {".git", "__pycache__"} & {*path.relative_to(service).parts}
    }


def empty_folders(service: Path) -> set[str]:
    folders = (path for path in service.rglob("*") if path.is_dir())
    empty = (path for path in folders if not any(path.iterdir()))
    names = {str(path.relative_to(service)) for path in empty}
    return {name for name in names if not name.startswith(".git/")}


def status(service: Path) -> list[str]:
    return git(service, "status", "--porcelain").splitlines()


def conflicts(service: Path) -> set[str]:
    """What Git calls unmerged; it must be what has markers, and leave no `.rej`."""
    unmerged = set(git(service, "diff", "--name-only", "--diff-filter=U").split())
    files = [path for path in service.rglob("*") if path.is_file()]
    ours = [path for path in files if ".git" not in path.relative_to(service).parts]
    marked = {path for path in ours if MARKER.search(path.read_bytes())}
    assert unmerged == {str(path.relative_to(service)) for path in marked}
    assert not [path for path in ours if path.suffix == ".rej"]
    return unmerged


def told(service: Path, name: str) -> str:
    return (service / name).read_text()
