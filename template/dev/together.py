"""Several commands side by side, with one end for all."""

import asyncio
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Mapping

from dev.lifeline import die_with_parent, kill_group
from dev.output import printers

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
