"""Which variables the settings of each variant declare, read from the source."""

import ast
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tests.variants.checks.faults import found
from tests.variants.checks.python import files_of, module_of, tree
from tests.variants.engine.diagram import FALSE, Diagram, any_of, both
from tests.variants.variants import Variants

SETTINGS = "app.settings"
DEPTH = 8


class Member(NamedTuple):
    """A field of a class; without a name, a class that it derives from."""

    owner: str
    name: str
    type_: str


class Borrowed(NamedTuple):
    """A name that a file has from another module."""

    name: str
    module: str
    original: str


class Declared:
    """The variables that a service reads, each with the answers for which it does."""

    def __init__(self, variants: Variants) -> None:
        self._variants = variants
        self.known = any(file in variants.made for file in files_of(SETTINGS))
        self._found = cache(lambda file, reader: found(variants.made[file], reader))

    def where(self, variable: str) -> Diagram:
        """Where `SECTION__NAME` is a field of a section of the settings."""
        return self._field(
            SETTINGS, "Settings", tuple(variable.lower().split("__")), DEPTH
        )

    def _field(
        self, module: str, owner: str, names: tuple[str, ...], depth: int
    ) -> Diagram:
        """Where a class of this module has the field, or its field has the rest."""
        ways = []
        files = [file for file in files_of(module) if file in self._variants.made]
        for file in files if depth else ():
            for member, where in self._found(file, members).items():
                if member.owner == owner:
                    ways.append(both(where, self._member(file, member, names, depth)))
            for name, where in self._found(file, borrowed).items():
                if name.name == owner:
                    there = self._field(name.module, name.original, names, depth - 1)
                    ways.append(both(where, there))
        return any_of(ways)

    def _member(
        self, file: str, member: Member, names: tuple[str, ...], depth: int
    ) -> Diagram:
        module = module_of(file)
        if not member.name:
            return self._field(module, member.type_, names, depth - 1)
        if member.name != names[0]:
            return FALSE
        if len(names) == 1:
            return any_of([self._variants.made[file].present])
        return self._field(module, member.type_, names[1:], depth - 1)


@cache
def members(_: str, content: bytes) -> frozenset[Member]:
    return frozenset(_members(tree(content)))


@cache
def borrowed(_: str, content: bytes) -> frozenset[Borrowed]:
    return frozenset(
        Borrowed(each.asname or each.name, node.module or "", each.name)
        for node in tree(content).body
        if isinstance(node, ast.ImportFrom)
        for each in node.names
    )


def _members(module: ast.Module) -> Iterator[Member]:
    for class_ in module.body:
        if isinstance(class_, ast.ClassDef):
            for base in class_.bases:
                yield Member(class_.name, "", ast.unparse(base))
            for field in class_.body:
                if isinstance(field, ast.AnnAssign) and isinstance(
                    field.target, ast.Name
                ):
                    type_ = ast.unparse(field.annotation).split("|")[0].strip()
                    yield Member(class_.name, field.target.id, type_)
