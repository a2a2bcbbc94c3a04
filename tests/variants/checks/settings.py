"""Which variables the settings of each variant declare, read from the source."""

import ast
import operator
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import NamedTuple

from tests.variants.checks.faults import found
from tests.variants.checks.python import files_of, module_of, tree
from tests.variants.engine.diagram import Diagram, any_of, both
from tests.variants.variants import Variants

SETTINGS = "app.settings"
DEPTH = 8
REQUIRED = "required"
UNKNOWN = "unknown"
SUMS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
}


class Member(NamedTuple):
    """A field of a class; without a name, a class that it derives from."""

    owner: str
    name: str
    type_: str
    default: str = REQUIRED


class Borrowed(NamedTuple):
    """A name that a file has from another module."""

    name: str
    module: str
    original: str


type Way = tuple[str, Diagram]


class Declared:
    """The variables that a service reads, each with the answers for which it does."""

    def __init__(self, variants: Variants) -> None:
        self._variants = variants
        self.known = any(file in variants.made for file in files_of(SETTINGS))
        self._found = cache(lambda file, reader: found(variants.made[file], reader))
        self.defaults = cache(self._defaults)

    def where(self, variable: str) -> Diagram:
        """Where `SECTION__NAME` is a field of a section of the settings."""
        return any_of(self.defaults(variable).values())

    def misspelled(self, variable: str) -> str | None:
        """The setting of some variant that one underscore more would be."""
        if self._variants.count(self.where(variable)):
            return None
        words = variable.split("_")
        return next(
            (
                right
                for at in range(1, len(words))
                if (right := f"{'_'.join(words[:at])}__{'_'.join(words[at:])}")
                and self._variants.count(self.where(right))
            ),
            None,
        )

    def _defaults(self, variable: str) -> dict[str, Diagram]:
        """Each default that it has, as its value would be printed."""
        names = tuple(variable.lower().split("__"))
        ways: dict[str, list[Diagram]] = defaultdict(list)
        for default, where in self._field(SETTINGS, "Settings", names, DEPTH):
            ways[default].append(where)
        return {default: any_of(each) for default, each in ways.items()}

    def _field(
        self, module: str, owner: str, names: tuple[str, ...], depth: int
    ) -> Iterator[Way]:
        """Where a class of this module has the field, or its field has the rest."""
        files = [file for file in files_of(module) if file in self._variants.made]
        for file in files if depth else ():
            for member, where in self._found(file, members).items():
                if member.owner == owner:
                    yield from narrowed(where, self._member(file, member, names, depth))
            for name, where in self._found(file, borrowed).items():
                if name.name == owner:
                    there = self._field(name.module, name.original, names, depth - 1)
                    yield from narrowed(where, there)

    def _member(
        self, file: str, member: Member, names: tuple[str, ...], depth: int
    ) -> Iterator[Way]:
        module = module_of(file)
        if not member.name:
            yield from self._field(module, member.type_, names, depth - 1)
        elif member.name == names[0] and len(names) == 1:
            yield member.default, self._variants.made[file].present
        elif member.name == names[0]:
            yield from self._field(module, member.type_, names[1:], depth - 1)


def narrowed(where: Diagram, ways: Iterator[Way]) -> Iterator[Way]:
    return ((default, both(where, there)) for default, there in ways)


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
                    yield Member(
                        class_.name, field.target.id, type_, _default(field.value)
                    )


def _default(value: ast.expr | None) -> str:
    """The default as it is printed; unknown where only running the code tells."""
    if value is None:
        return REQUIRED
    if isinstance(value, ast.Call):
        named = (each.value for each in value.keywords if each.arg == "default")
        first = next(chain(value.args, named), None)
        made = any(each.arg == "default_factory" for each in value.keywords)
        return UNKNOWN if made else _default(first)
    try:
        return str(_evaluated(value))
    except (ValueError, KeyError, TypeError):
        return UNKNOWN


def _evaluated(value: ast.expr) -> object:
    if isinstance(value, ast.BinOp):
        left, right = _evaluated(value.left), _evaluated(value.right)
        return SUMS[type(value.op)](left, right)
    return ast.literal_eval(value)
