"""A RabbitMQ that this machine has installed, run beside the system's own."""

import os
import shutil
import signal
from pathlib import Path

from dev.process import (
    Data,
    NotStartedError,
    Server,
    answers,
    end,
    free_port,
    launch,
    wait_until,
)

PLACES = ("/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin")
GREETING = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"
MISSING = (
    "RabbitMQ is not installed: install it (apt install rabbitmq-server, or "
    "brew install rabbitmq) or name a running one in BROKER__URL."
)


def start(directory: Path, _: Data) -> Server:
    """Run a broker on a free port, with a name service (epmd) of its own.

    Its queues stay in `directory` for the next one, whatever is asked of the data.
    """
    program = _installed()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "enabled_plugins").write_text("[].\n")
    log, port = directory / "log", free_port()
    environment = _environment(directory, port)
    names = launch(
        ["epmd"],
        log=directory / "epmd.log",
        environment=environment,
        ending=signal.SIGKILL,
    )
    process = launch([program], log=log, environment=environment)
    server = Server(
        "rabbitmq",
        f"amqp://guest:guest@127.0.0.1:{port}//",
        process,
        cleanup=lambda: end(names, signal.SIGKILL),
    )
    _wait(server, port, log)
    return server


def _installed() -> Path:
    """The program itself: Debian's wrapper on PATH insists on another user."""
    path = os.pathsep.join((*PLACES, os.environ.get("PATH", "")))
    program = shutil.which("rabbitmq-server", path=path)
    if program is None:
        raise NotStartedError(MISSING)
    return Path(program)


def _environment(directory: Path, port: int) -> dict[str, str]:
    return os.environ | {
        "HOME": str(directory),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(free_port()),
        "RABBITMQ_NODENAME": "dev@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": str(directory / "rabbitmq-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "logs"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        # The script then becomes the server instead of waiting beside it.
        "RUNNING_UNDER_SYSTEMD": "true",
    }


def _wait(server: Server, port: int, log: Path) -> None:
    try:
        wait_until(
            lambda: answers(port, question=GREETING, answer=METHOD_FRAME),
            name="RabbitMQ",
            process=server.process,
            log=log,
        )
    except NotStartedError:
        server.stop()
        raise
