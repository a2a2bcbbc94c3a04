"""Is every variable that a file sets, gives or names read in that variant?"""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from tests.variants.checks.data import FOREIGN_VARIABLES, MADE_UP
from tests.variants.checks.faults import Extract, Fault, found
from tests.variants.checks.paths import is_compose
from tests.variants.checks.pipelines import given
from tests.variants.checks.python import strings
from tests.variants.checks.settings import Declared
from tests.variants.engine.diagram import FALSE, Diagram, any_of, either, without
from tests.variants.variants import Variants

SECTIONED = re.compile(
    r"(?<![\w_])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*__[A-Z0-9]+(?:_[A-Z0-9]+)*)(?![\w*])"
)
ASSIGNED = re.compile(r"^#? ?([A-Z][A-Z0-9_]*)=", re.MULTILINE)
UNDERSCORED = re.compile(r"(?<![\w$])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w*])")
READ = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)")
EXAMPLE = ".env.example"


def agreed(variants: Variants) -> Iterator[Fault]:
    declared = Declared(variants)
    for path, made in variants.made.items() if declared.known else ():
        for variable, where in found(made, variables).items():
            if not variable.startswith(tuple(FOREIGN_VARIABLES)):
                reason = f"sets {variable}, which no settings declare"
                yield Fault(path, reason, without(where, declared.where(variable)))


def read(variants: Variants) -> Iterator[Fault]:
    """What our processes and steps are given; a server's container has its own."""
    declared = Declared(variants)
    asked, replaces = readers(variants, looked_up), readers(variants, replaced)
    for path, made in variants.made.items() if declared.known else ():
        # What Compose puts in place of a name is not in a container for that.
        known = [asked] if is_compose(path) else [asked, replaces]
        for variable, where in found(made, given).items():
            if "__" not in variable and not variable.startswith(
                tuple(FOREIGN_VARIABLES)
            ):
                there = any_of(each[variable] for each in known)
                reason = f"gives {variable}, which nothing reads"
                yield Fault(
                    path,
                    reason,
                    without(where, either(declared.where(variable), there)),
                )


def spelled(variants: Variants) -> Iterator[Fault]:
    """`SECTION_NAME` for `SECTION__NAME`, wherever it stands."""
    declared = Declared(variants)
    meant = cache(declared.misspelled)
    for path, made in variants.made.items() if declared.known else ():
        for variable, where in found(made, underscored).items():
            if (right := meant(variable)) is not None:
                reason = f"says {variable}, which settings call {right}"
                yield Fault(path, reason, where)


def readers(variants: Variants, reader: Extract[str]) -> dict[str, Diagram]:
    """Each variable that a file reads, and where any file does."""
    where: dict[str, Diagram] = defaultdict(lambda: FALSE)
    for made in variants.made.values():
        for variable, there in found(made, reader).items():
            where[variable] = either(where[variable], there)
    return where


@cache
def variables(path: str, content: bytes) -> frozenset[str]:
    """`SECTION__NAME` wherever it stands, and all that the example sets."""
    if path.startswith(MADE_UP) or (b"__" not in content and path != EXAMPLE):
        return frozenset()
    text = content.decode(errors="replace")
    named = {name for name in SECTIONED.findall(text) if not path.endswith(".lock")}
    return frozenset(named | set(ASSIGNED.findall(text) if path == EXAMPLE else ()))


@cache
def underscored(path: str, content: bytes) -> frozenset[str]:
    """In Python a constant may be called so; a text may not."""
    if path.startswith(MADE_UP) or path.endswith((".lock", ".json")):
        return frozenset()
    if path.endswith(".py"):
        texts = strings(path, content)
        return frozenset(text for text in texts if UNDERSCORED.fullmatch(text))
    return frozenset(UNDERSCORED.findall(content.decode(errors="replace")))


@cache
def replaced(path: str, content: bytes) -> frozenset[str]:
    if path.endswith((".lock", ".md", ".py", ".json")):
        return frozenset()
    return frozenset(READ.findall(content.decode(errors="replace")))


@cache
def looked_up(path: str, content: bytes) -> frozenset[str]:
    """What Python may look up in the environment: any text that is such a name."""
    texts = strings(path, content) if path.startswith("app/") else ()
    return frozenset(text for text in texts if re.fullmatch(r"[A-Z][A-Z0-9_]*", text))
