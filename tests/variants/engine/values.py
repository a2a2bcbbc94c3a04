"""Values that a template can read: interned, and piecewise when they are long.

`{{ [a] + b + c }}` is kept as its pieces. A template that only asks whether a name is
in the list then depends on the answers that put this name there, and on no other.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from tests.variants.engine.diagram import (
    FALSE,
    Diagram,
    any_of,
    both,
    either,
    leaves,
    map_leaves,
)
from tests.variants.engine.explore import Run


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """A value that may be unhashable; equal values have one box."""

    value: Any


_boxes: dict[str, Box] = {}


def box(value: object) -> Hashable:
    """What stands for the value in a leaf."""
    if isinstance(value, str | int | float | None):
        return Box(value) if isinstance(value, float) else value
    return _boxes.setdefault(f"{type(value).__name__} {value!r}", Box(value))


def unbox(value: Hashable) -> Any:
    return value.value if isinstance(value, Box) else value


@cache
def holding(piece: Diagram, key: Hashable) -> Diagram:
    """Where a piece of a list has this element."""
    return map_leaves(lambda value: key in {box(each) for each in unbox(value)}, piece)


def elements(piece: Diagram) -> Iterator[tuple[Any, Diagram]]:
    """Every element of a list, with where it is, in the order of all answers."""
    lists = ([box(each) for each in unbox(listed)] for listed in leaves(piece))
    for key in one_order(sorted(lists, key=spelled)):
        yield unbox(key), holding(piece, key)


def spelled(boxed: Iterable[Hashable]) -> str:
    """What orders lists in the same way in each run, as their hashes do not."""
    return repr([*map(unbox, boxed)])


def one_order(lists: Sequence[Sequence[Hashable]]) -> Iterable[Hashable]:
    """Each element once; where the lists contradict one another, as it first comes."""
    before: dict[Hashable, list[Hashable]] = {}
    for listed in lists:
        before |= {key: [] for key in listed if key not in before}
        for earlier, later in pairwise(listed):
            before[later].append(earlier)
    try:
        return list(TopologicalSorter(before).static_order())
    except CycleError:
        return before


class PiecewiseList(Sequence[Any]):
    """A list in pieces, each of which depends on answers of its own."""

    def __init__(self, run: Run, pieces: Sequence[Diagram]) -> None:
        self.run = run
        self.pieces = pieces

    def elements(self) -> Iterator[tuple[Any, Diagram]]:
        """Every element that some answers put there, with where they do."""
        for piece in self.pieces:
            yield from elements(piece)

    def __contains__(self, wanted: object) -> bool:
        found = any_of(holding(piece, box(wanted)) for piece in self.pieces)
        return bool(self.run.resolve(found))

    def whole(self) -> list[Any]:
        """The list as it is in this run, which then depends on all of its pieces."""
        return [
            each for piece in self.pieces for each in unbox(self.run.resolve(piece))
        ]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.whole())

    def __len__(self) -> int:
        return len(self.whole())

    def __getitem__(self, index: Any) -> Any:
        return self.whole()[index]

    def __add__(self, other: Iterable[Any]) -> list[Any]:
        return [*self.whole(), *other]

    def __radd__(self, other: Iterable[Any]) -> list[Any]:
        return [*other, *self.whole()]

    def __eq__(self, other: object) -> bool:
        return self.whole() == (
            other.whole() if isinstance(other, PiecewiseList) else other
        )

    def __str__(self) -> str:
        return str(self.whole())

    __hash__ = None  # type: ignore[assignment]


class PiecewiseDict(Mapping[str, Any]):
    """A mapping whose values depend on answers of their own."""

    def __init__(self, run: Run, pieces: Mapping[str, Diagram]) -> None:
        self.run = run
        self.pieces = pieces

    def __getitem__(self, key: str) -> Any:
        return unbox(self.run.resolve(self.pieces[key]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.pieces)

    def __len__(self) -> int:
        return len(self.pieces)

    def __str__(self) -> str:
        return str(dict(self))

    def items(self) -> Sequence[tuple[str, Any]]:  # type: ignore[override]
        pairs = [
            map_leaves(lambda value, key=key: box([(key, unbox(value))]), piece)
            for key, piece in self.pieces.items()
        ]
        return PiecewiseList(self.run, pairs)


def in_order(
    value: Any, order: Callable[[list[Any]], list[Any]], *, by: Hashable
) -> Any:
    """A sorted list; one in pieces stays in pieces, one for each element.

    The same pieces are sorted by the same once, for all runs.
    """
    if not isinstance(value, PiecewiseList):
        return order(value)
    key = tuple(value.pieces), by
    if key not in _orders:
        _orders[key] = _in_order(value, order)
    pieces = _orders[key]
    return order(value.whole()) if pieces is None else PiecewiseList(value.run, pieces)


_orders: dict[tuple[tuple[Diagram, ...], Hashable], list[Diagram] | None] = {}


def _in_order(
    value: PiecewiseList, order: Callable[[list[Any]], list[Any]]
) -> list[Diagram] | None:
    """None where an element may be there more than once."""
    places: dict[Hashable, Diagram] = {}
    for element, where in value.elements():
        key = box(element)
        if key in places and both(places[key], where) is not FALSE:
            return None
        places[key] = either(places.get(key, FALSE), where)
    ordered = order([unbox(key) for key in places])
    return [alone(each, places[box(each)]) for each in ordered]


def alone(element: Any, where: Diagram) -> Diagram:
    """A list of one element, or of none where it is not."""
    one, none = box([element]), box([])
    return map_leaves(lambda here: one if here else none, where)
