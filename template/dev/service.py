"""Every process of the service, with what it finds around it."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dev.ports import HOST, free_port
from dev.servers import COMMANDS, VARIABLES
from dev.together import run_together

USUAL_PORT = 8000
POLL_SECONDS = 0.1
BESIDE_PYTHON = str(Path(sys.executable).parent)


def environment(urls: Mapping[str, str]) -> dict[str, str]:
    """What this machine's environment says, and defaults for what it leaves out."""
    defaults = {
        "UVICORN_PORT": str(_usual_port_or_another()),
        "MAIL__URL": f"smtp://{HOST}:{free_port()}",
        "LOGGING__FORMAT": "console",
        "PYTHONUNBUFFERED": "1",
    }
    path = os.pathsep.join((BESIDE_PYTHON, os.environ.get("PATH", os.defpath)))
    # One process reloads; uvicorn would try as many as that variable says.
    fixed = {"PATH": path, "WEB_CONCURRENCY": "1"}
    return {**defaults, **os.environ, **urls, **fixed}


def migrate(variables: Mapping[str, str]) -> None:
    """Bring the database to the newest revision; raise when that fails."""
    command = (sys.executable, "-m", "app.cli", "migrate")
    subprocess.run(command, env=variables, check=True)


async def serve(variables: Mapping[str, str], *, mails: Path) -> int:
    """Run until Ctrl-C, which is 0, or until a process ends, which is 1."""
    announcement = asyncio.create_task(_announce(int(variables["UVICORN_PORT"])))
    try:
        return await run_together(_commands(variables, mails), variables)
    finally:
        announcement.cancel()


def _commands(variables: Mapping[str, str], mails: Path) -> dict[str, str]:
    commands = {
        name: f"env {VARIABLES[name]} {command}" for name, command in COMMANDS.items()
    }
    if "MAIL__URL" in os.environ:
        return commands
    port = urlsplit(variables["MAIL__URL"]).port
    return commands | {"mail": f"python -m dev.smtp {port} {mails}"}


def _usual_port_or_another() -> int:
    with socket.socket() as client:
        taken = client.connect_ex((HOST, USUAL_PORT)) == 0
    return free_port() if taken else USUAL_PORT


async def _announce(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(POLL_SECONDS)
            continue
        writer.close()
        print(f"\nAPI docs: http://{HOST}:{port}/docs (Ctrl-C ends)\n", flush=True)
        return
