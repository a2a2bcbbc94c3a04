"""`make update`: take the template's newest version, and say what came of it."""

import argparse
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dev.template import (
    CONFLICTS,
    COPIER,
    GO_BACK,
    RECORD,
    UV,
    Origin,
    Stopped,
    add_origin,
    git,
    git_environment,
    origin_on_record,
    report_files,
    require_clean_tree,
    run,
    show,
    update,
)

CHANGELOG = "CHANGELOG.md"
UNREADABLE = "Its release notes cannot be read from here.\n"


@dataclass(frozen=True, slots=True)
class Release:
    """The version that this service has, and the newest there is."""

    current: str
    latest: str
    is_new: bool


def newest_release(copier: list[str]) -> Release:
    """Ask Copier, which knows where the template came from."""
    command = [*copier, "check-update", "--output-format", "json"]
    run = subprocess.run(
        command, env=git_environment(), stdout=subprocess.PIPE, text=True, check=True
    )
    found = json.loads(run.stdout)
    return Release(
        current=found["current_version"],
        latest=found["latest_version"] or found["current_version"],
        is_new=found["update_available"],
    )


def release_notes(release: Release, record: Path) -> str:
    """Cut the changelog of the newest version above the one that is here."""
    with TemporaryDirectory(prefix="template-") as folder:
        for tag in (f"v{release.latest}", release.latest):
            if _fetch(_source(record), tag, Path(folder, tag)):
                changelog = Path(folder, tag, CHANGELOG)
                return between(changelog.read_text(), release)
    return UNREADABLE


def between(changelog: str, release: Release) -> str:
    """Take the sections from the newest version down to the one that is here."""
    sections = re.split(r"(?m)^(?=## )", changelog)[1:]
    versions = [_version(section) for section in sections]
    if release.latest not in versions:
        return UNREADABLE
    first = versions.index(release.latest)
    here = release.current in versions
    last = versions.index(release.current) if here else len(versions)
    return "".join(sections[first:last])


def _version(section: str) -> str:
    """Read `2.0.0` from `## 2.0.0`, `## v2.0.0 - 2027-01-31` or `## [2.0.0]`."""
    found = re.match(r"## \[?v?(\d[\w.]*)", section)
    return found.group(1) if found else ""


def _source(record: Path) -> str:
    """Read the template's address as Git takes it."""
    [address] = re.findall(r"(?m)^_src_path: (.+)$", record.read_text())
    address = address.strip("'\"").removeprefix("git+")
    return re.sub(r"^gh:/?", "https://github.com/", address)


def _fetch(source: str, tag: str, into: Path) -> bool:
    clone = ["git", "clone", "--quiet", "--depth=1", "--branch", tag, source, str(into)]
    run = subprocess.run(clone, env=git_environment(), capture_output=True, check=False)
    return run.returncode == 0 and (into / CHANGELOG).exists()


def main(options: argparse.Namespace) -> None:
    """Take the template's newest version, or only show it."""
    require_clean_tree()
    given = options.source, options.version
    with origin_on_record(Origin("make update", *given, options.dry_run)):
        _update(options)


def _update(options: argparse.Namespace) -> None:
    release = newest_release(COPIER)
    if not release.is_new:
        print(f"This is the template's newest version: {release.current}.")
        return
    print(f"The template: {release.current} -> {release.latest}\n")
    print(release_notes(release, RECORD), flush=True)
    trust = ["--trust"] if options.trust else []
    if options.dry_run:
        _rehearse(*trust)
    else:
        _take(*trust, check=options.check)


def _take(*trust: str, check: bool) -> None:
    update(Path(), *trust)
    conflicts = _report(Path())
    print(GO_BACK, flush=True)
    if conflicts:
        raise Stopped(CONFLICTS)
    if git("status", "--porcelain", "pyproject.toml"):
        run(UV, "lock")
    if check:
        run("make", "setup", "check")


def _rehearse(*trust: str) -> None:
    """Update a clone, which shows files and conflicts as they would be."""
    top, here = git("rev-parse", "--show-toplevel"), git("rev-parse", "--show-prefix")
    with TemporaryDirectory(prefix="update-") as folder:
        git("clone", "--quiet", "--local", top, folder)
        shutil.copy(RECORD, Path(folder, here))
        update(Path(folder, here), *trust)
        _report(Path(folder, here))
    print("\nNothing has changed here. To take it: make update")


def _report(where: Path) -> list[str]:
    """Show answers and files, and return the files in conflict."""
    record = git("diff-index", "--patch", "-U0", "HEAD", "--", str(RECORD), cwd=where)
    show(
        "Answers that are new or changed", re.findall(r"(?m)^[+-][a-z]\w*: .*$", record)
    )
    return report_files(where)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.update", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="change nothing here")
    parser.add_argument("--trust", action="store_true", help="let the template migrate")
    add_origin(parser)
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
