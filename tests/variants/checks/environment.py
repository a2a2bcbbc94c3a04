"""Is every variable that a file sets or names one that the settings declare?"""

import re
from collections.abc import Iterator
from functools import cache

from tests.variants.checks.data import FOREIGN_VARIABLES, MADE_UP
from tests.variants.checks.faults import Fault, found
from tests.variants.checks.settings import Declared
from tests.variants.engine.diagram import without
from tests.variants.variants import Variants

SECTIONED = re.compile(
    r"(?<![\w_])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*__[A-Z0-9]+(?:_[A-Z0-9]+)*)(?![\w*])"
)
ASSIGNED = re.compile(r"^#? ?([A-Z][A-Z0-9_]*)=", re.MULTILINE)
EXAMPLE = ".env.example"


def agreed(variants: Variants) -> Iterator[Fault]:
    declared = Declared(variants)
    for path, made in variants.made.items() if declared.known else ():
        for variable, where in found(made, variables).items():
            if not variable.startswith(tuple(FOREIGN_VARIABLES)):
                reason = f"sets {variable}, which no settings declare"
                yield Fault(path, reason, without(where, declared.where(variable)))


@cache
def variables(path: str, content: bytes) -> frozenset[str]:
    """`SECTION__NAME` wherever it stands, and all that the example sets."""
    if path.startswith(MADE_UP) or (b"__" not in content and path != EXAMPLE):
        return frozenset()
    text = content.decode(errors="replace")
    named = {name for name in SECTIONED.findall(text) if not path.endswith(".lock")}
    return frozenset(named | set(ASSIGNED.findall(text) if path == EXAMPLE else ()))
