"""Does the Makefile have every target that a file tells somebody to make?"""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from tests.variants.checks.faults import Fault, found
from tests.variants.checks.pipelines import commands
from tests.variants.checks.python import strings
from tests.variants.engine.diagram import FALSE, Diagram, either, without
from tests.variants.variants import Variants

MAKEFILE = "Makefile"
RULE = re.compile(r"^([A-Za-z][\w .-]*?)\s*:(?![:=])([^#\n=]*)", re.MULTILINE)
PHONY = re.compile(r"^\.PHONY:(.*)$", re.MULTILINE)
# In backticks, or on a line of a command of its own; the words up to what is no target.
QUOTED = re.compile(r"(?<!`)`(?:[A-Z_]+=\S+ )*make( [^`\n]+)`")
TYPED = re.compile(r"^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*make( .+)$", re.MULTILINE)
FENCE = re.compile(r"^ *```.*?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
CALLED = re.compile(r"(?:^|[\s;&|(])make((?: [\w.=\"'$/-]+)+)", re.MULTILINE)
AGAIN = re.compile(r"\$\(MAKE\)((?: [\w.=\"'$/-]+)+)")
TARGET = re.compile(r"[a-z][a-z\d_-]*")


def made(variants: Variants) -> Iterator[Fault]:
    if MAKEFILE not in variants.made:
        return
    there = anywhere(variants)
    for path, each in variants.made.items():
        for target, where in found(each, called).items():
            reason = f"calls make {target}, which the Makefile lacks"
            yield Fault(path, reason, without(where, there.get(target, FALSE)))


def anywhere(variants: Variants) -> dict[str, Diagram]:
    """The targets of the Makefile, and of what it includes."""
    there: dict[str, Diagram] = defaultdict(lambda: FALSE)
    for path, file in variants.made.items():
        for target, where in found(file, targets).items() if is_makefile(path) else ():
            there[target] = either(there[target], where)
    return there


def is_makefile(path: str) -> bool:
    return path == MAKEFILE or path.endswith(".mk")


@cache
def targets(_: str, content: bytes) -> frozenset[str]:
    rules = RULE.findall(content.decode())
    return frozenset(name for names, _ in rules for name in names.split())


@cache
def called(path: str, content: bytes) -> frozenset[str]:
    if path.endswith(".lock") or (b"make" not in content and not is_makefile(path)):
        return frozenset()
    return frozenset(
        target
        for words in _calls(path, content)
        for target in _targets(words)
        if target
    )


def _calls(path: str, content: bytes) -> Iterator[str]:
    """What follows `make`, wherever it is a command."""
    text = content.decode(errors="replace")
    yield from QUOTED.findall(text)
    if is_makefile(path):
        yield from AGAIN.findall(text)
        yield from PHONY.findall(text)
        yield from (needed for _, needed in RULE.findall(text))
    elif path.endswith(".md"):
        for block in FENCE.findall(text):
            yield from TYPED.findall(block)
    elif path.endswith(".py"):
        yield from _in_python(path, content)
    else:
        for command in commands(path, content):
            yield from CALLED.findall(command)


def _in_python(path: str, content: bytes) -> Iterator[str]:
    """A text that is a command, or one that says to run it."""
    for text in strings(path, content):
        yield from TYPED.findall(text) if "\n" not in text else ()
        yield from re.findall(r"\brun:? make( [a-z][\w-]*)", text)


def _targets(words: str) -> Iterator[str]:
    for word in words.split():
        if TARGET.fullmatch(word):
            yield word
        elif not (word.startswith("-") or re.match(r"[A-Za-z_]+=[^\"']*$", word)):
            # What follows is an argument, a comment or another command.
            return
