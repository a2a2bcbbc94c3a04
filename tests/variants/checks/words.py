"""Does a variant keep quiet about what it declined?"""

import re
from collections.abc import Iterator
from functools import cache, partial

from tests.variants.checks.data import SAYS_ALL, WORDS
from tests.variants.checks.faults import Fault, found
from tests.variants.engine.diagram import Diagram, any_of, without
from tests.variants.variants import Variants


def traces(variants: Variants) -> Iterator[Fault]:
    for name, words in WORDS.items():
        chosen = where_chosen(variants, name)
        for path, made in variants.made.items():
            if path not in SAYS_ALL:
                for word, where in found(made, partial(said, words)).items():
                    reason = f'says "{word}", which belongs to {name}'
                    yield Fault(path, reason, without(where, chosen))


def where_chosen(variants: Variants, name: str) -> Diagram:
    """Where any question is answered so, or this one with yes."""
    return any_of(
        variants.space.answered(level.name, each if level.name != each else True)
        for level in variants.space.levels
        for each in name.split(" or ")
        if each == level.name or each in level.values
    )


@cache
def said(words: str, path: str, content: bytes) -> frozenset[str]:
    text = f"{path}\n{content.decode(errors='replace')}"
    return frozenset(
        each[0].lower() for each in re.finditer(words, text, re.IGNORECASE)
    )
