"""A service that changes its answers is the service that gave them first."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.conftest import copy
from tests.updates.projects import (
    answers_of,
    clone,
    committed,
    conflicts,
    empty_folders,
    project,
    status,
    tree,
    update,
)
from tests.variants.samples.tried import MODULES
from variants import SWITCH, Answers, choices, conditions

SETS = 50
ALWAYS = 5
# How a refusal says what a switch is.
SAID = {"true": "yes", "false": "no"}
# Another answer to a question that takes whatever keeps a rule.
OTHERWISE = {
    "name": "Büro & Söhne",
    "slug": "flipped",
    "line": "Something else: #1.",
    "modules": MODULES,
}


def flips() -> Iterator[tuple[str, object]]:
    """Every question with every answer that is not its default."""
    for question, accepted in choices().items():
        for answer in every_answer(accepted):
            yield question, answer


def sets() -> Iterator[object]:
    for number in range(SETS):
        thorough = [pytest.mark.thorough] if number >= ALWAYS else []
        yield pytest.param(number, marks=thorough)


def every_answer(accepted: str | list[str]) -> list[object]:
    if isinstance(accepted, list):
        return accepted
    return list(SWITCH) if accepted == "switch" else [OTHERWISE[accepted]]


def drawn(number: int) -> Answers:
    """A random set of answers; Copier takes only those that it would ask for."""
    chance = Random(number)
    return {
        question: chance.choice(every_answer(accepted))
        for question, accepted in choices().items()
        if not isinstance(accepted, str) or chance.random() < 0.5
    }


def asked(answers: dict[str, object]) -> dict[str, object]:
    given = dict(answers)
    for question, needed in conditions().items():
        for other, no, answer in needed:
            said = str(given.get(other)).lower()
            if (SAID.get(said, said) == answer) == bool(no):
                given.pop(question, None)
    return given


@pytest.fixture(scope="session")
def base(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service that says yes to everything asked."""
    return project(checkout, tmp_path_factory.mktemp("base") / "service")


@pytest.fixture(scope="session")
def bare(answerable: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, without the files that every service has."""
    return project(answerable, tmp_path_factory.mktemp("bare") / "service")


class TestAnUpdateWithoutNews:
    def test_changes_nothing(self, base: Path) -> None:
        """Nothing is new: neither a version nor an answer.

        Happens: Nothing.
        Do: Nothing.
        """
        update(base)

        assert status(base) == []


class TestAnotherAnswer:
    @pytest.mark.thorough
    @pytest.mark.parametrize(("question", "answer"), list(flips()))
    def test_equals_a_fresh_copy_and_back_again(
        self, answerable: Path, bare: Path, tmp_path: Path, question: str, answer: str
    ) -> None:
        """An answer changes, and you have not touched the files that it concerns.

        Happens: The service becomes what a new one with that answer would be, byte for
            byte; changed back, it is what it was.
        Do: `copier update --vcs-ref :current: --defaults --data QUESTION=ANSWER`.
        """
        there_and_back(answerable, bare, tmp_path, {question: answer})

    def test_of_the_whole_template_does(
        self, checkout: Path, base: Path, tmp_path: Path
    ) -> None:
        there_and_back(checkout, base, tmp_path, {"tasks": "inline"})


class TestManyOtherAnswers:
    @pytest.mark.parametrize("number", list(sets()))
    def test_equal_a_fresh_copy_and_back_again(
        self, answerable: Path, bare: Path, tmp_path: Path, number: int
    ) -> None:
        """Many answers change at once.

        Happens: As with one.
        Do: Name each with `--data`.
        """
        there_and_back(answerable, bare, tmp_path, drawn(number))


def there_and_back(
    checkout: Path, base: Path, folder: Path, change: dict[str, object]
) -> None:
    before = answers_of(base)
    after = asked(before | change)
    fresh = copy(checkout, folder / "fresh", **after)
    service = clone(base, folder / "service")

    update(service, **{k: v for k, v in after.items() if v != before[k]})

    assert tree(service) == tree(fresh)
    assert empty_folders(service) <= empty_folders(fresh)
    assert not conflicts(service)
    update(committed(service), **before)
    assert tree(service) == tree(base)
