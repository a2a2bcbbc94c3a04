"""What a check says when some variant is not as it should be."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

from tests.variants.engine.diagram import Diagram
from tests.variants.engine.files import Made
from tests.variants.variants import Variants


@dataclass(frozen=True)
class Fault:
    """Something wrong with a file, and the answers with which it is wrong."""

    path: str
    reason: str
    where: Diagram
    # The line, or what a parser says: it may differ where the fault is the same.
    detail: str = ""


type Check = Callable[[Variants], Iterator[Fault]]
type Extract[T: Hashable] = Callable[[str, bytes], frozenset[T]]


def found[T: Hashable](made: Made, extract: Extract[T]) -> dict[T, Diagram]:
    """What a reader finds in a file, each with the answers that put it there."""
    return made.found(lambda content: extract(made.path, content))
