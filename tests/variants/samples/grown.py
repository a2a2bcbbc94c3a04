"""The template itself with ports more, three adapters each: its variants multiply."""

from pathlib import Path

KINDS = 3


def grow(template: Path, ports: int) -> None:
    """Take the steps of docs/how-to/add-an-adapter.md, so many times."""
    names = [f"port{number:02}" for number in range(ports)]
    for name in names:
        _write(template / "template", name)
    choices, questions = (
        template / "questions/choices.yml",
        template / "questions/ports.yml",
    )
    menu = "".join(_choice(name) for name in names)
    _insert(choices, menu, before="    monitoring: switch\n")
    asked = "".join(_question(name) for name in names)
    _insert(questions, asked, before="# The registry:")
    registered = "".join(_entry(name) for name in names)
    questions.write_text(questions.read_text().rstrip() + "\n" + registered)


def _insert(file: Path, text: str, *, before: str) -> None:
    known = file.read_text()
    assert known.count(before) == 1, f"{file} has changed: {before!r}"
    file.write_text(known.replace(before, text + before))


def _write(service: Path, port: str) -> None:
    package = service / "app/platform" / port
    package.mkdir()
    (package / "__init__.py").write_text(PORT.format(port=port, type=port.capitalize()))
    for number in range(KINDS):
        kind, type_ = f"kind{number}", f"Kind{number}{port.capitalize()}"
        adapter = ADAPTER.format(port=port, kind=kind, type=type_)
        (package / f"{kind}.py").write_text(adapter)
        (service / f"docs/adapters/{port}-{kind}.md").write_text(f"# {port}: {kind}\n")


def _choice(port: str) -> str:
    kinds = "".join(f"      kind{number}: nothing\n" for number in range(KINDS))
    return f"    {port}:\n{kinds}"


def _question(port: str) -> str:
    menu = "{% from 'questions/rules.jinja' import menu %}"
    return (
        f"{port}:\n  type: str\n  help: What stands behind {port}?\n"
        f'  choices: "{menu}{{{{ menu(choices.{port}) }}}}"\n  default: kind0\n\n'
    )


def _entry(port: str) -> str:
    return (
        f"    - port: {port}\n      adapter: {{{{ {port} }}}}\n"
        f"      type: {port.capitalize()}\n      ready: optional\n      lent: true\n"
    )


PORT = '''\
"""The port {port}."""

from typing import Protocol


class {type}(Protocol):
    """Asked by nobody but probes."""

    async def check(self) -> None:
        """Raise when it cannot be asked."""
'''
ADAPTER = '''\
"""A {kind} of {port}."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from app.platform.configuration import Section


class {type}Settings(Section):
    """Nothing to set."""


class {type}:
    """Has nothing."""

    @classmethod
    @asynccontextmanager
    async def open(cls, _: {type}Settings) -> AsyncIterator[Self]:
        yield cls()

    async def check(self) -> None:
        return None
'''
