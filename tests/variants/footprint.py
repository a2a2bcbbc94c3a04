"""The page that says which answers each file depends on."""

from collections import defaultdict
from collections.abc import Iterator

from tests.variants.engine.diagram import support
from tests.variants.variants import Variants

PAGE = "docs/reference/footprint.md"
INTRODUCTION = """\
# Footprint

<!-- Written by `python -m tests.variants --write`, which found it by rendering. -->

What each answer changes. A file that is not named here is the same in every service.

"""


def page(variants: Variants) -> str:
    return INTRODUCTION + "".join([*present(variants), *different(variants)])


def present(variants: Variants) -> Iterator[str]:
    """Files that are there or not, by the answers that decide it."""
    yield "## There, or not\n\n| depends on | files |\n| --- | --- |\n"
    groups: dict[str, list[str]] = defaultdict(list)
    for path, made in variants.made.items():
        if support(made.present):
            groups[names(variants, support(made.present))].append(path)
    for answers, paths in sorted(groups.items()):
        yield f"| {answers} | {'<br>'.join(f'`{path}`' for path in sorted(paths))} |\n"


def different(variants: Variants) -> Iterator[str]:
    """Files whose content follows from answers, with how many contents they have."""
    yield "\n## Printed from the answers\n\n"
    yield "| file | depends on | contents |\n| --- | --- | --- |\n"
    for path, made in sorted(variants.made.items()):
        if (contents := len(made.versions())) > 1:
            answers = names(variants, made.levels())
            yield f"| `{path}` | {answers} | {contents} |\n"


def names(variants: Variants, levels: set[int]) -> str:
    asked = (variants.space.levels[level].name for level in sorted(levels))
    return ", ".join(f"`{name}`" for name in asked)
