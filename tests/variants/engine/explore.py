"""Evaluate a function of the answers by running it once for each way it can go."""

from collections.abc import Callable, Hashable, Iterator
from typing import Protocol

from tests.variants.engine.diagram import Choice, Diagram, Leaf, Node, leaf, node

LIMIT = 1_000

type Cube = dict[int, Choice]


class TooWide(Exception):
    """So many ways that the file, or the question, should be split."""


class Levels(Protocol):
    """What a run asks about the questions that it comes across."""

    def allowed(self, level: int) -> Diagram:
        """The choices that Copier offers, as tuples in the leaves."""


class Run:
    """One way through a function: the choices it has met so far, in that order."""

    def __init__(self, levels: Levels, prefix: Cube) -> None:
        self._levels = levels
        self.choices = dict(prefix)
        self.untried: list[Cube] = []

    def choose(self, level: int) -> Choice:
        """The choice at this level; the others are left for other runs."""
        if level not in self.choices:
            first, *others = self.resolve(self._levels.allowed(level))
            self.untried += [{**self.choices, level: other} for other in others]
            self.choices[level] = first
        return self.choices[level]

    def resolve(self, diagram: Diagram) -> Hashable:
        """The leaf of this run: meets only the questions on the way to it."""
        while isinstance(diagram, Node):
            below = diagram.child(self.choose(diagram.level))
            assert below is not None, "a choice that Copier refuses"
            diagram = below
        return diagram.value


def explore(function: Callable[[Run], Hashable], levels: Levels) -> Diagram:
    """Run it for every combination of the answers that it reads, and no other."""
    return assemble(
        [(run.choices, leaf(value)) for run, value in runs(function, levels)]
    )


def runs(
    function: Callable[[Run], Hashable], levels: Levels
) -> Iterator[tuple[Run, Hashable]]:
    pending: list[Cube] = [{}]
    for _ in range(LIMIT):
        run = Run(levels, pending.pop())
        value = function(run)
        yield run, value
        pending += run.untried
        if not pending:
            return
    raise TooWide(f"depends on answers with more than {LIMIT} combinations")


def assemble(cubes: list[tuple[Cube, Leaf]]) -> Diagram:
    """Order what the runs met by level, whatever the order in which they met it."""
    first = cubes[0][1]
    if all(value is first for _, value in cubes):
        return first
    level = min(level for cube, _ in cubes for level in cube)
    choices = {cube[level] for cube, _ in cubes if level in cube}
    return node(
        level, [(choice, assemble(after(cubes, level, choice))) for choice in choices]
    )


def after(
    cubes: list[tuple[Cube, Leaf]], level: int, choice: Choice
) -> list[tuple[Cube, Leaf]]:
    """What is left to decide once this choice is made."""
    return [
        ({at: made for at, made in cube.items() if at != level}, value)
        for cube, value in cubes
        if cube.get(level, choice) == choice
    ]
