"""A file that reads more answers than it can be rendered for, taken line by line.

Its lines are diagrams of their own, so its text is known for every variant. What a
check reads in it, it reads in a sample of variants in which every two lines meet in
each way that they can: what follows from one line is then exact, a fault of two lines
is seen, one that needs three of them may not be.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import combinations
from random import Random

from tests.variants.engine.counting import Valid, Variant, value_at
from tests.variants.engine.diagram import (
    TRUE,
    Diagram,
    Node,
    any_of,
    both,
    leaves,
    map_leaves,
    support,
    without,
)
from tests.variants.engine.explore import TooWide

type State = tuple[int, str]


class Wide:
    """Lines that follow one another, each as the answers have it."""

    def __init__(self, pieces: Iterable[Diagram], valid: Valid) -> None:
        self._pieces = list(pieces)
        self._valid = valid
        self._states: dict[State, Diagram] = {
            (at, text): map_leaves(lambda value, text=text: value == text, piece)
            for at, piece in enumerate(self._pieces)
            if isinstance(piece, Node)
            for text in sorted(leaves(piece), key=str)
        }
        self.samples = {
            self.text(each): frozenset(self._of(each)) for each in self._cover()
        }
        self._alone: dict[tuple[State, ...], bytes | None] = {}

    def text(self, variant: Variant) -> bytes:
        return "".join(str(value_at(piece, variant)) for piece in self._pieces).encode()

    def levels(self) -> set[int]:
        return set[int]().union(*map(support, self._pieces))

    def where(self, content: bytes) -> Diagram:
        """Where every line is as in this sample."""
        found: Diagram = TRUE
        for state in sorted(self.samples[content]):
            found = both(found, self._states[state])
        return found

    def found[T: Hashable](
        self, read: Callable[[bytes], frozenset[T]]
    ) -> dict[T, Diagram]:
        """What a reader finds in it, each with the lines that put it there."""
        holding: dict[T, set[bytes]] = defaultdict(set)
        for content in self.samples:
            for item in read(content):
                holding[item].add(content)
        return {
            item: self._explain(contents, lambda text, item=item: item in read(text))
            for item, contents in holding.items()
        }

    def _explain(self, holding: set[bytes], has: Callable[[bytes], bool]) -> Diagram:
        """Where the lines are that are there in these samples, and in no other."""
        if len(holding) == len(self.samples):
            return TRUE
        inside = [self.samples[each] for each in holding]
        outside = [self.samples[each] for each in self.samples.keys() - holding]
        causes = sorted(set[State]().union(*inside).difference(*outside))
        while idle := next(
            (each for each in causes if not self._does(each, causes, has)), None
        ):
            causes.remove(idle)
        if not all(states.intersection(causes) for states in inside):
            raise TooWide("a check needs more than one of its lines at a time")
        return any_of(self._states[state] for state in causes)

    def _does(
        self, state: State, causes: list[State], has: Callable[[bytes], bool]
    ) -> bool:
        """Is it there where this line is, and none of the others?"""
        key = state, *causes
        if key not in self._alone:
            self._alone[key] = self._sampled(state, causes)
        sample = self._alone[key]
        return sample is None or has(sample)

    def _sampled(self, state: State, others: list[State]) -> bytes | None:
        """A text with this line, and without the others, if there is one.

        Lines that are there whenever this one is do not count: they would hide it.
        """
        here = self._states[state]
        lines = (self._states[each] for each in others)
        apart = [each for each in lines if self._valid.count(without(here, each))]
        alone = without(here, any_of(apart))
        if not self._valid.count(alone):
            return None
        return self.text(self._valid.sample(Random(0), alone))

    def _of(self, variant: Variant) -> Iterator[State]:
        for at, piece in enumerate(self._pieces):
            if isinstance(piece, Node):
                yield at, str(value_at(piece, variant))

    def _cover(self) -> Iterator[Variant]:
        """Variants in which every two lines meet in each way that they can."""
        random = Random(0)
        yield (first := self._valid.sample(random))
        met = set(combinations(self._of(first), 2))
        for pair in combinations(self._states, 2):
            where = both(self._states[pair[0]], self._states[pair[1]])
            if (
                pair[0][0] != pair[1][0]
                and pair not in met
                and self._valid.count(where)
            ):
                yield (variant := self._valid.sample(random, where))
                met |= set(combinations(self._of(variant), 2))
