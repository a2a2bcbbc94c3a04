"""Covering arrays: few valid variants in which all tuples of answers meet.

Greedy over the valid variants themselves, so that a tuple is left out only when no
variant has it. Generators that filter a product for validity miss tuples.
"""

import json
import random
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

from variants import Answers

FOLDER = Path(__file__).parent
STRENGTHS = (1, 2, 3)
TRIES = 20

type Pair = tuple[str, object]
type Tuple = tuple[Pair, ...]


def rows_of(variants: Iterable[Answers]) -> list[Answers]:
    """Those that a row may be: with the platform's tests, which show the most."""
    return [variant for variant in variants if variant["platform_tests"]]


def tuples(answers: Answers, strength: int) -> set[Tuple]:
    """Every combination of so many answers; a question that is skipped has none."""
    pairs = sorted((name, _word(value)) for name, value in answers.items())
    return set(combinations(pairs, strength))


def coverable(variants: Iterable[Answers], strength: int) -> set[Tuple]:
    return set().union(*(tuples(variant, strength) for variant in variants))


def uncovered(
    rows: Iterable[Answers], variants: Iterable[Answers], strength: int
) -> set[Tuple]:
    return coverable(variants, strength) - coverable(rows, strength)


def cover(variants: Sequence[Answers], strength: int) -> list[Answers]:
    """Choose rows that leave nothing uncovered, the same for the same variants."""
    offers = [tuples(variant, strength) for variant in variants]
    order = random.Random(0)
    tries = (_greedy(order.sample(offers, len(offers))) for _ in range(TRIES))
    return [variants[offers.index(offer)] for offer in min(tries, key=len)]


def _greedy(offers: list[set[Tuple]]) -> list[set[Tuple]]:
    """Take what covers most of the rest, then give back what the others cover."""
    missing = set().union(*offers)
    chosen = []
    while missing:
        chosen.append(max(offers, key=lambda offer: len(offer & missing)))
        missing -= chosen[-1]
    for offer in list(chosen):
        others = [other for other in chosen if other is not offer]
        if offer <= set().union(*others):
            chosen = others
    return chosen


def committed(strength: int) -> list[Answers]:
    return json.loads(_file(strength).read_text())


def commit(rows: Sequence[Answers], strength: int) -> Path:
    """Write one row per line, so that a change of one is a line's."""
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    _file(strength).write_text(f"[\n{lines}\n]\n")
    return _file(strength)


def _word(answer: object) -> object:
    return json.dumps(answer) if isinstance(answer, dict) else answer


def _file(strength: int) -> Path:
    return FOLDER / f"strength-{strength}.json"
