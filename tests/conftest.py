"""What the tests share: a clean machine, the template in two forms, and Copier."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from plumbum import local

from tests import quick
from tests.promises import servers
from tests.signals.service import Said, listen
from tests.suites import array, pythons
from tests.suites.rendering import make
from tests.suites.sameness import Rendering
from tests.variants.engine.templating import ANSWERS_FILE
from tests.variants.variants import Variants
from variants import ROOT, render, snapshot

COPIER = "copier"
# For services that are rendered to be run.
PYTHON = "3.13"
SUMMARY = "summary"
FOREIGN = ("CELERY_", "GIT_", "OTEL_", "PG", "UVICORN_", "WEB_CONCURRENCY")

type Rendered = Callable[..., tuple[Path, dict[str, str]]]


def pytest_xdist_auto_num_workers() -> int | None:
    """Run twice as many workers as there are cores: tests often wait for servers."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Let each worker begin with its share of the tests that are given more time.

    One that has nothing left steals from another, but never its last two: if those
    took minutes, it would stand by until they end.
    """
    workers = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    long = [item for item in items if item.get_closest_marker("timeout")]
    short = iter([item for item in items if item not in long])
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        size = (len(items) - len(dealt)) // (workers - worker)
        share = long[worker::workers]
        dealt += [*share, *islice(short, max(0, size - len(share)))]
    items[:] = dealt


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests were not run, and why not."""
    reports = (
        *terminalreporter.getreports("passed"),
        *terminalreporter.getreports("failed"),
    )
    lines = {
        str(value)
        for report in reports
        for name, value in report.user_properties
        if name == SUMMARY
    }
    if lines:
        terminalreporter.section(
            "not run again: same code, imports, fixtures and Python, or a drill"
        )
    for line in sorted(lines):
        terminalreporter.write_line(line)


def is_foreign(variable: str) -> bool:
    """Say if it tells Git, a server or a service something that no test means."""
    return variable.startswith(FOREIGN) or "__" in variable


@pytest.fixture(scope="session", autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home without the developer's Git and Copier settings."""
    home = tmp_path_factory.mktemp("home")
    settings = home / "settings.yml"
    settings.write_text("{}\n")
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(is_foreign, list(os.environ)):
            patch.delenv(name)
        patch.setenv("COPIER_SETTINGS_PATH", str(settings))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("NO_COLOR", "1")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "strata")
            patch.setenv(f"GIT_{role}_EMAIL", "strata@example.invalid")
        # Copier runs Git with the environment as it was when plumbum was imported.
        for name in filter(is_foreign, local.env.getdict()):
            del local.env[name]
        ours = {
            name: os.environ[name] for name in os.environ if name.startswith("GIT_")
        }
        local.env.update(ours)
        yield home


@pytest.fixture(scope="session", autouse=True)
def quick_copies(
    machine: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Spare copies within this process what Copier repeats.

    The command, which runs in a process of its own, is tested as it is.
    """
    own = tmp_path_factory.getbasetemp()
    compiled = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "compiled"
    compiled.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(quick.VARIABLE, str(compiled))
        quick.install(patch.setattr)
        yield


@pytest.fixture(scope="session")
def folder(machine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a plain folder."""
    return snapshot(tmp_path_factory.mktemp("folder") / "strata")


@pytest.fixture(scope="session")
def renderings(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[int, Rendering]:
    """Rows in which every answer occurs, the same for each worker that runs some."""
    place = tmp_path_factory.mktemp("rows")
    return {
        number: Rendering(copy(folder, place / str(number), **answers))
        for number, answers in enumerate(array.committed(1), start=1)
    }


@pytest.fixture(scope="session")
def variants(folder: Path) -> Variants:
    """Every variant of the template: taken apart once, for all who ask."""
    return Variants.of(folder)


@pytest.fixture(scope="session")
def checkout(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a Git checkout with a released version."""
    checkout = tmp_path_factory.mktemp("checkout") / "strata"
    subprocess.run(["cp", "-R", folder, checkout], check=True)
    git(checkout, "init", "--quiet", "--initial-branch=main")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message=Release 1.0.0")
    git(checkout, "tag", "v1.0.0")
    return checkout


@pytest.fixture(scope="session")
def rendered(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rendered]:
    """Render the service for a broker, set it up and start its servers, once.

    Its clients say nothing of who they are, unless a test is about just that.
    """
    with ExitStack() as stack:

        @cache
        def render(broker: str, identity: str) -> tuple[Path, dict[str, str]]:
            directory = tmp_path_factory.mktemp(f"{broker}-{identity}")
            log = directory / "setup.log"
            answers = {"broker": broker, "identity": identity}
            service = copy(folder, directory / "service", **answers)
            python = pythons.nearest(PYTHON)
            assert make("setup", service, log, python=python), log.read_text()
            return service, stack.enter_context(servers.running(service, directory))

        def rendered(
            broker: str, *, identity: str = "none"
        ) -> tuple[Path, dict[str, str]]:
            return render(broker, identity)

        yield rendered


@pytest.fixture(scope="session")
def said(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Said:
    """The lines and the spans of a service that was used for a moment."""
    rendering, urls = rendered("redis")
    return listen(rendering, urls, tmp_path_factory.mktemp("said"))


def git(where: Path, *arguments: str) -> str:
    run = subprocess.run(
        ["git", *arguments], cwd=where, check=True, capture_output=True, text=True
    )
    return run.stdout


def passes(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a checker that has nothing to say against it, and give what it says."""
    run = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def typed(
    command: Sequence[str | Path],
    cwd: Path,
    environment: Mapping[str, str],
    *,
    words: str = "",
    seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run it as at a terminal: what it says and what it complains of are one text."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        input=words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=seconds,
    )


def contents(service: Path) -> dict[str, bytes]:
    """Every file of a rendering but the answers file, which names the template."""
    return {
        path.relative_to(service).as_posix(): path.read_bytes()
        for path in service.rglob("*")
        if path.is_file()
        and ".git" not in path.relative_to(service).parts
        and path.name != ANSWERS_FILE
    }


def copy(template: Path, into: Path, **answers: object) -> Path:
    return render(template, into, answers)


def copy_cli(
    template: Path, into: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    """Render through the command, with the defaults for what the options leave out."""
    command = [COPIER, "copy", "--defaults", *options, str(template), str(into)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
