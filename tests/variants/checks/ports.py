"""Does every adapter have the methods of its port, with the same signatures?"""

import ast
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tests.variants.checks.faults import Fault, found
from tests.variants.checks.python import tree
from tests.variants.engine.diagram import both
from tests.variants.variants import Variants

PLATFORM = "app/platform/"
MANAGED = {
    "asynccontextmanager": "AbstractAsyncContextManager",
    "contextmanager": "AbstractContextManager",
}
PRODUCERS = ("AsyncIterator", "AsyncGenerator", "Iterator", "Generator")


class Parameter(NamedTuple):
    name: str
    kind: str
    type_: str
    optional: bool


class Method(NamedTuple):
    """As a caller sees it."""

    name: str
    awaited: bool
    called: bool
    parameters: tuple[Parameter, ...]
    returns: frozenset[str]


class Class(NamedTuple):
    name: str
    port: bool
    methods: frozenset[Method]
    # Attributes, too, keep a promise of a property.
    attributes: frozenset[str]
    bases: frozenset[str]

    def called(self) -> dict[str, Method]:
        return {each.name: each for each in self.methods if each.called}


def kept(variants: Variants) -> Iterator[Fault]:
    platform = [
        (path, found(made, classes))
        for path, made in variants.made.items()
        if path.startswith(PLATFORM) and path.endswith(".py")
    ]
    adapters = [
        (path, class_, where)
        for path, each in platform
        for class_, where in each.items()
        if not class_.port and class_.methods
    ]
    for home, each in platform:
        for port, there in each.items():
            if port.port and port.called():
                for path, class_, where in adapters:
                    if adapts(class_, port, near=_package(path) == _package(home)):
                        for reason in drifted(class_, port):
                            yield Fault(path, reason, both(where, there))


def adapts(class_: Class, port: Class, *, near: bool) -> bool:
    """It says so, or it is called like the port, or has most of its methods."""
    if port.name in class_.bases or class_.name.endswith(port.name):
        return True
    shared = len(class_.called().keys() & port.called().keys())
    return near and len(port.called()) > 1 and shared * 2 >= len(port.called())


def drifted(class_: Class, port: Class) -> Iterator[str]:
    has = {each.name: each for each in class_.methods}
    for promised in sorted(port.methods):
        method = has.get(promised.name)
        name = f"{class_.name}.{promised.name}"
        if method is not None:
            if not alike(method, promised):
                yield f"{name} has another signature than {port.name}'s"
        elif promised.name not in class_.attributes and not class_.bases:
            yield f"{class_.name} lacks {promised.name} of {port.name}"


def alike(method: Method, promised: Method) -> bool:
    """It may return less than was promised, and leave unnamed what it does not use."""
    return (
        method.awaited == promised.awaited
        and method.called == promised.called
        and method.returns <= promised.returns
        and len(method.parameters) == len(promised.parameters)
        and all(map(_same, method.parameters, promised.parameters))
    )


def _same(one: Parameter, promised: Parameter) -> bool:
    unused = one.name.startswith("_") and one.kind == "positional"
    return (one.name == promised.name or unused) and one[1:] == promised[1:]


def _package(path: str) -> str:
    return path.removeprefix(PLATFORM).partition("/")[0]


@cache
def classes(_: str, content: bytes) -> frozenset[Class]:
    return frozenset(
        _class(each) for each in tree(content).body if isinstance(each, ast.ClassDef)
    )


def _class(class_: ast.ClassDef) -> Class:
    bases = frozenset(ast.unparse(base).split("[")[0] for base in class_.bases)
    functions = (
        each
        for each in class_.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return Class(
        class_.name,
        "Protocol" in bases,
        frozenset(_method(each) for each in functions if not each.name.startswith("_")),
        frozenset(_attributes(class_)),
        bases - {"Protocol"},
    )


def _attributes(class_: ast.ClassDef) -> Iterator[str]:
    """What the class declares, and what its methods set on `self`."""
    for node in ast.walk(class_):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name


def _method(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Method:
    decorators = {ast.unparse(each).split(".")[-1] for each in function.decorator_list}
    returns = ast.unparse(function.returns) if function.returns else ""
    managed = [name for each, name in MANAGED.items() if each in decorators]
    for name in managed:
        produced = next((each for each in PRODUCERS if returns.startswith(each)), "")
        returns = name + returns.removeprefix(produced)
    return Method(
        function.name,
        awaited=isinstance(function, ast.AsyncFunctionDef) and not managed,
        called=not decorators & {"property", "cached_property"},
        parameters=tuple(_parameters(function.args)),
        returns=frozenset(each.strip() for each in returns.split("|")),
    )


def _parameters(given: ast.arguments) -> Iterator[Parameter]:
    """All but `self`, in order; a keyword's place says nothing."""
    positional = [*given.posonlyargs, *given.args]
    needed = len(positional) - len(given.defaults)
    for at, each in enumerate(positional):
        if at:
            yield _parameter(each, "positional", optional=at >= needed)
    if given.vararg:
        yield _parameter(given.vararg, "*", optional=True)
    named = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    for each, default in sorted(named, key=lambda pair: pair[0].arg):
        yield _parameter(each, "named", optional=default is not None)
    if given.kwarg:
        yield _parameter(given.kwarg, "**", optional=True)


def _parameter(given: ast.arg, kind: str, *, optional: bool) -> Parameter:
    type_ = ast.unparse(given.annotation) if given.annotation else ""
    return Parameter(given.arg, kind, type_, optional)
