"""Every valid set of answers, found by Copier's own questions."""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from copier._types import MISSING
from copier.errors import CopierError
from jinja2.runtime import missing

from tests.variants.engine.counting import Valid, Variant, value_at
from tests.variants.engine.diagram import TRUE, Choice, Diagram, leaves, map_leaves
from tests.variants.engine.explore import Run, explore
from tests.variants.engine.offers import Level, in_pieces, offer
from tests.variants.engine.pieces import Pieces
from tests.variants.engine.templating import Renderer
from tests.variants.engine.values import (
    PiecewiseDict,
    PiecewiseList,
    one_order,
    spelled,
    unbox,
)

type Answers = dict[str, Any]
type Computed = Diagram | list[Diagram] | dict[str, Diagram]


class Space:
    """The questions that leave a choice, in order, and what follows from them."""

    def __init__(self, root: Path, fixed: Mapping[str, Any] | None = None) -> None:
        self.levels: list[Level] = []
        self.computed: dict[str, Computed] = {}
        self.valid = Valid()
        self.renderer = Renderer.of(root, self.read)
        self.pieces = Pieces(self.renderer, self)
        self._fixed = fixed or {}
        self._positions: dict[str, int] = {}
        for name, details in self.renderer.template.questions_data.items():
            self._add(name, details)

    def allowed(self, level: int) -> Diagram:
        return self.levels[level].allowed

    def read(self, run: Run, name: str) -> Any:
        """The answer in this run, or Jinja's `missing`."""
        if name in self._positions:
            level = self._positions[name]
            return self.levels[level].values[run.choose(level)]
        match self.computed.get(name):
            case None:
                return missing
            case list(pieces):
                return PiecewiseList(run, pieces)
            case dict(pieces):
                return PiecewiseDict(run, pieces)
            case diagram:
                return unbox(run.resolve(diagram))

    def answered(self, name: str, value: object) -> Diagram:
        """Where a question has this answer, asked or not."""
        return explore(lambda run: self.read(run, name) == value, self)

    def count(self, where: Diagram = TRUE) -> int:
        """How many valid sets of answers there are; none of them is listed."""
        return self.valid.count(where)

    def example(self, where: Diagram = TRUE) -> Variant:
        """A valid set of answers, as near to the defaults as can be."""

        def nearest(level: int, ways: dict[Choice, int], variant: Variant) -> Choice:
            default = value_at(self.levels[level].default, variant)
            return default if default in ways else next(iter(ways))

        return self.valid.pick(where, nearest)

    def sample(self, random: Random, where: Diagram = TRUE) -> Variant:
        """A valid set of answers, each as likely as any other."""
        return self.valid.sample(random, where)

    def every(self) -> Iterator[Variant]:
        """All of them, one by one: only for what is small enough to walk."""
        yield from self._every({})

    def answers(self, variant: Variant) -> Answers:
        """What a person would have answered: no question that is skipped."""
        return {
            level.name: level.values[variant[position]]
            for position, level in enumerate(self.levels)
            if value_at(level.asked, variant)
        }

    def unusual(self, variant: Variant) -> Answers:
        """The answers that are not the defaults: enough to repeat the variant."""
        usual = {
            level.name
            for position, level in enumerate(self.levels)
            if value_at(level.default, variant) == variant[position]
        }
        answers = self.answers(variant).items()
        return {name: value for name, value in answers if name not in usual}

    def variant(self, answers: Answers) -> Variant:
        """The choices that stand for these answers; the rest are the defaults."""
        chosen: Variant = {}
        for position, level in enumerate(self.levels):
            if level.name in answers and value_at(level.asked, chosen):
                chosen[position] = level.values.index(answers[level.name])
            else:
                chosen[position] = value_at(level.default, chosen)
        return chosen

    def takes(self, answers: Answers) -> bool:
        """Whether a person can have given just these: no more, and none refused."""
        variant = self.variant(answers)
        offered = (
            variant[position] in value_at(level.allowed, variant)
            for position, level in enumerate(self.levels)
        )
        return all(offered) and self.answers(variant) == answers

    def _every(self, chosen: Variant) -> Iterator[Variant]:
        if len(chosen) == len(self.levels):
            yield chosen
            return
        position = len(chosen)
        for choice in value_at(self.levels[position].allowed, chosen):
            yield from self._every({**chosen, position: choice})

    def _add(self, name: str, details: dict[str, Any]) -> None:
        pieces = in_pieces(details, self.renderer, self, self.pieces)
        if pieces is not None:
            self.computed[name] = pieces
            return
        offers = self._offers(name, details)
        found = list(leaves(offers))
        if any(len(each.values) > 1 for each in found):
            self._add_level(name, offers)
        elif all(each.default is not MISSING for each in found):
            self.computed[name] = map_leaves(lambda each: each.values[0], offers)

    def _offers(self, name: str, details: dict[str, Any]) -> Diagram:
        def ask(run: Run) -> Hashable:
            context = self.renderer.context(run)
            try:
                return offer(
                    name, details, context, self.renderer.jinja_env, self._fixed
                )
            except CopierError as error:
                raise ValueError(f"{name} cannot be asked: {error}") from error

        return explore(ask, self)

    def _add_level(self, name: str, offers: Diagram) -> None:
        lists = sorted((each.values for each in leaves(offers)), key=spelled)
        values = list(one_order(lists))
        at = {value: choice for choice, value in enumerate(values)}
        level = Level(
            name,
            [unbox(value) for value in values],
            allowed=map_leaves(
                lambda each: tuple(at[it] for it in each.values), offers
            ),
            asked=map_leaves(lambda each: each.asked, offers),
            default=map_leaves(lambda each: at[each.usual()], offers),
        )
        self._positions[name] = len(self.levels)
        self.levels.append(level)
        self.valid.add(len(values), level.allowed)
