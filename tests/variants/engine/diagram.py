"""Functions of the answers as decision diagrams: levels are questions, leaves values.

A diagram says what follows from the answers without listing them. A node names a
question by its level and has a child per choice; a choice without a child is one that
Copier refuses there. Equal diagrams are one object, and a node whose children are all
equal is its child, so a diagram mentions only the questions on which it depends.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass

type Choice = int
type Diagram = Leaf | Node


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    value: Hashable


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    level: int
    children: tuple[tuple[Choice, Diagram], ...]

    def child(self, choice: Choice) -> Diagram | None:
        return next((child for at, child in self.children if at == choice), None)


type Kind = type | tuple[Kind, ...]

_leaves: dict[tuple[Kind, Hashable], Leaf] = {}
_nodes: dict[tuple[int, tuple[tuple[Choice, Diagram], ...]], Node] = {}


def leaf(value: Hashable) -> Leaf:
    return _leaves.setdefault((_kind(value), value), Leaf(value))


def _kind(value: Hashable) -> Kind:
    """Tell apart what is equal to something of another type: 1 is no switch."""
    if isinstance(value, tuple):
        return tuple(map(_kind, value))
    if is_dataclass(value):
        members = (getattr(value, each.name) for each in fields(value))
        return (type(value), *map(_kind, members))
    return type(value)


def node(level: int, children: Iterable[tuple[Choice, Diagram]]) -> Diagram:
    kept = tuple(sorted(children, key=lambda pair: pair[0]))
    first = kept[0][1]
    if all(child is first for _, child in kept):
        return first
    return _nodes.setdefault((level, kept), Node(level, kept))


def forget() -> None:
    """Let go of every diagram; those still in use stay as they are."""
    _leaves.clear()
    _nodes.clear()
    _leaves.update({(bool, TRUE.value): TRUE, (bool, FALSE.value): FALSE})


def apply(function: Callable[..., Hashable], *diagrams: Diagram) -> Diagram:
    """Combine what several diagrams say about the same answers."""
    known: dict[tuple[Diagram, ...], Diagram | None] = {}

    def visit(at: tuple[Diagram, ...]) -> Diagram | None:
        if at not in known:
            known[at] = descend(at)
        return known[at]

    def descend(at: tuple[Diagram, ...]) -> Diagram | None:
        inner = [each for each in at if isinstance(each, Node)]
        if not inner:
            return leaf(function(*(each.value for each in at)))
        level = min(each.level for each in inner)
        children = [
            (choice, below)
            for choice, row in branches(at, level)
            if (below := visit(row)) is not None
        ]
        return node(level, children) if children else None

    result = visit(diagrams)
    assert result is not None, "the diagrams have no answers in common"
    return result


def branches(
    at: tuple[Diagram, ...], level: int
) -> Iterator[tuple[Choice, tuple[Diagram, ...]]]:
    """What is left of each diagram after each choice that all of them know."""
    deciding = [each for each in at if isinstance(each, Node) and each.level == level]
    for choice, _ in deciding[0].children:
        row = tuple(
            each.child(choice)
            if isinstance(each, Node) and each.level == level
            else each
            for each in at
        )
        if all(each is not None for each in row):
            yield choice, row


def map_leaves(function: Callable[[Hashable], Hashable], diagram: Diagram) -> Diagram:
    known: dict[Diagram, Diagram] = {}

    def visit(at: Diagram) -> Diagram:
        if at not in known:
            if isinstance(at, Leaf):
                known[at] = leaf(function(at.value))
            else:
                known[at] = node(
                    at.level, [(way, visit(to)) for way, to in at.children]
                )
        return known[at]

    return visit(diagram)


def both(one: Diagram, other: Diagram) -> Diagram:
    if one is FALSE or other is FALSE:
        return FALSE
    if one is TRUE or one is other:
        return other
    return one if other is TRUE else apply(lambda a, b: a and b, one, other)


def either(one: Diagram, other: Diagram) -> Diagram:
    if one is TRUE or other is TRUE:
        return TRUE
    if one is FALSE or one is other:
        return other
    return one if other is FALSE else apply(lambda a, b: a or b, one, other)


def negate(diagram: Diagram) -> Diagram:
    return map_leaves(lambda value: not value, diagram)


def without(one: Diagram, other: Diagram) -> Diagram:
    """Where the first holds and the second does not."""
    if one is FALSE or other is TRUE or one is other:
        return FALSE
    return both(one, negate(other))


def any_of(diagrams: Iterable[Diagram]) -> Diagram:
    found: Diagram = FALSE
    for diagram in diagrams:
        found = either(found, diagram)
    return found


def leaves(diagram: Diagram) -> set[Hashable]:
    return {each.value for each in walk(diagram) if isinstance(each, Leaf)}


def support(diagram: Diagram) -> set[int]:
    """The levels of the questions on which it depends."""
    return {each.level for each in walk(diagram) if isinstance(each, Node)}


def walk(diagram: Diagram) -> Iterator[Diagram]:
    """Every node and leaf once."""
    seen = {diagram}
    pending = [diagram]
    while pending:
        at = pending.pop()
        yield at
        if isinstance(at, Node):
            fresh = {child for _, child in at.children} - seen
            seen |= fresh
            pending += fresh


TRUE = leaf(True)
FALSE = leaf(False)
