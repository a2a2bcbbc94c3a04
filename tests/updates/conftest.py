"""Updates within this process, each of whose clones is made once."""

import subprocess
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import copier._template
import pytest
import yaml
from copier._vcs import clone

from tests.conftest import git
from tests.updates.projects import clone as clone_of
from tests.updates.projects import project, released
from variants import ROOT, choices

TESTS = "platform_tests"


@pytest.fixture(scope="session", autouse=True)
def quick_updates(
    quick_copies: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Clone each version of a repository once: an update clones up to six times."""
    kept = tmp_path_factory.mktemp("clones")

    @cache
    def cloned(url: str, commit: str) -> Path:
        return Path(clone(url, commit, mkdtemp(dir=kept)))

    def linked(url: str, ref: str, location: str) -> str:
        if ref == "HEAD":
            return clone(url, ref, location)
        commit = git(Path(url), "rev-parse", f"{ref}^{{commit}}").strip()
        subprocess.run(["cp", "-al", f"{cloned(url, commit)}/.", location], check=True)
        return location

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copier._template, "clone", linked)  # noqa: SLF001
        yield


# Enough of the template for what happens to a file: its questions, seams and rules.
KEPT = (
    ".gitattributes",
    ".github/workflows/update.yml",
    ".gitignore",
    ".gitlab-ci/update.yml",
    ".env.example.jinja",
    "{{ _copier_conf.answers_file }}.jinja",
    "Makefile",
    "README.md.jinja",
    "pyproject.toml.jinja",
    "uv.lock",
    "app/main.py",
    "app/composition.py.jinja",
    "app/platform/errors.py",
    "app/platform/cache/*",
    "dev/__init__.py",
    "dev/find-python",
    "dev/propose.py",
    "dev/module.py",
    "dev/update.py",
    "dev/template.py",
    "dev/update.py",
    "docs/adapters/cache-*",
    "**/modules/{% yield*/*",
)


@pytest.fixture(scope="session")
def thinned(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the template with few files, released as 1.0.0."""
    into = tmp_path_factory.mktemp("thinned") / "strata"
    return thin(folder, into, keep=lambda path: any(map(path.match, KEPT)))


@pytest.fixture(scope="session")
def answerable(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout without the files that are the same whatever is answered."""
    into = tmp_path_factory.mktemp("answerable") / "strata"
    words, places = set(choice_names()), list(owned_places())

    def depends(path: Path) -> bool:
        name = path.as_posix().removesuffix(".jinja")
        named = any(word in name for word in words)
        owned = any(fnmatch(name, f"{place}*") for place in places)
        return named or owned or path.suffix == ".jinja" or len(path.parts) == 1

    return thin(folder, into, keep=depends)


def choice_names() -> Iterator[str]:
    for accepted in choices().values():
        if isinstance(accepted, list):
            yield from accepted


def owned_places() -> Iterator[str]:
    """What leaves with a part, but for the many tests of the platform."""
    computed = yaml.safe_load((ROOT / "questions/computed.yml").read_text())
    owned = yaml.safe_load(computed["owned"]["default"])
    yield from (place for part in owned for place in owned[part] if part != TESTS)


def thin(folder: Path, into: Path, *, keep: Callable[[Path], bool]) -> Path:
    root = clone_of(folder, into) / "template"
    for path in root.rglob("*"):
        if path.is_file() and not keep(path.relative_to(root)):
            path.unlink()
    git(into, "init", "--quiet", "--initial-branch=main")
    return released(into, "v1.0.0")


@pytest.fixture
def template(thinned: Path, tmp_path: Path) -> Path:
    """One of the test's own, to release the next version of."""
    return clone_of(thinned, tmp_path / "strata")


@pytest.fixture
def service(template: Path, tmp_path: Path) -> Path:
    """A service of version 1.0.0, committed."""
    return project(template, tmp_path / "service")
