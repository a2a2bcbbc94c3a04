"""Copier's own environment, reading each answer only when a template does."""

import atexit
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

from copier._jinja_ext import SandboxedEnvironment, get_yield_context
from copier._main import Worker
from jinja2 import Environment, Template, nodes, pass_environment
from jinja2.filters import do_sort
from jinja2.runtime import Context, missing

from tests.variants.engine.explore import Run
from tests.variants.engine.values import box, in_order

RUN = "the run"
ANSWERS_FILE = ".copier-answers.yml"
# What Copier tells a template besides the answers; that which differs from copy to copy
# is left out, so that reading it is an undefined name.
AROUND: Mapping[str, Any] = {
    "_copier_conf": {
        "answers_file": ANSWERS_FILE,
        "sep": "/",
        "os": "linux",
        "data": {},
    },
    "_copier_phase": "render",
    "_external_data": {},
}

type Read = Callable[[Run, str], Any]


class LazyContext(Context):
    """Looks an answer up when a template names it, in the run that it belongs to."""

    def resolve_or_missing(self, key: str) -> Any:
        value = super().resolve_or_missing(key)
        if value is missing and key != RUN:
            reading = super().resolve_or_missing(RUN)
            return missing if reading is missing else reading(key)
        return value


@pass_environment
def sort(environment: Environment, value: Any, *options: Any, **named: Any) -> Any:
    """Jinja's filter, for lists in pieces too."""
    return in_order(
        value,
        lambda each: do_sort(environment, each, *options, **named),
        by=(options, tuple(named.items())),
    )


class Renderer(Worker):
    """Copier's worker, up to the point where it would ask or write."""

    read: Read
    run: Run

    @classmethod
    def of(cls, root: Path, read: Read) -> Self:
        """Read the template as it is on disk, not its newest tag."""
        made = cls(
            src_path=str(root),
            dst_path=Path("nowhere"),
            vcs_ref="HEAD",
            defaults=True,
            quiet=True,
        )
        made.read = read
        atexit.register(made._cleanup)
        return made

    def context(
        self, run: Run, extra: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return {**AROUND, RUN: lambda key: self.read(run, key), **(extra or {})}

    def paths(self, run: Run, source: Path) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        """Where a file goes, with what each path adds to its context."""
        self.run = run
        return tuple(
            (path.as_posix(), tuple((k, box(v)) for k, v in (extra or {}).items()))
            for path, extra in self._render_path(source)
        )

    def _render_context(self) -> Any:
        return self.context(self.run)

    @property
    def answers_relpath(self) -> Path:
        return Path(ANSWERS_FILE)

    @cached_property
    def jinja_env(self) -> SandboxedEnvironment:
        environment = Worker.jinja_env.func(self)  # type: ignore[attr-defined]
        environment.context_class = LazyContext
        environment.auto_reload = False
        environment.filters["sort"] = sort
        compiled: dict[str, Template] = {}
        compile_ = environment.from_string

        def from_string(source: str, *_: Any) -> Template:
            """Compile a string once, and forget the last path's `yield` each time."""
            state = get_yield_context(environment)
            state.yield_name = state.yield_iterable = None
            if source not in compiled:
                compiled[source] = compile_(source)
            return compiled[source]

        environment.from_string = from_string  # type: ignore[method-assign]
        return cast("SandboxedEnvironment", environment)

    def node_template(self, body: list[nodes.Node]) -> Template:
        """Compile a part of a template as one of its own."""
        tree = nodes.Template(body, lineno=1).set_environment(self.jinja_env)
        code = self.jinja_env.compile(tree)
        globals_ = self.jinja_env.make_globals(None)
        return self.jinja_env.template_class.from_code(self.jinja_env, code, globals_)

    def evaluator(self, expression: nodes.Expr) -> Callable[[dict[str, Any]], Any]:
        """Compile an expression to a function that gives its value, not its text."""
        result = nodes.Name("result", "store", lineno=1)
        assign = nodes.Assign(result, expression, lineno=1)
        template = self.node_template([assign])

        def evaluate(context: dict[str, Any]) -> Any:
            inner = template.new_context(context)
            list(template.root_render_func(inner))
            return inner.vars["result"]

        return evaluate
