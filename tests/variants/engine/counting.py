"""How many valid sets of answers a diagram describes, without listing one."""

from collections.abc import Callable
from functools import cache
from random import Random

from tests.variants.engine.diagram import FALSE, TRUE, Choice, Diagram, Node, leaf, node

type Variant = dict[int, Choice]
type Pick = Callable[[int, dict[Choice, int], Variant], Choice]


class Valid:
    """What Copier accepts: a diagram over the questions, complete in every choice."""

    def __init__(self) -> None:
        self.diagram: Diagram = TRUE
        self.sizes: list[int] = []
        self._below = cache(self._count_below)

    def add(self, size: int, allowed: Diagram) -> None:
        """A further question with so many values; the leaves say which are offered."""
        self.sizes.append(size)
        self.diagram = self._restrict(self.diagram, allowed)
        self._below.cache_clear()

    def count(self, where: Diagram = TRUE) -> int:
        return self._below(0, self.diagram, where)

    def sample(self, random: Random, where: Diagram = TRUE) -> Variant:
        """One, each as likely as any other."""

        def likely(_: int, possible: dict[Choice, int], __: Variant) -> Choice:
            return random.choices(list(possible), list(possible.values()))[0]

        return self.pick(where, likely)

    def pick(self, where: Diagram, prefer: Pick) -> Variant:
        """One, chosen question by question among those that still lead somewhere."""
        variant: Variant = {}
        valid = self.diagram
        for level in range(len(self.sizes)):
            counts = dict(self._ways(level, valid, where))
            variant[level] = prefer(level, counts, variant)
            valid = below(valid, level, variant[level])
            where = below(where, level, variant[level])
        return variant

    def _count_below(self, level: int, valid: Diagram, where: Diagram) -> int:
        if valid is FALSE or where is FALSE:
            return 0
        if level == len(self.sizes):
            return 1
        return sum(count for _, count in self._ways(level, valid, where))

    def _ways(
        self, level: int, valid: Diagram, where: Diagram
    ) -> list[tuple[Choice, int]]:
        ways = (
            (choice, self._below(level + 1, rest, below(where, level, choice)))
            for choice in range(self.sizes[level])
            if (rest := below(valid, level, choice)) is not FALSE
        )
        return [(choice, count) for choice, count in ways if count]

    def _restrict(self, valid: Diagram, allowed: Diagram) -> Diagram:
        """Forbid what is not offered, in every branch that is valid so far."""
        if valid is FALSE:
            return FALSE
        deciding = [each.level for each in (valid, allowed) if isinstance(each, Node)]
        if not deciding:
            last = len(self.sizes) - 1
            offered = (
                (at, leaf(at in allowed.value)) for at in range(self.sizes[last])
            )
            return node(last, list(offered))
        level = min(deciding)
        return node(
            level,
            [
                (
                    choice,
                    self._restrict(
                        below(valid, level, choice), below(allowed, level, choice)
                    ),
                )
                for choice in range(self.sizes[level])
            ],
        )


def below(diagram: Diagram, level: int, choice: Choice) -> Diagram:
    """What is left of it after a choice; nothing, where Copier refuses the choice."""
    if isinstance(diagram, Node) and diagram.level == level:
        return diagram.child(choice) or FALSE
    return diagram


def value_at(diagram: Diagram, variant: Variant) -> object:
    """What a diagram says about one set of answers."""
    while isinstance(diagram, Node):
        diagram = below(diagram, diagram.level, variant[diagram.level])
    return diagram.value
