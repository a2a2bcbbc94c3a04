"""`python -m dev`: the whole service on this machine, its data in `.dev`."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from app.platform.configuration import variables
from dev import servers
from dev.process import Data, NotStartedError
from dev.service import environment, migrate, serve

FOLDER = Path(".dev")
# Who runs the servers of this folder now.
NOTE = FOLDER / "running.json"
PASSED_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}
Words = Annotated[list[str], typer.Argument(help="The command and its arguments.")]

cli = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@cli.callback(invoke_without_command=True)
def whole(context: typer.Context) -> None:
    """Run servers, migrations, then every process of the service, until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    print("Starting the servers, then migrations, then every process.", flush=True)
    with kept_servers() as urls:
        variables = environment(urls)
        migrate(variables)
        code = asyncio.run(serve(variables, mails=FOLDER / "mail"))
    raise typer.Exit(code)


@cli.command(name="servers")
def offer() -> None:
    """Run only the servers and print the variables that name them, until Ctrl-C."""
    with shared_servers() as urls:
        for name, url in urls.items():
            print(f"export {name}={url}", flush=True)
        signal.pause()


@cli.command(name="exec", context_settings=PASSED_ON)
def execute(words: Words) -> None:
    """Run a command with the servers of `make dev`, or with their data."""
    with shared_servers() as urls:
        if sys.stdin.isatty():
            # The terminal tells the command, too; what it does then is up to it.
            signal.signal(signal.SIGINT, lambda *_: None)
        done = subprocess.run(words, env=environment(urls), check=False)
    raise typer.Exit(done.returncode)


@cli.command(context_settings=PASSED_ON)
def fresh(words: Words) -> None:
    """Run a command with empty, migrated servers; those you name stay as they are."""
    with fresh_servers() as urls:
        variables = environment(urls)
        if "DATABASE__URL" not in os.environ:
            migrate(variables)
        done = subprocess.run(words, env=variables, check=False)
    raise typer.Exit(done.returncode)


@contextmanager
def kept_servers() -> Iterator[dict[str, str]]:
    """Servers on the kept data, which other commands can find meanwhile."""
    if _in_progress() is not None:
        raise NotStartedError("The servers of this folder run already: one `make dev`.")
    with servers.running(FOLDER, Data.KEPT) as urls:
        FOLDER.mkdir(exist_ok=True)
        NOTE.write_text(json.dumps({"pid": os.getpid(), "urls": urls}))
        try:
            yield urls
        finally:
            NOTE.unlink(missing_ok=True)


@contextmanager
def shared_servers() -> Iterator[dict[str, str]]:
    """The servers of a `make dev` in progress; without one, the same for a while."""
    if (urls := _in_progress()) is not None:
        yield urls
        return
    with kept_servers() as urls:
        yield urls


@contextmanager
def fresh_servers() -> Iterator[dict[str, str]]:
    """Empty servers that leave nothing behind."""
    with (
        TemporaryDirectory(prefix="dev-") as folder,
        servers.running(Path(folder), Data.DISPOSABLE) as urls,
    ):
        yield urls


def _in_progress() -> dict[str, str] | None:
    try:
        note = json.loads(NOTE.read_text())
        os.kill(note["pid"], 0)
    except (OSError, ValueError):
        return None
    return {str(name): str(url) for name, url in note["urls"].items()}


def _main() -> None:
    for name, value in variables().items():
        os.environ.setdefault(name, value)
    # A shell starts what it sends to the background deaf for Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        # An exception, so that servers end before this does.
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    try:
        cli()
    except NotStartedError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


if __name__ == "__main__":
    _main()
