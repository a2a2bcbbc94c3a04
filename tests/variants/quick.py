"""Spare a series of copies of one template what they would all do anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from copier._jinja_ext import SandboxedEnvironment
from copier._main import Worker


@contextmanager
def shared() -> Iterator[None]:
    """Compile once for all copies, and gather the answers once for each copy.

    Copier compiles every path and every file for each copy, and gathers the answers for
    each part of each path.
    """
    build = Worker.jinja_env.func
    render = Worker._render_template  # noqa: SLF001
    environments: dict[Path, SandboxedEnvironment] = {}

    def environment(worker: Worker) -> SandboxedEnvironment:
        place = worker.template.local_abspath
        if place not in environments:
            environments[place] = build(worker)
        return environments[place]

    def with_one_context(worker: Worker) -> None:
        answers_file = worker.answers_relpath
        context = worker._render_context()  # noqa: SLF001
        steady: dict[str, Any] = {"_render_context": lambda: dict(context)}
        vars(worker).update(steady)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Worker, "answers_relpath", answers_file)
            render(worker)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "jinja_env", property(environment))
        patch.setattr(Worker, "_render_template", with_one_context)
        yield
