"""Write docs/reference/updates.md from the tests in tests/updates.

A test that has a docstring is a row: its first line is the situation, then come
`Happens:` and `Do:`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from variants import ROOT

PAGE = ROOT / "docs/reference/updates.md"
TESTS = ROOT / "tests/updates"
# In the order of the page.
FILES = {
    "files": "Files that change",
    "deletions": "Files that are deleted or renamed",
    "owner": "Much at once",
    "answers": "Answers",
    "modules": "Modules",
    "identity": "Who asks",
    "questions_change": "Questions that change",
    "places": "Special files and places",
    "hooks": "Moved files and migrations",
    "refusals": "Refusals",
}
INTRODUCTION = """\
# What an update does

<!-- Written by scripts/updates.py from tests/updates/. Change a test, then run it. -->

`make update` in a service, or `copier update`. Each row is a test that runs on
throw-away repositories. How to update: [how-to/update.md](../how-to/update.md).
"""
HEAD = """
## {title}

Shown by [{file}](../../tests/updates/{file}).

| situation | what happens | what to do |
| --- | --- | --- |
"""


def page() -> str:
    return INTRODUCTION + "".join(sections())


def sections() -> Iterator[str]:
    for name, title in FILES.items():
        file = TESTS / f"test_{name}.py"
        yield HEAD.format(title=title, file=file.name)
        for function in tests(file):
            yield f"| {' | '.join(parts(function))} |\n"


def tests(file: Path) -> Iterator[ast.FunctionDef]:
    """Find the tests that describe a situation."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield from [node] if ast.get_docstring(node) else []


def parts(function: ast.FunctionDef) -> tuple[str, ...]:
    """Split a docstring into the cells of a row."""
    told = " ".join(str(ast.get_docstring(function)).split())
    found = re.fullmatch(r"(.+?) Happens: (.+?) Do: (.+)", told)
    if found is None:
        raise SystemExit(f"{function.name} needs a situation, Happens: and Do:")
    return found.groups()


if __name__ == "__main__":
    PAGE.write_text(page())
