"""Can every file be read by what reads it, and is no tag left in it?"""

import ast
import json
import re
import tomllib
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import PurePosixPath

from tests.variants.checks import dockerfile
from tests.variants.checks.faults import Fault, found
from tests.variants.checks.yaml import documents
from tests.variants.variants import Variants

STATEMENT = re.compile(r"{%[-+]?\s*\w+|{#[^}]*#}")
# It differs from one variant to another, where lines above do.
PLACE = re.compile(r" \((?:at|<unknown>,) line \d+[^)]*\)$")
PRINTED = re.compile(r"(?<!\$){{-?\s*(\w+)")


def parsed(variants: Variants) -> Iterator[Fault]:
    for path, made in variants.made.items():
        for complaint, where in found(made, complaints).items():
            yield Fault(path, "cannot be parsed", where, complaint)


def tags(variants: Variants) -> Iterator[Fault]:
    """A tag that survives belongs in a file that ends with the template's suffix."""
    names = {level.name for level in variants.space.levels} | set(
        variants.space.computed
    )
    for path, made in variants.made.items():
        for tag, where in found(made, left_over).items():
            if tag.startswith("{") or tag in names:
                yield Fault(path, f"still has the tag {tag}", where)


@cache
def complaints(path: str, content: bytes) -> frozenset[str]:
    parse = parser(path)
    if parse is None:
        return frozenset()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parse(content)
    except (ValueError, SyntaxError, SyntaxWarning, dockerfile.Unreadable) as error:
        return frozenset({PLACE.sub("", str(error).splitlines()[0])})
    return frozenset()


def parser(path: str) -> Callable[[bytes], object] | None:
    file = PurePosixPath(path)
    if file.name.startswith("Dockerfile"):
        return dockerfile.parse
    return {
        ".py": ast.parse,
        ".toml": lambda content: tomllib.loads(content.decode()),
        ".lock": lambda content: tomllib.loads(content.decode()),
        ".json": json.loads,
        ".yml": documents,
        ".yaml": documents,
    }.get(file.suffix)


@cache
def left_over(_: str, content: bytes) -> frozenset[str]:
    if b"{" not in content:
        return frozenset()
    text = content.decode(errors="replace")
    return frozenset([*STATEMENT.findall(text), *PRINTED.findall(text)])
