"""Covering arrays: few valid variants in which all tuples of answers meet.

Greedy over the valid variants themselves, so that a tuple is left out only when no
variant has it. Generators that filter a product for validity miss tuples.
"""

import json
import random
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import combinations, product
from operator import or_
from pathlib import Path

from tests.variants.engine.diagram import both
from tests.variants.questions import Space
from tests.variants.variants import Variants
from variants import Answers

FOLDER = Path(__file__).parent
STRENGTHS = (1, 2, 3)
TRIES = 20
# More are not walked.
ENOUGH = 4_000

type Pair = tuple[str, object]
type Tuple = tuple[Pair, ...]


def rows_of(variants: Variants, *, enough: int = ENOUGH) -> list[Answers]:
    """Those that a row may be: with the platform's tests, which show the most.

    Where they are too many to be listed, so many of them at random, and one for each
    triple that these lack: what can be covered is the same.
    """
    space = variants.space
    tested = space.answered("platform_tests", value=True)
    if variants.count(tested) <= enough:
        return [row for row in variants.every() if row["platform_tests"]]
    order = random.Random(0)
    found = [space.answers(space.sample(order, tested)) for _ in range(enough)]
    met = coverable(found, max(STRENGTHS))
    ways = {
        (level.name, _word(value)): both(
            level.asked, space.answered(level.name, value=value)
        )
        for level in sorted(space.levels, key=lambda level: level.name)
        for value in level.values
    }
    for some in combinations(ways, max(STRENGTHS)):
        where = reduce(both, (ways[pair] for pair in some), tested)
        if some not in met and variants.count(where):
            found.append(space.answers(space.example(where)))
            met |= tuples(found[-1], max(STRENGTHS))
    return found


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


def rows_for(variants: Sequence[Answers], strength: int, space: Space) -> list[Answers]:
    """Choose the rows that are committed."""
    if strength > 1:
        return cover(variants, strength)
    tested = space.answered("platform_tests", value=True)
    return alike(space.answers(space.example(tested)), variants, space)


def cover(
    variants: Sequence[Answers], strength: int, *, beside: Sequence[Answers] = ()
) -> list[Answers]:
    """Choose rows that leave nothing uncovered, the same for the same variants."""
    number: dict[Tuple, int] = {}

    def bits(answers: Answers) -> int:
        # A bit for each tuple: there are many thousand, and each try asks for all.
        found = tuples(answers, strength)
        return sum(1 << number.setdefault(each, len(number)) for each in found)

    covered = _any_of(map(bits, beside))
    offers = [bits(variant) & ~covered for variant in variants]
    order = random.Random(0)
    tries = (_greedy(order.sample(offers, len(offers))) for _ in range(TRIES))
    return [variants[offers.index(offer)] for offer in min(tries, key=len)]


def alike(first: Answers, variants: Sequence[Answers], space: Space) -> list[Answers]:
    """
    Answer like the first row what another row can answer instead: strength 1.

    The code of most rows is then nearly that of the first, whose tests are not run
    again. In rows of a greater strength nearly all answers are needed.
    """
    chosen = [first, *cover(variants, 1, beside=[first])]
    for at, name in product(range(1, len(chosen)), first):
        answer = chosen[at].get(name, first[name])
        if answer == first[name]:
            continue
        for heir in [at, *range(at + 1, len(chosen))]:
            instead = list(chosen)
            instead[heir] = _with(chosen[heir], name, answer, space)
            instead[at] = _with(chosen[at], name, first[name], space)
            if all(map(space.takes, instead)) and not uncovered(instead, chosen, 1):
                chosen = instead
                break
    return chosen


def _with(row: Answers, name: str, answer: object, space: Space) -> Answers:
    return space.answers(space.variant({**row, name: answer}))


def _greedy(offers: list[int]) -> list[int]:
    """Take what covers most of the rest, then give back what the others cover."""
    missing = _any_of(offers)
    chosen: list[int] = []
    while missing:
        chosen.append(max(offers, key=lambda offer: (offer & missing).bit_count()))
        missing &= ~chosen[-1]
    for offer in list(chosen):
        others = [other for other in chosen if other is not offer]
        if not offer & ~_any_of(others):
            chosen = others
    return chosen


def _any_of(offers: Iterable[int]) -> int:
    return reduce(or_, offers, 0)


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
