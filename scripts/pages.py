"""A service's how-to pages, followed as whoever reads them would."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HEADING = re.compile(r"^## (.+)$")
FENCE = re.compile(r"^```(\w+)(?: (\S+))?$")
# What a reader does besides writing files: the rest of a page only shows commands.
TYPED = re.compile(r"^\$ ((?:make migra|make module |uv run ).*)$", re.M)
IMPORTS = re.compile(
    r"(?:(?:from \S+ )?import (?:\([^)]*\)|[^\n(]+)\n|\n(?=from |import ))+"
)
BEGINNING = re.compile(r'"""(?:.|\n)*?"""\n+|')


@dataclass(frozen=True)
class Step:
    """A file that a page has its reader write to, or a command."""

    section: str
    text: str
    file: str = ""
    is_diff: bool = False

    @property
    def lines(self) -> int:
        return len([line for line in self.text.splitlines() if line.strip()])


def steps(page: Path) -> Iterator[Step]:
    """Read a page from top to bottom."""
    section, lines = "", iter(page.read_text().splitlines(keepends=True))
    for line in lines:
        if heading := HEADING.match(line):
            section = heading[1]
        elif fence := FENCE.match(line):
            text = "".join(iter(lambda: next(lines), "```\n"))
            if fence[2]:
                yield Step(section, text, fence[2], is_diff=fence[1] == "diff")
            elif fence[1] == "console":
                for command in TYPED.findall(text):
                    yield Step(section, command)


def follow(page: Path, service: Path, run: Callable[[str], None]) -> None:
    """Do all that a page says."""
    for step in steps(page):
        if not step.file:
            run(step.text)
            continue
        if step.is_diff:
            [file] = service.glob(step.file)
            file.write_text(changed(file.read_text(), step.text))
            continue
        file = service / step.file
        file.parent.mkdir(parents=True, exist_ok=True)
        said = file.read_text() if file.exists() else ""
        file.write_text(added(said, step.text) if said else step.text)


def changed(text: str, diff: str) -> str:
    """Put lines with a plus where the others are; those with a minus go."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if not line.startswith("+"))
    new = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert text.count(old) == 1, f"there {text.count(old)} times:\n{old}"
    return text.replace(old, new)


def added(text: str, block: str) -> str:
    """Put imports to the top, and the rest below the lines it begins with, or last."""
    imports = match[0] if (match := IMPORTS.match(block)) else ""
    rest = block[len(imports) :].strip("\n") + "\n"
    if imports:
        beginning = BEGINNING.match(text)
        assert beginning is not None
        top = beginning.end()
        text = text[:top] + imports.strip("\n") + "\n" + text[top:]
    if not rest.strip():
        return text
    lines = rest.splitlines(keepends=True)
    for number in range(len(lines) - 1, 0, -1):
        known = "".join(lines[:number])
        if known.strip() and text.count(known) == 1:
            return text.replace(known, rest)
    return f"{text.rstrip()}\n{'' if rest.startswith(' ') else chr(10)}\n{rest}"
