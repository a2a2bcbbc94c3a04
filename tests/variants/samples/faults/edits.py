"""What a fault is: an edit of the template, and what has to be said of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

type Edit = Callable[[Path], None]


@dataclass(frozen=True)
class Injected:
    name: str
    inject: Edit
    # Where the verifier says that it is, and a part of what it says.
    path: str
    reason: str
    # Whether some variants are well all the same.
    sometimes: bool = False


def replace(file: str, old: str, new: str) -> Edit:
    def edit(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text, f"{file} no longer has {old!r}: write the fault anew"
        (root / file).write_text(text.replace(old, new, 1))

    return edit


def append(file: str, text: str) -> Edit:
    def edit(root: Path) -> None:
        assert (root / file).exists(), f"{file} is gone: write the fault anew"
        with (root / file).open("a") as end:
            end.write(text)

    return edit


def add(file: str, text: str) -> Edit:
    def edit(root: Path) -> None:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)

    return edit


def both(*edits: Edit) -> Edit:
    def edit(root: Path) -> None:
        for each in edits:
            each(root)

    return edit
