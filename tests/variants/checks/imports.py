"""Does every import find its module, and the name in it, in the same variant?"""

import re
from collections.abc import Iterator
from functools import cache

from tests.variants.checks.faults import Fault, found
from tests.variants.checks.python import Import, definitions, files_of, imports, strings
from tests.variants.engine.diagram import FALSE, Diagram, any_of, either, without
from tests.variants.variants import Variants

DOTTED = re.compile(r"[a-z_]\w*(\.[a-z_]\w*){2,}")
# `python -m app.cli`, `celery -A app.celery`, `uvicorn app.main:create_app`; lists too.
COMMAND = re.compile(
    r"(?:-m|-A|uvicorn)[\"',\s]+([a-z_]+(?:\.[a-z_]+)+)(?::([a-z_]+))?"
)


def resolved(variants: Variants) -> Iterator[Fault]:
    modules = Modules(variants)
    for path, made in variants.made.items():
        if path.endswith(".py"):
            for wanted, where in found(made, imports).items():
                if modules.ours(wanted.module):
                    yield from _import(modules, path, wanted, where)


def named_in_strings(variants: Variants) -> Iterator[Fault]:
    """`pytest_plugins` and the like name modules that are imported later."""
    modules = Modules(variants)
    for path, made in variants.made.items():
        for text, where in found(made, strings).items():
            if DOTTED.fullmatch(text) and modules.ours(text):
                there = modules.anything(text)
                yield Fault(
                    path, f'names "{text}", which is not there', without(where, there)
                )


def run_by_name(variants: Variants) -> Iterator[Fault]:
    """A command names a module, and sometimes what is in it."""
    modules = Modules(variants)
    for path, made in variants.made.items():
        for (module, name), where in found(made, commands).items():
            if modules.ours(module):
                there = modules.name(module, name) if name else modules.module(module)
                spelled = f"{module}:{name}" if name else module
                yield Fault(
                    path, f"runs {spelled}, which is not there", without(where, there)
                )


@cache
def commands(_: str, content: bytes) -> frozenset[tuple[str, str]]:
    return frozenset(COMMAND.findall(content.decode(errors="replace")))


def _import(
    modules: "Modules", path: str, wanted: Import, where: Diagram
) -> Iterator[Fault]:
    there = modules.module(wanted.module)
    lost = without(where, there)
    yield Fault(path, f"imports {wanted.module}, which is not there", lost)
    if wanted.name and wanted.name != "*":
        named = either(
            modules.name(wanted.module, wanted.name),
            modules.module(f"{wanted.module}.{wanted.name}"),
        )
        reason = f"imports {wanted.name} from {wanted.module}, which has no such name"
        yield Fault(path, reason, without(without(where, lost), named))


class Modules:
    """The Python modules of a service, and the answers that put them there."""

    def __init__(self, variants: Variants) -> None:
        self._made = variants.made
        self._places = variants.exists
        paths = [path for path in variants.made if path.endswith(".py")]
        self._roots = {path.split("/")[0].removesuffix(".py") for path in paths}
        self._names: dict[str, dict[str, Diagram]] = {}

    def ours(self, module: str) -> bool:
        return module.split(".", maxsplit=1)[0] in self._roots

    def module(self, module: str) -> Diagram:
        """Where it is a file, or a folder."""
        files = (
            self._made[file].present for file in files_of(module) if file in self._made
        )
        return any_of([*files, self._places(module.replace(".", "/"))])

    def name(self, module: str, name: str) -> Diagram:
        return any_of(
            self._definitions(file).get(name, FALSE) for file in files_of(module)
        )

    def anything(self, dotted: str) -> Diagram:
        module, _, name = dotted.rpartition(".")
        return either(self.module(dotted), self.name(module, name))

    def _definitions(self, file: str) -> dict[str, Diagram]:
        if file not in self._names:
            made = self._made.get(file)
            self._names[file] = found(made, definitions) if made else {}
        return self._names[file]
