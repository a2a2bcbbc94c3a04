"""Every set of answers that can change what the template renders."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import copier
import yaml

ROOT = Path(__file__).resolve().parent.parent
SWITCH = ("true", "false")

type Answers = dict[str, str]


def choices() -> dict[str, str | list[str]]:
    """What each question accepts: a list of answers, or the name of a rule."""
    questions = yaml.safe_load((ROOT / "questions/choices.yml").read_text())
    return yaml.safe_load(questions["choices"]["default"])


def variants() -> Iterator[Answers]:
    """One set of answers for each valid combination of closed questions."""
    closed = {name: answers for name, answers in _closed() if name != "python_version"}
    for answers in product(*closed.values()):
        variant = dict(zip(closed, answers, strict=True))
        if variant["tasks"] == "celery" or variant["broker"] == closed["broker"][0]:
            yield {k: v for k, v in variant.items() if _asked(k, variant)}


def render(answers: Answers, into: Path, *, only: str | None = None) -> Path:
    """Render the working tree as a plain folder, or a single file of it."""
    copier.run_copy(
        str(ROOT),
        into,
        data=answers,
        defaults=True,
        exclude=["*", f"!{only}"] if only else [],
        quiet=True,
        settings=copier.Settings(),
        unsafe=False,
        vcs_ref="HEAD",
    )
    return into


def _closed() -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, answers in choices().items():
        if answers == "switch":
            yield name, SWITCH
        elif isinstance(answers, list):
            yield name, tuple(answers)


def _asked(question: str, answers: Answers) -> bool:
    return question != "broker" or answers["tasks"] == "celery"
