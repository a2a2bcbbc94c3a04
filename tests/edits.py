"""Edits of a file in a folder: by an owner, in a next version, or as a fault."""

from collections.abc import Callable
from pathlib import Path

type Edit = Callable[[Path], object]


def write(name: str, text: str) -> Edit:
    def edit(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)

    return edit


def replace(name: str, old: str, new: str) -> Edit:
    """Replace where it comes first."""

    def edit(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text, f"{name} no longer has {old!r}: write the edit anew"
        (root / name).write_text(text.replace(old, new, 1))

    return edit


def append(name: str, text: str) -> Edit:
    def edit(root: Path) -> None:
        assert (root / name).exists(), f"{name} is gone: write the edit anew"
        with (root / name).open("a") as file:
            file.write(text)

    return edit


def delete(name: str) -> Edit:
    return lambda root: (root / name).unlink()


def move(old: str, new: str) -> Edit:
    def edit(root: Path) -> None:
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        (root / old).rename(root / new)

    return edit


def both(*edits: Edit) -> Edit:
    def edit(root: Path) -> None:
        for each in edits:
            each(root)

    return edit
