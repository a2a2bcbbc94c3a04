"""Is every file and question of the template of use, and each path made by one?"""

from collections.abc import Iterator
from itertools import combinations

from tests.variants.checks.faults import Fault
from tests.variants.engine.diagram import TRUE, both, leaves
from tests.variants.engine.files import Broken
from tests.variants.variants import Variants


def owners(variants: Variants) -> Iterator[Fault]:
    """Copier writes one of them and says nothing; the scan order decides which."""
    for path, made in variants.made.items():
        for one, other in combinations(sorted(made.sources), 2):
            where = both(made.sources[one], made.sources[other])
            yield Fault(path, f"is made by both {one} and {other}", where)


def rendering(variants: Variants) -> Iterator[Fault]:
    """An undefined name, a wrong type, a tag that Jinja cannot read."""
    for path, made in variants.made.items():
        for content in leaves(made.content):
            if isinstance(content, Broken):
                yield Fault(
                    path, f"cannot be rendered: {content.reason}", made.where(content)
                )
    for source, problem in variants.problems.items():
        yield Fault(source, problem, TRUE)


def unused(variants: Variants) -> Iterator[Fault]:
    for source, where in variants.used.items():
        if source not in variants.problems and not variants.count(where):
            yield Fault(source, "is in the template, but in no variant", TRUE)


def idle_questions(variants: Variants) -> Iterator[Fault]:
    effective = {level for made in variants.made.values() for level in made.levels()}
    for position, level in enumerate(variants.space.levels):
        if position not in effective:
            yield Fault("copier.yml", f"{level.name} changes no file", TRUE)
