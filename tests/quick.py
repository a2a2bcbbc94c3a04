"""Copier, spared what it repeats for every file, each rendering and each process."""

import hashlib
import marshal
import os
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import CodeType

import copier._main
import yaml
from copier._cli import CopierApp
from copier._jinja_ext import SandboxedEnvironment, get_yield_context
from jinja2 import Template

# Where processes leave to each other what they have compiled.
VARIABLE = "COMPILED_TEMPLATES"
COMMAND = f"{sys.executable} {Path(__file__)}"

from_string = SandboxedEnvironment.from_string
compile_source = SandboxedEnvironment.compile
compiled: dict[tuple[object, ...], CodeType] = {}


def install(put: Callable[[object, str, object], object] = setattr) -> None:
    """Replace what is slow by what is quicker and returns the same.

    Copier compiles each segment of each path anew, and each file for each rendering,
    asks Git for the mode of each file, and reads YAML with the slower of two parsers.
    """
    put(SandboxedEnvironment, "from_string", from_string_once)
    put(SandboxedEnvironment, "compile", compile_once)
    put(copier._main, "is_git_available", lambda: False)  # noqa: SLF001
    put(yaml, "SafeLoader", yaml.CSafeLoader)


template_once = cache(from_string)


def from_string_once(
    environment: SandboxedEnvironment, source: str, *_: object, **__: object
) -> Template:
    """Forget the last path's `yield`, as compiling anew would."""
    state = get_yield_context(environment)
    state.yield_name = state.yield_iterable = None
    return template_once(environment, source)


def compile_once(
    environment: SandboxedEnvironment, source: object, *where: str | bool | None
) -> CodeType:
    """Compile for whoever compiles the same again; all environments are set alike."""
    key = (source, *where)
    if key not in compiled:
        compile_now = partial(compile_source, environment, source, *where)
        text = isinstance(source, str)
        compiled[key] = _kept(repr(key), compile_now) if text else compile_now()
    return compiled[key]


def _kept(key: str, compile_now: Callable[[], CodeType]) -> CodeType:
    if not (folder := os.environ.get(VARIABLE)):
        return compile_now()
    file = Path(folder, hashlib.sha256(key.encode()).hexdigest())
    if not file.exists():
        with NamedTemporaryFile(dir=folder, delete=False) as draft:
            marshal.dump(compile_now(), draft)
        # Whoever reads it meets the whole file or none.
        Path(draft.name).rename(file)
    return marshal.loads(file.read_bytes())


if __name__ == "__main__":
    install()
    CopierApp.run()
