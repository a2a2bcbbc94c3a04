"""Every file that any variant has: who makes it, where it goes, what is in it."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from copier._main import _pathspec_pattern
from copier._tools import scantree
from copier.errors import CopierError
from jinja2 import Template
from jinja2.exceptions import TemplateError
from pathspec import PathSpec

from tests.variants.engine.counting import Variant, value_at
from tests.variants.engine.diagram import (
    FALSE,
    Diagram,
    any_of,
    apply,
    both,
    either,
    leaf,
    leaves,
    map_leaves,
    support,
    without,
)
from tests.variants.engine.explore import Run, TooWide, explore
from tests.variants.engine.pieces import Pieces, lines
from tests.variants.engine.templating import ANSWERS_FILE
from tests.variants.engine.values import unbox
from tests.variants.engine.wide import Wide
from tests.variants.questions import Space


@dataclass(frozen=True, slots=True)
class Broken:
    """What a template says instead of its text when it cannot be rendered."""

    reason: str


# A file's bytes, why there are none, or that this variant does not have the file.
type Content = bytes | Broken | None


@dataclass
class Made:
    """A path of the rendered service: its content for every set of answers."""

    path: str
    content: Diagram = field(default_factory=lambda: leaf(None))
    # The template's files that make it, and where each does.
    sources: dict[str, Diagram] = field(default_factory=dict)

    @cached_property
    def present(self) -> Diagram:
        return any_of(self.sources.values())

    def versions(self) -> list[bytes]:
        found = leaves(self.content)
        wide = [
            text for each in found if isinstance(each, Wide) for text in each.samples
        ]
        return [*(each for each in found if isinstance(each, bytes)), *wide]

    def levels(self) -> set[int]:
        """The questions on which it depends."""
        wide = (each for each in leaves(self.content) if isinstance(each, Wide))
        return support(self.content).union(*(each.levels() for each in wide))

    def text(self, variant: Variant) -> bytes | None:
        """What one variant has in it; nothing, where it is not there or is broken."""
        content = value_at(self.content, variant)
        if isinstance(content, Wide):
            return content.text(variant)
        return content if isinstance(content, bytes) else None

    def found[T: Hashable](
        self, read: Callable[[bytes], frozenset[T]]
    ) -> dict[T, Diagram]:
        """What a reader finds in it, each with the answers that put it there."""
        exact: dict[bytes, frozenset[T]] = {}
        ways: dict[T, list[Diagram]] = defaultdict(list)
        for content in leaves(self.content):
            if isinstance(content, Wide):
                for item, where in content.found(read).items():
                    ways[item].append(both(self.where(content), where))
            elif isinstance(content, bytes):
                exact[content] = read(content)
        for item in {item for items in exact.values() for item in items}:
            ways[item].append(self._holding(exact, item))
        return {item: any_of(diagrams) for item, diagrams in ways.items()}

    def _holding(self, exact: dict[bytes, frozenset[Any]], item: Hashable) -> Diagram:
        if all(item in items for items in exact.values()):
            return map_leaves(lambda content: isinstance(content, bytes), self.content)
        return map_leaves(lambda content: item in exact.get(content, ()), self.content)

    def where(self, content: Content | Wide) -> Diagram:
        exact = map_leaves(lambda value: value == content, self.content)
        for wide in leaves(self.content):
            if isinstance(wide, Wide) and content in wide.samples:
                exact = either(exact, both(self.where(wide), wide.where(content)))
        return exact


class Files:
    """What the template renders, as functions of the answers."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.renderer = space.renderer
        self.renderer.run = run = Run(space, {})
        self.root = self.renderer.template_copy_root
        assert not run.choices, "one `_subdirectory` for all answers is expected"
        # Where each of the template's files is used at all.
        self.used: dict[str, Diagram] = {}
        self.problems: dict[str, str] = {}
        self._suffix = self.renderer.template.templates_suffix
        self._pieces = Pieces(self.renderer, space, instead=broken)
        self._excluded = Excluded(space)
        self.made: dict[str, Made] = {}
        for source in self._sources():
            self._make(source)

    def _sources(self) -> Iterator[Path]:
        for entry in sorted(scantree(str(self.root), True), key=lambda each: each.path):
            if entry.is_file():
                yield Path(entry.path).relative_to(self.root)

    def _make(self, source: Path) -> None:
        name = source.as_posix()
        used: Diagram = FALSE
        for path, extra, where in self._destinations(source):
            if path == ANSWERS_FILE:
                used = either(used, where)
                continue
            here = without(where, self._excluded.where(path))
            used = either(used, here)
            if here is FALSE:
                continue
            made = self.made.setdefault(path, Made(path))
            # What a `yield` made, told apart by where it goes.
            made.sources[f"{name} for {path}" if extra else name] = here
            content = self._content(source, {k: unbox(v) for k, v in extra})
            made.content = apply(
                lambda before, there, new: new if there else before,
                made.content,
                here,
                content,
            )
        self.used[name] = used

    def _destinations(
        self, source: Path
    ) -> Iterator[tuple[str, tuple[tuple[str, Any], ...], Diagram]]:
        name = source.as_posix()
        try:
            if "{" in name:
                ways = explore(lambda run: self.renderer.paths(run, source), self.space)
            else:
                ways = leaf(self.renderer.paths(Run(self.space, {}), source))
        except (CopierError, TemplateError, TooWide) as error:
            self.problems[name] = f"its path cannot be rendered: {error}"
            return
        for path, extra in {each for way in leaves(ways) for each in way}:
            where = map_leaves(lambda way, it=(path, extra): it in way, ways)
            yield path, extra, where

    def _content(self, source: Path, extra: dict[str, Any]) -> Diagram:
        file = self.root / source
        if not source.name.endswith(self._suffix):
            return leaf(file.read_bytes())
        try:
            name = file.relative_to(self.renderer.template.local_abspath).as_posix()
            template = self.renderer.jinja_env.get_template(name)
            return explore(lambda run: self._render(template, run, extra), self.space)
        except TemplateError as error:
            return leaf(broken(error))
        except TooWide:
            return self._by_line(file.read_text(), extra)

    def _by_line(self, source: str, extra: dict[str, Any]) -> Diagram:
        try:
            pieces = self._pieces.of(source, extra)
        except (TemplateError, TooWide) as error:
            return leaf(broken(error))
        texts = [
            map_leaves(lambda it: it if isinstance(it, str) else "", each)
            for each in pieces
        ]
        content: Diagram = leaf(Wide(texts, self.space.valid))
        for piece in pieces:
            if any(isinstance(text, Broken) for text in leaves(piece)):
                content = apply(
                    lambda whole, text: text if isinstance(text, Broken) else whole,
                    content,
                    piece,
                )
        return content

    def _render(self, template: Template, run: Run, extra: dict[str, Any]) -> Hashable:
        try:
            return template.render(self.renderer.context(run, extra)).encode()
        except (TemplateError, TypeError, ValueError, KeyError) as error:
            return broken(error)


def broken(error: Exception) -> Broken:
    return Broken(f"{type(error).__name__}: {error}")


class Excluded:
    """Copier's `_exclude`, line by line: which answers leave a path out."""

    def __init__(self, space: Space) -> None:
        rules = [
            rule
            for entry in space.renderer.all_exclusions
            for rule in lines(space.pieces.of(entry, {"_copier_operation": "copy"}))
        ]
        if any(line.startswith("!") for line, _ in rules):
            raise NotImplementedError("an `_exclude` with `!` depends on its order")
        found: dict[str, Diagram] = defaultdict(lambda: FALSE)
        for line, where in rules:
            found[line] = either(found[line], where)
        self._rules = [
            (line, where) for line, where in found.items() if where is not FALSE
        ]

    def where(self, path: str) -> Diagram:
        return any_of(where for line, where in self._rules if matches(line, path))


@cache
def matches(line: str, path: str) -> bool:
    return spec(line).match_file(path)


@cache
def spec(line: str) -> PathSpec[Any]:
    return PathSpec.from_lines(_pathspec_pattern, [line])
