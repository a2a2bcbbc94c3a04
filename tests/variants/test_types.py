"""Every Python file of every variant is type-checked, in one rendering or another.

The rows of the first suite are, by their own `make check`. What they leave are the few
files that are printed: here they meet in as few variants as they can.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.edits import replace
from tests.suites.array import committed
from tests.suites.environment import superset_environment
from tests.suites.rendering import reproduction
from tests.suites.rows import mypy_cache
from tests.variants.engine.counting import Variant
from tests.variants.engine.diagram import both
from tests.variants.variants import Variants
from variants import ROOT

SUITES = ROOT / "build/suites"
CHECKED = ("app", "dev", "tests", "migrations")

type Version = tuple[str, bytes]


@pytest.fixture(scope="module")
def mypy() -> Path:
    python = Path(sys.executable).resolve()
    return superset_environment(python, SUITES) / "bin/mypy"


@pytest.mark.timeout(900)
def test_what_the_rows_leave_is_type_checked(
    variants: Variants, mypy: Path, tmp_path: Path
) -> None:
    left = versions(variants) - checked_by_rows(variants)
    rest = set(left)

    for variant in covering(variants, left):
        files = variants.files_of(variant)
        lay(files, tmp_path / "service")
        complaints = types(tmp_path / "service", mypy)
        assert not complaints, reproduction(variants.space.answers(variant))
        rest -= files.items()

    assert not rest


def test_a_drifted_file_that_no_row_has_is_found(
    variants: Variants, folder: Path, mypy: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "strata"
    subprocess.run(["cp", "-R", folder, broken], check=True)
    replace(
        "template/app/composition.py.jinja",
        "def start_logging(settings: Settings) -> None:",
        "def start_logging(settings: Settings) -> "
        "{{ 'int' if cache == 'redis' and telemetry == 'none' else 'None' }}:",
    )(broken)
    found = Variants.of(broken)
    left = versions(found) - checked_by_rows(found)
    wrong = {each for each in left if each[0] == "app/composition.py"}
    wrong = {each for each in wrong if b"Settings) -> int" in each[1]}
    [variant, *_] = covering(found, wrong)

    lay(found.files_of(variant), tmp_path / "service")

    assert "app/composition.py" in types(tmp_path / "service", mypy)


def versions(variants: Variants) -> set[Version]:
    """Every content that a Python file has in any variant."""
    return {
        (path, content)
        for path, made in variants.made.items()
        if path.endswith(".py")
        for content in made.versions()
    }


def checked_by_rows(variants: Variants) -> set[Version]:
    return {file for row in committed(1) for file in variants.files(row).items()}


def covering(variants: Variants, left: Iterable[Version]) -> Iterator[Variant]:
    """Variants that have all of these, each with as many as go together."""
    rest = sorted(left)
    while rest:
        where = variants.made[rest[0][0]].where(rest[0][1])
        for path, content in rest[1:]:
            also = both(where, variants.made[path].where(content))
            where = also if variants.count(also) else where
        variant = variants.space.example(where)
        yield variant
        has = variants.files_of(variant)
        rest = [(path, content) for path, content in rest if has.get(path) != content]


def lay(files: dict[str, bytes], into: Path) -> None:
    """Make the folder hold these files alone; mypy reads those that changed."""
    for path in sorted(into.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file() and path.relative_to(into).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        file = into / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_bytes() != content:
            file.write_bytes(content)


def types(service: Path, mypy: Path) -> str:
    """What mypy has to say of it; it remembers what it has read before."""
    run = subprocess.run(
        [mypy, "--no-error-summary", *CHECKED],
        cwd=service,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MYPY_CACHE_DIR": str(mypy_cache(SUITES))},
    )
    assert run.returncode in {0, 1}, run.stderr
    return run.stdout
