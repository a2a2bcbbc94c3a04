"""A rendered service with its packages and its servers, and words for who waits."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.promises import servers
from tests.promises.processes import run
from tests.suites import pythons
from variants import ROOT, render, snapshot

UV = ROOT / ".venv/bin/uv"
# What the tests run the service with, too.
PYTHON = "3.13"

type Prepared = tuple[Path, dict[str, str], Path]


@contextmanager
def prepared(row: list[str]) -> Iterator[Prepared]:
    """Its folder, the environment that names its servers, and a folder for logs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        answers = dict(answer.split("=", 1) for answer in row)
        say("rendering the service and installing its packages")
        rendering = render(snapshot(folder / "strata"), folder / "service", answers)
        python = pythons.nearest(PYTHON)
        run(UV, "sync", "--quiet", "--project", rendering, "--python", python)
        say("starting its servers")
        urls = stack.enter_context(servers.running(rendering, folder))
        yield rendering, urls, folder


def say(words: str) -> None:
    """Show what is done now, where somebody looks on."""
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)
    elif words:
        print(words, file=sys.stderr, flush=True)
