"""The processes of the service on this machine, side by side, with one end for all."""

import asyncio
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from asyncio import StreamReader
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Iterable, Mapping
from functools import cache
from http.client import HTTPException
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from dev.process import HOST, die_with_parent, free_port, kill_group
from dev.servers import COMMANDS, PORT, STARTS, VARIABLES, VIEWERS

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


GRACE_SECONDS = 10
LINE_BYTES = 1 << 20
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run_together(
    commands: Mapping[str, str], environment: Mapping[str, str]
) -> int:
    """0 when told to end, 1 when a command ended by itself: then all others end too.

    Commands end one after the other, in the order given.
    """
    told = asyncio.Event()
    for ending in ENDINGS:
        asyncio.get_running_loop().add_signal_handler(ending, told.set)
    running: dict[str, Process] = {}
    async with asyncio.TaskGroup() as copies:
        try:
            for name, printer in printers(commands).items():
                running[name] = await _start(commands[name], environment)
                if output := running[name].stdout:
                    copies.create_task(printer.copy(output))
            ended = await _first_of(running, told)
            for name in ended:
                code = running[name].returncode
                print(f"{name} ended with exit code {code}: all end.", flush=True)
        finally:
            for process in running.values():
                await _end(process)
    return 1 if ended else 0


async def _start(command: str, environment: Mapping[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        *shlex.split(command),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        env=environment,
        limit=LINE_BYTES,
        process_group=0,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )


async def _first_of(running: Mapping[str, Process], told: asyncio.Event) -> list[str]:
    """The commands that ended by themselves, once one did; none when told to end."""
    waits = {asyncio.ensure_future(p.wait()): name for name, p in running.items()}
    stop = asyncio.ensure_future(told.wait())
    done, rest = await asyncio.wait({stop, *waits}, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    return [] if stop in done else [waits[task] for task in done]


async def _end(process: Process) -> None:
    """Ask, insist after `GRACE_SECONDS`, then sweep what the command started itself."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE_SECONDS)
        except TimeoutError:
            process.kill()
    kill_group(process.pid)
    await process.wait()


POLL_SECONDS = 0.1
READY_SECONDS = 2
QUIET = "Below: requests, warnings, errors; LOGS=full make dev says more."
BESIDE_PYTHON = str(Path(sys.executable).parent)
PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")


def environment(urls: Mapping[str, str]) -> dict[str, str]:
    """What this machine's environment says, and defaults for what it leaves out."""
    defaults = {
        "ADMIN__HOST": HOST,
        "UVICORN_PORT": str(_free(PORT)),
        "UVICORN_LOG_LEVEL": "info" if _says_all() else "warning",
        "MAIL__URL": f"smtp://{HOST}:{free_port()}",
        "LOGGING__FORMAT": "console",
        "PYTHONUNBUFFERED": "1",
    }
    for name in _viewers():
        port = defaults[f"{name}_PORT"] = str(free_port())
        told = VIEWERS[name][1].items()
        defaults |= {variable: value.format(port=port) for variable, value in told}
    # What runs here writes to a pipe, behind which there may be a terminal.
    colours = {"FORCE_COLOR": "1"} if colourful() else {"NO_COLOR": "1"}
    path = os.pathsep.join((BESIDE_PYTHON, os.environ.get("PATH", os.defpath)))
    # One process reloads; uvicorn would try as many as that variable says.
    # It would reload when the last stream ends, which may be never.
    reloading = {"WEB_CONCURRENCY": "1", "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "1"}
    fixed = {"PATH": path, **reloading}
    return {**defaults, **os.environ, **urls, **colours, **fixed}


def migrate(variables: Mapping[str, str]) -> None:
    """Bring the database to the newest revision; raise when that fails."""
    command = (sys.executable, "-m", "app.cli", "migrate")
    subprocess.run(command, env=variables, check=True)


async def serve(variables: Mapping[str, str], *, mails: Path) -> int:
    """Run until Ctrl-C, which is 0, or until a process ends, which is 1."""
    commands = _commands(variables, mails)
    where = summary(variables, commands, mails)
    announcement = asyncio.create_task(_announce(_url(variables), where))
    try:
        return await run_together(commands, variables)
    finally:
        announcement.cancel()


def _says_all() -> bool:
    return os.environ.get("LOGS") == "full"


def _commands(variables: Mapping[str, str], mails: Path) -> dict[str, str]:
    commands = {
        name: f"env {_told(name)} {reloading(command)}"
        for name, command in COMMANDS.items()
    }
    if _says_all():
        quiet = commands.items()
        commands = {name: command.replace(" --quiet", "") for name, command in quiet}
    for name in _viewers():
        command = f"{VIEWERS[name][0]} {variables[f'{name}_PORT']}"
        commands[name.lower()] = command
    if "MAIL__URL" in os.environ:
        return commands
    port = urlsplit(variables["MAIL__URL"]).port
    return commands | {"mail": f"python -m dev.smtp {port} {mails}"}


def _viewers() -> list[str]:
    """Those that are asked for, unless what they show is sent elsewhere already."""
    there = {
        name
        for name, (_, told) in VIEWERS.items()
        for variable, value in told.items()
        if "{port}" in value and variable in os.environ
    }
    return [name for name in VIEWERS if os.environ.get(name) and name not in there]


def reloading(command: str) -> str:
    """Start it anew when code has changed: no event meets code of before."""
    if "--reload" in command:
        return command
    watch = "watchfiles --filter python --verbosity warning --target-type command"
    return f"{watch} {shlex.quote(command)} app"


def _told(name: str) -> str:
    """The variables of one process: but for the requests it is told what goes wrong."""
    asked = name == "api" or _says_all() or "LOGGING__LEVEL" in os.environ
    return _admin(name) if asked else f"{_admin(name)} LOGGING__LEVEL=WARNING"


def summary(
    variables: Mapping[str, str], commands: Mapping[str, str], mails: Path
) -> str:
    """Say where everything is, but for passwords."""
    url = _url(variables)
    rows = {"API docs": f"{url}/docs", "API": url}
    if "mail" in commands:
        rows["Mail"] = f"{variables['MAIL__URL']}, kept in {mails}"
    ports = [f"{_admin(name).rpartition('=')[2]} ({name})" for name in VARIABLES]
    rows["Admin"] = f"http://{HOST}:" + ", ".join(ports)
    servers = [_without_password(variables[name]) for name in STARTS]
    rows["Servers"] = f"\n{'':11}".join(servers)
    rows["Processes"] = ", ".join(commands)
    unseen = [name for name in VIEWERS if name.lower() not in commands]
    if unseen:
        rows["More"] = ", ".join(f"{name}=1 make dev" for name in unseen)
    ending = "Ctrl-C ends all." + ("" if _says_all() else f" {QUIET}")
    lines = (f"{name + ':':<11}{what}" for name, what in rows.items())
    return "\n".join(["", *lines, "", ending, ""])


@cache
def _admin(name: str) -> str:
    """Where one process is asked how it is: another `make dev` may run beside this."""
    variable, _, port = VARIABLES[name].partition("=")
    return f"{variable}={_free(int(port))}"


def _free(usual: int) -> int:
    """Give the usual port, or another if somebody has it."""
    with socket.socket() as client:
        taken = client.connect_ex((HOST, usual)) == 0
    return free_port() if taken else usual


def _without_password(url: str) -> str:
    return PASSWORD.sub(r"\1:***@", url)


def _url(variables: Mapping[str, str]) -> str:
    return f"http://{HOST}:{variables['UVICORN_PORT']}"


async def _announce(url: str, where: str) -> None:
    """Say where everything is once the API can answer."""
    while True:
        if await asyncio.to_thread(_is_ready, url):
            print(where, flush=True)
            return
        await asyncio.sleep(POLL_SECONDS)


def _is_ready(url: str) -> bool:
    try:
        # This machine is reached directly, whatever proxy the environment names.
        build_opener(ProxyHandler({})).open(f"{url}/readyz", timeout=READY_SECONDS)
    except (OSError, HTTPException):
        return False
    return True
