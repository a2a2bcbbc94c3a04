"""Where a template is small enough to walk, walking it finds the same."""
# ruff: noqa: E501 - templates are quoted as they are

from collections import Counter
from pathlib import Path

import pytest
from copier._jinja_ext import SandboxedEnvironment
from jinja2 import Environment

from tests.conftest import contents, copy
from tests.quick import from_string
from tests.variants import plain
from tests.variants.checks import ALL, sources
from tests.variants.report import findings
from tests.variants.samples import write
from tests.variants.samples.odd import ODD
from tests.variants.variants import Variants

# Faults of several kinds, each in some variants only.
WRONG = {
    "template/shop/cache.py": "from shop.horn import HORN\n\nCACHE = 1\n",
    "template/set.txt.jinja": "{% if loud %}{{ volume }}{% endif %}\n",
    "template/odd.json.jinja": '{"size": {{ "1" if size == 1 or speed == "slow" else "" }}}\n',
    "template/README.md": "See [the disk](docs/disk.md).\n",
}
# What a variant says of itself; whether a question is idle, it cannot say.
ALONE = [each for each in ALL if each not in (sources.unused, sources.idle_questions)]


@pytest.fixture(autouse=True)
def exact_copies(quick_copies: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Copier compile each path anew: it forgets a `yield` only then."""
    monkeypatch.setattr(SandboxedEnvironment, "from_string", from_string)
    monkeypatch.setattr(SandboxedEnvironment, "compile", Environment.compile)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    return write(ODD, tmp_path / "odd")


def test_the_answers_are_those_that_copier_takes(odd: Path) -> None:
    variants = Variants.of(odd)
    closed = {level.name for level in variants.space.levels}
    walked = [
        {name: value for name, value in answers.items() if name in closed}
        for answers in plain.every(odd)
    ]

    found = list(variants.every())

    assert variants.count() == len(found) == len(walked)
    assert sorted(map(repr, found)) == sorted(map(repr, walked))


def test_every_file_is_the_same(odd: Path, tmp_path: Path) -> None:
    variants = Variants.of(odd)

    for number, answers in enumerate(variants.every()):
        service = copy(odd, tmp_path / str(number), **answers)
        assert contents(service) == variants.files(answers), answers


def test_every_fault_is_found_in_as_many_variants(tmp_path: Path) -> None:
    wrong = write(ODD | WRONG, tmp_path / "wrong")

    together = {
        (each.path, each.reason): each.variants
        for each in findings(Variants.of(wrong), ALONE)
    }

    walked = Counter(
        (each.path, each.reason)
        for answers in plain.every(wrong)
        for each in findings(Variants.of(wrong, **answers), ALONE)
    )
    assert together == walked
    assert len(together) >= len(WRONG)
