"""Take a template apart where its parts do not depend on one another."""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

from jinja2 import TemplateError, nodes

from tests.variants.engine.diagram import TRUE, Diagram, apply, both, leaves, map_leaves
from tests.variants.engine.explore import Levels, Run, explore
from tests.variants.engine.templating import Renderer
from tests.variants.engine.values import PiecewiseList, box, elements

type Names = Mapping[str, Any]


class Inseparable(Exception):
    """The parts depend on one another after all."""


class Pieces:
    """The texts that follow one another in what a template renders."""

    def __init__(
        self,
        renderer: Renderer,
        levels: Levels,
        *,
        instead: Callable[[TemplateError], Hashable] | None = None,
    ) -> None:
        """A part that cannot be rendered raises, or is `instead` where it cannot."""
        self._renderer = renderer
        self._levels = levels
        self._instead = instead

    def of(self, source: str, names: Names, *, begin: str = "") -> list[Diagram]:
        """One diagram of texts per part; a part ends before a line that begins so."""
        tree = self._renderer.jinja_env.parse(source)
        try:
            pieces = list(self._body(tree.body, names, TRUE, begin))
            if not all(whole_lines(piece) for piece in pieces[:-1]):
                raise Inseparable
        except Inseparable:
            return [self._text(tree.body, names)]
        return pieces

    def _body(
        self, body: list[nodes.Node], names: Names, where: Diagram, begin: str = ""
    ) -> Iterator[Diagram]:
        for part in body:
            if isinstance(part, nodes.For):
                yield from self._loop(part, names, where)
            elif isinstance(part, nodes.If | nodes.Include | nodes.Output):
                for piece in by_line(part, begin):
                    text = self._text([piece], names)
                    yield apply(lambda here, it: it if here else "", where, text)
            else:
                raise Inseparable

    def _loop(self, loop: nodes.For, names: Names, where: Diagram) -> Iterator[Diagram]:
        """Each element of the list on its own, where the answers put it there."""
        if loop.else_ or loop.recursive or mentions(loop, "loop"):
            raise Inseparable
        body: list[nodes.Node] = loop.body
        if loop.test is not None:
            body = [nodes.If(loop.test, loop.body, [], [], lineno=loop.lineno)]
        for element, there in self._elements(loop.iter, names):
            inner = {**names, **dict(bound(loop.target, element))}
            here = both(where, there)
            yield from self._branch(body, inner, here)

    def _branch(
        self, body: list[nodes.Node], names: Names, where: Diagram
    ) -> Iterator[Diagram]:
        if any(isinstance(part, nodes.For) for part in body):
            yield from self._body(body, names, where)
        else:
            text = self._text(body, names)
            yield apply(lambda here, it: it if here else "", where, text)

    def _elements(
        self, iterable: nodes.Expr, names: Names
    ) -> list[tuple[Any, Diagram]]:
        evaluate = self._renderer.evaluator(iterable)
        piecewise: list[PiecewiseList] = []

        def value(run: Run) -> Hashable:
            found = evaluate(self._renderer.context(run, names))
            if isinstance(found, PiecewiseList) and not run.choices:
                piecewise.append(found)
                return None
            return box(list(found))

        whole = explore(value, self._levels)
        return list(piecewise[0].elements() if piecewise else elements(whole))

    def _text(self, body: list[nodes.Node], names: Names) -> Diagram:
        template = self._renderer.node_template(body)

        def rendered(run: Run) -> Hashable:
            try:
                return template.render(self._renderer.context(run, names))
            except TemplateError as error:
                if self._instead is None:
                    raise
                return self._instead(error)

        return explore(rendered, self._levels)


def by_line(part: nodes.Node, begin: str) -> Iterator[nodes.Node]:
    """What is printed, so that no two lines are in one part without need."""
    if not isinstance(part, nodes.Output):
        yield part
        return
    line: list[nodes.Expr] = []
    for each in part.nodes:
        constant = isinstance(each, nodes.TemplateData)
        head, *rest = breaks(each.data, begin) if constant else [each]
        line.append(text(head, each) if constant else head)
        if rest:
            yield nodes.Output(line, lineno=part.lineno)
            *between, tail = rest
            if between:
                yield nodes.Output([text("".join(between), each)], lineno=part.lineno)
            line = [text(tail, each)] if tail else []
    if line:
        yield nodes.Output(line, lineno=part.lineno)


def breaks(data: str, begin: str) -> list[str]:
    return re.split(rf"(?<=\n)(?={re.escape(begin)})", data)


def text(data: str, where: nodes.Node) -> nodes.TemplateData:
    return nodes.TemplateData(data, lineno=where.lineno)


def whole_lines(piece: Diagram) -> bool:
    texts = [text for text in leaves(piece) if isinstance(text, str)]
    return all(not text or text.endswith("\n") for text in texts)


def lines(pieces: list[Diagram]) -> Iterator[tuple[str, Diagram]]:
    """Every line that some answers print, with where they do."""
    for piece in pieces:
        every = {line for text in leaves(piece) for line in str(text).splitlines()}
        for line in sorted(filter(None, every)):
            yield (
                line,
                map_leaves(
                    lambda text, line=line: line in str(text).splitlines(), piece
                ),
            )


def mentions(loop: nodes.For, name: str) -> bool:
    return any(found.name == name for found in loop.find_all(nodes.Name))


def bound(target: nodes.Node, element: Any) -> Iterator[tuple[str, Any]]:
    """What a loop's variables are for one element."""
    if isinstance(target, nodes.Name):
        yield target.name, element
    elif isinstance(target, nodes.Tuple):
        for each, part in zip(target.items, element, strict=True):
            yield from bound(each, part)
