"""The output of several commands, told apart by a name before each line."""

import os
import sys
from asyncio import StreamReader
from collections.abc import Iterable
from itertools import cycle

COLOURS = (36, 32, 35, 33, 34, 31)


class Printer:
    """Copies the output of one command, each line after the command's name."""

    def __init__(self, name: str, *, width: int, colour: int) -> None:
        label = f"{name:<{width}} |"
        self._label = f"\033[{colour}m{label}\033[0m" if colourful() else label

    async def copy(self, output: StreamReader) -> None:
        async for line in output:
            text = line.decode(errors="replace").rstrip()
            print(self._label, text, flush=True)


def printers(names: Iterable[str]) -> dict[str, Printer]:
    """A printer for each name, in aligned columns and colours of their own."""
    names = list(names)
    width = max(map(len, names))
    return {
        name: Printer(name, width=width, colour=colour)
        for name, colour in zip(names, cycle(COLOURS), strict=False)
    }


def colourful() -> bool:
    """Whether a terminal reads this, or somebody asks for colours all the same."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
