"""Is every default that a page repeats the one of the settings?"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tests.variants.checks.data import MADE_UP
from tests.variants.checks.faults import Fault, found
from tests.variants.checks.settings import REQUIRED, UNKNOWN, Declared
from tests.variants.engine.diagram import both
from tests.variants.variants import Variants

VARIABLE = r"`([A-Z][A-Z0-9_]*)`"
# `NAME` (value), or `NAME` (value, and what follows from it), also in a comment.
BEHIND = re.compile(
    r"(?<![\w_`])`?([A-Z][A-Z0-9]*(?:_+[A-Z0-9]+)+)`?[\s#]+"
    r"\((?:default:? |by default )?(`[^`\n]*`|-?[\d.,_]*\d|true|false|none)"
    r"(?:[ -]?(?:s|ms|seconds?|days?|hours?|bytes|by default))?[,;:)]"
)
ROW = re.compile(r"^\|(.+)\|\s*$")
HEADS = ("default", "development")
NUMBER = re.compile(r"-?\d[\d,_]*(?:\.\d+)?")
WORDS = {"none", "true", "false"}


class Said(NamedTuple):
    """A variable, and the value that a page says it has."""

    variable: str
    value: str


def repeated(variants: Variants) -> Iterator[Fault]:
    declared = Declared(variants)
    for path, made in variants.made.items() if declared.known else ():
        for (variable, value), where in found(made, said).items():
            for default, there in declared.defaults(variable).items():
                if default != UNKNOWN and normal(default) != value:
                    reason = f"says {variable} is {value}, which is {normal(default)}"
                    yield Fault(path, reason, both(where, there))


@cache
def said(path: str, content: bytes) -> frozenset[Said]:
    if path.startswith(MADE_UP) or not path.endswith((".md", ".yml", ".yaml")):
        return frozenset()
    text = content.decode(errors="replace")
    behind = (Said(name, normal(value)) for name, value in BEHIND.findall(text))
    return frozenset([*behind, *_tables(text)])


def _tables(text: str) -> Iterator[Said]:
    """A column of defaults, beside the variables in the first one."""
    column = None
    for line in text.splitlines():
        row = ROW.match(line)
        cells = [each.strip() for each in row[1].split("|")] if row else []
        heads = [each.lower() for each in cells]
        head = next((each for each in HEADS if each in heads), None)
        if not row:
            column = None
        elif head and column is None:
            column = heads.index(head)
        elif column is not None and len(cells) > column:
            name = re.fullmatch(VARIABLE, cells[0])
            value = cells[column]
            if name and (stated(value) or REQUIRED in value):
                yield Said(name[1], normal(value))


def stated(cell: str) -> bool:
    """Say whether a cell is a value, and not a sentence about one."""
    return bool(
        re.fullmatch(r"`[^`]*`", cell)
        or NUMBER.fullmatch(cell)
        or cell.lower() in WORDS
    )


def normal(value: str) -> str:
    """One spelling for each value: 1.0 is 1, and `"text"` is text."""
    if REQUIRED in value:
        return REQUIRED
    bare = value.strip("`")
    if NUMBER.fullmatch(bare):
        number = float(bare.replace(",", "").replace("_", ""))
        return f"{number:.15g}"
    return bare.lower() if bare.lower() in WORDS else bare
