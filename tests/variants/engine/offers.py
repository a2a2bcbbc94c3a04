"""What one question offers: asked by Copier's own Question, one way at a time."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import yaml
from copier._jinja_ext import SandboxedEnvironment
from copier._settings import SettingsModel
from copier._types import MISSING
from copier._user_data import AnswersMap, Question
from jinja2 import nodes

from tests.variants.engine.diagram import Diagram, leaves, map_leaves
from tests.variants.engine.explore import Levels, explore
from tests.variants.engine.pieces import Pieces
from tests.variants.engine.templating import Renderer
from tests.variants.engine.values import box
from tests.variants.samples.tried import TRIED


@dataclass(frozen=True, slots=True)
class Offer:
    """What a question takes beside the answers before it; the values are boxed."""

    asked: bool
    values: tuple[Hashable, ...]
    default: Hashable

    def usual(self) -> Hashable:
        """What `--defaults` takes."""
        return self.default if self.default in self.values else self.values[0]


@dataclass(frozen=True, slots=True)
class Level:
    """A question that leaves a choice: every value it may ever have, and where."""

    name: str
    values: list[Any]
    allowed: Diagram
    asked: Diagram
    default: Diagram


def offer(
    name: str,
    details: dict[str, Any],
    context: dict[str, Any],
    environment: SandboxedEnvironment,
    fixed: Mapping[str, Any],
) -> Offer:
    """Ask what Copier would ask, in this context."""
    question = Question(
        answers=AnswersMap(),
        context=context,
        jinja_env=environment,
        settings=SettingsModel(),
        var_name=name,
        **details,
    )
    asked = question.get_when()
    default = question.get_default()
    if default is MISSING and not asked:
        return Offer(asked, (MISSING,), MISSING)
    if not asked or not question.get_ask():
        return Offer(asked, (box(default),), box(default))
    if name in fixed:
        return Offer(asked, (box(question.parse_answer(fixed[name])),), box(default))
    open_ = [default, *TRIED.get(name, ())] if name in TRIED else []
    values = [
        box(value) for value in [*closed(question), *open_] if taken(question, value)
    ]
    if not values and default is MISSING:
        raise ValueError(f"{name} has no default, so --defaults cannot answer it")
    return Offer(asked, tuple(values) or (box(default),), box(default))


def closed(question: Question) -> Iterator[Any]:
    """The answers to choose from; nothing when any text will do."""
    if question.choices:
        choices = [
            question.cast_answer(each.value)
            for each in question._formatted_choices  # noqa: SLF001
            if not each.disabled
        ]
        if not question.multiselect:
            yield from choices
            return
        for size in range(len(choices) + 1):
            yield from map(list, combinations(choices, size))
    elif question.get_type_name() == "bool":
        yield from (True, False)


def taken(question: Question, value: object) -> bool:
    """Say whether the question's own validator lets it pass."""
    try:
        question.validate_answer(value)
    except ValueError:
        return False
    return True


def in_pieces(
    details: dict[str, Any], renderer: Renderer, levels: Levels, pieces: Pieces
) -> list[Diagram] | dict[str, Diagram] | None:
    """A computed list or mapping as parts that do not depend on one another."""
    source = details.get("default")
    computed = details.get("when") is False and details.get("type") == "yaml"
    if not computed or not isinstance(source, str) or not source.strip():
        return None

    def value(expression: nodes.Expr) -> Diagram:
        evaluate = renderer.evaluator(expression)
        return explore(
            lambda run: box(yaml.safe_load(str(evaluate(renderer.context(run))))),
            levels,
        )

    match renderer.jinja_env.parse(source.strip()).body:
        case [nodes.Output(nodes=[nodes.Add() as sum_])]:
            return lists([value(term) for term in terms(sum_)])
        case [
            nodes.Output(
                nodes=[nodes.Call(node=nodes.Name(name="dict"), args=[], kwargs=pairs)]
            )
        ]:
            return {pair.key: value(pair.value) for pair in pairs}
        case [nodes.Output(nodes=[nodes.Expr()])]:
            return None
    begin = "- " if source.lstrip().startswith("- ") else ""
    texts = pieces.of(source, {}, begin=begin)
    parsed = [
        map_leaves(lambda text: box(yaml.safe_load(text)), text) for text in texts
    ]
    return lists(parsed) if len(parsed) > 1 else None


def lists(parts: list[Diagram]) -> list[Diagram] | None:
    """The parts, if each is a list or nothing whatever the answers are."""
    empty = box([])
    filled = [
        map_leaves(lambda value: empty if value is None else value, part)
        for part in parts
    ]
    every = [getattr(value, "value", None) for part in filled for value in leaves(part)]
    return filled if all(isinstance(value, list) for value in every) else None


def terms(expression: nodes.Expr) -> Iterator[nodes.Expr]:
    if isinstance(expression, nodes.Add):
        yield from terms(expression.left)
        yield from terms(expression.right)
    else:
        yield expression
