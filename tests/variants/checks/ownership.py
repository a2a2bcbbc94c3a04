"""Has every file of an adapter one owner, with whom it leaves?"""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import combinations
from typing import Any, NamedTuple

from tests.variants.checks.faults import Fault
from tests.variants.checks.words import where_chosen
from tests.variants.engine.diagram import Diagram, without
from tests.variants.variants import Variants


class Claim(NamedTuple):
    """What an adapter has for its own: a file of this name, or what is in a folder."""

    owner: str
    pattern: str
    folder: bool


def shared(variants: Variants) -> Iterator[Fault]:
    """A folder may have files of others in it; the same name is one owner's alone."""
    claims = sorted(set(claimed(variants)))
    for path, made in variants.made.items():
        owning = [each for each in claims if fnmatch(path, each.pattern)]
        for one, other in combinations(owning, 2):
            if one.owner != other.owner and one.folder == other.folder:
                reason = f"is owned by both {one.owner} and {other.owner}"
                yield Fault(path, reason, made.present)


def kept(variants: Variants) -> Iterator[Fault]:
    """What is called for an adapter must leave with it."""
    for port, name in adapters(variants):
        chosen = where_answered(variants, port, name)
        for path, made in variants.made.items():
            if bears(path, port, name):
                reason = f"bears the name of {port}-{name}, and stays without it"
                yield Fault(path, reason, without(made.present, chosen))


def claimed(variants: Variants) -> Iterator[Claim]:
    owners = {}
    for port, name in adapters(variants):
        owners[name] = f"{port}-{name}"
        for pattern in (
            f"app/platform/{port}/{name}.py",
            f"tests/platform/{port}/test_{name}.py",
            f"tests/fixtures/{port}_{name}.py",
        ):
            yield Claim(f"{port}-{name}", pattern, folder=False)
        yield Claim(f"{port}-{name}", f"*/{port}-{name}.*", folder=False)
    # A yes or no narrows down what an adapter has, and owns nothing against it.
    for part, patterns in constant(variants, "owned", {}).items():
        for pattern in patterns if part in owners else ():
            yield Claim(owners[part], pattern, folder=False)
            yield Claim(owners[part], f"{pattern}/*", folder=True)


def adapters(variants: Variants) -> Iterator[tuple[str, str]]:
    answers = constant(variants, "choices", {})
    for port in constant(variants, "ports", []):
        for name in answers.get(port["port"], ()):
            yield port["port"], name


def constant(variants: Variants, name: str, default: Any) -> Any:
    """What every variant computes alike, as far as it is read here."""
    if name not in variants.space.computed:
        return default
    return variants.read(name, variants.space.example())


def where_answered(variants: Variants, port: str, name: str) -> Diagram:
    asked = any(level.name == port for level in variants.space.levels)
    return (
        variants.space.answered(port, name) if asked else where_chosen(variants, name)
    )


def bears(path: str, port: str, name: str) -> bool:
    """Its own places have the name alone; elsewhere the port is said beside it."""
    folder, _, file = path.rpartition("/")
    stem = file.split(".")[0]
    if folder == f"app/platform/{port}":
        return stem == name
    if folder == f"tests/platform/{port}":
        return stem == f"test_{name}"
    return bool(re.fullmatch(rf"(.*[-_])?{port}[-_]{name}", stem))
