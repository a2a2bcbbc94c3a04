"""What the template has to say about the versions that came after this service's."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dev.template import git_environment

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
