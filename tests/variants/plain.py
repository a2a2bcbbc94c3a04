"""Plain enumeration, the slow way: what the verifier must agree with."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from copier._main import Worker
from copier._settings import SettingsModel
from copier._types import MISSING
from copier._user_data import AnswersMap, Question

from tests.variants.engine.templating import AROUND
from tests.variants.questions import Answers


def every(root: Path) -> Iterator[Answers]:
    """The answers of every variant, one after the other, as Copier asks for them."""
    worker = Worker(
        src_path=str(root), dst_path=Path("nowhere"), defaults=True, quiet=True
    )
    questions = list(worker.template.questions_data.items())

    def walk(
        rest: list[tuple[str, Any]], known: Answers, asked: Answers
    ) -> Iterator[Answers]:
        if not rest:
            yield asked
            return
        (name, details), *later = rest
        question = Question(
            answers=AnswersMap(),
            context={**AROUND, **known},
            jinja_env=worker.jinja_env,
            settings=SettingsModel(),
            var_name=name,
            **details,
        )
        here = question.get_when()
        for value in values(question) if here else [question.get_default()]:
            given = {} if value is MISSING else {name: value}
            yield from walk(later, known | given, asked | given if here else asked)

    yield from walk(questions, {}, {})


def values(question: Question) -> list[Any]:
    if not question.choices:
        boolean = question.get_type_name() == "bool"
        return [True, False] if boolean else [question.get_default()]
    choices = [
        question.cast_answer(each.value)
        for each in question._formatted_choices  # noqa: SLF001
        if not each.disabled
    ]
    if question.multiselect:
        sizes = range(len(choices) + 1)
        return [list(some) for size in sizes for some in combinations(choices, size)]
    return choices
