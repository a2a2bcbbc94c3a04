"""Every line of Python of every variant is type-checked, beside every other answer.

Variants multiply, and so does what is printed into a seam: mypy reads those variants
in which every pair of answers meets from which code of the service is printed, and as
few more as have the lines that they lack.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.edits import replace
from tests.suites.array import committed, cover
from tests.suites.environment import superset_environment
from tests.suites.rendering import reproduction
from tests.suites.rows import mypy_cache
from tests.variants.engine.counting import Variant
from tests.variants.engine.diagram import both
from tests.variants.variants import Variants
from variants import ROOT, Answers, choices

SUITES = ROOT / "build/suites"
CHECKED = ("app", "dev", "tests", "migrations")
OLDEST = min(choices()["python_version"])

type Version = tuple[str, bytes]
type Lines = set[Version]


@pytest.fixture(scope="module")
def mypy() -> Path:
    python = Path(sys.executable).resolve()
    return superset_environment(python, SUITES) / "bin/mypy"


@pytest.mark.timeout(900)
def test_every_line_is_type_checked(
    variants: Variants, mypy: Path, tmp_path: Path
) -> None:
    rest = lines(versions(variants))

    for variant in checked(variants):
        files = variants.files_of(variant)
        lay(files, tmp_path / "service")
        complaints = types(tmp_path / "service", mypy)
        assert not complaints, reproduction(variants.space.answers(variant))
        rest -= lines(files.items())

    assert not rest


def test_a_drifted_file_is_found(folder: Path, mypy: Path, tmp_path: Path) -> None:
    word = "{{ 'int' if cache == 'redis' and telemetry == 'none' else 'None' }}"
    found = drifted(folder, tmp_path / "strata", word)
    [variant, *_] = [each for each in checked(found) if is_drifted(found, each)]

    lay(found.files_of(variant), tmp_path / "service")

    assert "app/composition.py" in types(tmp_path / "service", mypy)


def test_a_line_is_read_that_no_pair_of_answers_brings(
    folder: Path, tmp_path: Path
) -> None:
    answers = "cache + tasks + telemetry + identity == 'redisinlinenonejwt'"
    word = f"{{{{ 'int' if {answers} and not example else 'None' }}}}"

    found = drifted(folder, tmp_path / "strata", word)

    assert any(is_drifted(found, each) for each in checked(found))


def drifted(folder: Path, into: Path, word: str) -> Variants:
    """The template, with a function whose type depends on the answers."""
    subprocess.run(["cp", "-R", folder, into], check=True)
    start = "def start_logging(settings: Settings) -> "
    seam = "template/app/composition.py.jinja"
    replace(seam, f"{start}None:", f"{start}{word}:")(into)
    return Variants.of(into)


def is_drifted(variants: Variants, variant: Variant) -> bool:
    return b"Settings) -> int" in variants.files_of(variant)["app/composition.py"]


def versions(variants: Variants) -> list[Version]:
    """The contents that a Python file has: all, or for a wide one those of pairs."""
    return [
        (path, content)
        for path, made in variants.made.items()
        if path.endswith(".py")
        for content in made.versions()
    ]


def lines(files: Iterable[Version]) -> Lines:
    return {
        (path, line)
        for path, content in files
        if path.endswith(".py")
        for line in content.splitlines()
    }


def checked(variants: Variants) -> Iterator[Variant]:
    """Variants in which every pair of answers meets, and then all lines are there."""
    rest = lines(versions(variants))
    for answers in pairs(printed_from(variants)):
        yield (variant := variants.space.variant(answers))
        rest -= lines(variants.files_of(variant).items())
    left = [each for each in versions(variants) if lines([each]) & rest]
    yield from covering(variants, left)


def printed_from(variants: Variants) -> set[str]:
    """The questions whose answers stand in a file of the service."""
    return {
        variants.space.levels[level].name
        for path, made in variants.made.items()
        if path.startswith("app/") and len(made.versions()) > 1
        for level in made.levels()
    }


def pairs(names: set[str]) -> Iterator[Answers]:
    """Few of the committed rows in which all pairs of these questions' answers meet."""
    rows = [*committed(2), *committed(3)]
    narrow = [{name: row[name] for name in names & row.keys()} for row in rows]
    for chosen in cover(narrow, 2):
        yield rows[narrow.index(chosen)]


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
        # Of one version, so that it reads the packages once.
        [mypy, "--no-error-summary", f"--python-version={OLDEST}", *CHECKED],
        cwd=service,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MYPY_CACHE_DIR": str(mypy_cache(SUITES))},
    )
    assert run.returncode in {0, 1}, run.stderr
    return run.stdout
