"""Is what is imported declared, and what is declared used?"""

import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from tests.variants.checks.data import DISTRIBUTIONS, EXTRAS, NOT_IMPORTED
from tests.variants.checks.faults import Fault, found
from tests.variants.checks.imports import Modules
from tests.variants.checks.python import imports
from tests.variants.engine.diagram import FALSE, Diagram, either, without
from tests.variants.variants import Variants

PROJECT = "pyproject.toml"
# What runs in production must not lean on what only a developer installs.
SERVED = ("app/", "migrations/")

type Needs = dict[str, Diagram]


def declared(variants: Variants) -> Iterator[Fault]:
    """Every import of a package has its line in pyproject.toml."""
    project, development = declarations(variants)
    for path, packages in imported(variants).items():
        for package, where in packages.items():
            there = project.get(package, FALSE)
            if not path.startswith(SERVED):
                there = either(there, development.get(package, FALSE))
            reason = f"imports {package}, which {PROJECT} does not declare"
            yield Fault(path, reason, without(where, there))


def used(variants: Variants) -> Iterator[Fault]:
    """Every line in pyproject.toml has an import, or a reason in data.py."""
    project, development = declarations(variants)
    served: Needs = defaultdict(lambda: FALSE)
    anywhere: Needs = defaultdict(lambda: FALSE)
    for path, packages in imported(variants).items():
        for package, where in packages.items():
            anywhere[package] = either(anywhere[package], where)
            if path.startswith(SERVED):
                served[package] = either(served[package], where)
    brought = set(EXTRAS.values())
    for needs, uses in ((project, served), (development, anywhere)):
        for package, where in needs.items():
            if package not in NOT_IMPORTED and package not in brought:
                reason = f"declares {package}, which nothing imports"
                yield Fault(PROJECT, reason, without(where, uses[package]))


def declarations(variants: Variants) -> tuple[Needs, Needs]:
    """What the project needs, and what only its developers need."""
    if PROJECT not in variants.made:
        return {}, {}
    project: Needs = {}
    development: Needs = {}
    for (group, package), where in found(variants.made[PROJECT], requirements).items():
        (development if group == "dev" else project)[package] = where
    return project, development


def imported(variants: Variants) -> dict[str, Needs]:
    """The packages that each file imports, and with which answers."""
    modules = Modules(variants)
    needs: dict[str, Needs] = {}
    for path, made in variants.made.items():
        if path.endswith(".py"):
            needs[path] = defaultdict(lambda: FALSE)
            for each, where in found(made, imports).items():
                top = each.module.split(".")[0]
                if top not in sys.stdlib_module_names and not modules.ours(top):
                    package = DISTRIBUTIONS.get(top, top)
                    needs[path][package] = either(needs[path][package], where)
    return needs


@cache
def requirements(_: str, content: bytes) -> frozenset[tuple[str, str]]:
    try:
        project = tomllib.loads(content.decode())
    except ValueError:
        return frozenset()
    needed = {"": project.get("project", {}).get("dependencies", [])}
    needed |= project.get("dependency-groups", {})
    return frozenset(
        (group, package)
        for group, lines in needed.items()
        for line in lines
        if isinstance(line, str)
        for package in packages(line)
    )


def packages(requirement: str) -> Iterator[str]:
    """The package that a line asks for, and what comes with its extra."""
    spelled = re.split(r"[<>=!~;\s]", requirement.lower())[0]
    yield spelled.split("[")[0]
    if spelled in EXTRAS:
        yield EXTRAS[spelled]
