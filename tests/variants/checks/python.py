"""What a Python file imports and defines, read once per content."""

import ast
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple


class Import(NamedTuple):
    """`import module`, or `from module import name`."""

    module: str
    name: str | None


@cache
def tree(content: bytes) -> ast.Module:
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


@cache
def imports(path: str, content: bytes) -> frozenset[Import]:
    return (
        frozenset(_imports(path, tree(content)))
        if path.endswith(".py")
        else frozenset()
    )


@cache
def definitions(path: str, content: bytes) -> frozenset[str]:
    """The names that others can import from it."""
    return frozenset(_definitions(tree(content).body))


@cache
def strings(path: str, content: bytes) -> frozenset[str]:
    if not path.endswith(".py"):
        return frozenset()
    nodes = ast.walk(tree(content))
    values = (node.value for node in nodes if isinstance(node, ast.Constant))
    return frozenset(value for value in values if isinstance(value, str))


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def files_of(module: str) -> tuple[str, str]:
    """Where a module may be."""
    path = module.replace(".", "/")
    return f"{path}.py", f"{path}/__init__.py"


def _imports(path: str, module: ast.Module) -> Iterator[Import]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (Import(each.name, None) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(path, node)
            yield from (Import(base, each.name) for each in node.names)


def _absolute(path: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = path.split("/")[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def _definitions(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.TypeAlias(name=ast.Name(id=name)):
                yield name
            case ast.Import() | ast.ImportFrom():
                yield from (
                    (each.asname or each.name).split(".")[0] for each in node.names
                )
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                yield from _stored(node)
            case ast.If() | ast.Try() | ast.With() | ast.For() | ast.While():
                yield from _definitions(list(_inside(node)))


def _stored(node: ast.stmt) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id


def _inside(node: ast.stmt) -> Iterator[ast.stmt]:
    for part in ("body", "orelse", "finalbody"):
        yield from getattr(node, part, [])
    for handler in getattr(node, "handlers", []):
        yield from handler.body
