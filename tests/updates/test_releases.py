"""Every version that was released can be left for the one in this folder."""

import re
from pathlib import Path

import pytest

from tests.conftest import git
from tests.edits import append
from tests.updates.projects import committed, conflicts, project, released, tree, update
from variants import ROOT

TAGS = [tag for tag in git(ROOT, "tag").split() if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
HEADINGS = re.findall(r"(?m)^## (.+)$", (ROOT / "CHANGELOG.md").read_text())
NEXT = "v999.0.0"


@pytest.mark.parametrize("tag", TAGS)
def test_a_released_version_updates_to_this_one(
    folder: Path, tmp_path: Path, tag: str
) -> None:
    template = with_history(folder, tmp_path)
    service = project(template, tmp_path / "service", to=tag)
    append("README.md", "\nMine.\n")(service)

    update(committed(service), trust=True)

    fresh = project(template, tmp_path / "fresh")
    append("README.md", "\nMine.\n")(fresh)
    assert conflicts(service) == set()
    assert tree(service) == tree(fresh)


def test_the_changelog_has_every_release() -> None:
    versions = [heading.split()[0] for heading in HEADINGS]

    assert versions[0] == "Unreleased"
    assert {f"v{version}" for version in versions[1:]} >= set(TAGS)


def test_the_changelog_begins_with_the_newest() -> None:
    versions = [heading.split()[0] for heading in HEADINGS[1:]]

    assert versions == sorted(versions, key=numbers, reverse=True)


def with_history(folder: Path, tmp_path: Path) -> Path:
    """A clone with its tags, and what is in this folder as the next version."""
    template = tmp_path / "strata"
    git(tmp_path, "clone", "--quiet", str(ROOT), str(template))
    git(template, "switch", "--quiet", "--force-create", "main")
    git(template, "rm", "--quiet", "-r", ".")
    for name in tree(folder):
        (template / name).parent.mkdir(parents=True, exist_ok=True)
        (template / name).write_bytes((folder / name).read_bytes())
    return released(template, NEXT)


def numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]
