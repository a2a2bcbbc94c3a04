"""The pages on modules and on their data, taken at their word."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pages import follow
from tests.conftest import copy
from tests.promises import servers
from tests.suites.environment import superset_environment
from tests.suites.rows import mypy_cache
from variants import ROOT

ANSWERS = {"example": False, "cache": "none", "tasks": "inline", "telemetry": "none"}
OLD_ROWS = """
import asyncio, os, asyncpg

async def add():
    url = os.environ["DATABASE__URL"].replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    await connection.execute('''
        INSERT INTO invoices (id, number, total_minor, currency)
        SELECT gen_random_uuid(), 'FR-' || n, 1, 'EUR' FROM generate_series(1, 2500) n
    ''')

asyncio.run(add())
"""


class Follower:
    """Does what a page says, from its first line to its last."""

    def __init__(self, service: Path, environment: Mapping[str, str]) -> None:
        self.service = service
        self._environment = environment

    def follow(self, name: str) -> list[str]:
        """Return what each command said."""
        said: list[str] = []

        def run(command: str) -> None:
            if "require the country" in command:
                self.run([self._environment["PYTHON"], "-c", OLD_ROWS])
            said.append(self.run(["sh", "-c", command]))

        follow(self.service / "docs/howto" / name, self.service, run)
        return said

    def shell(self, page: str) -> str:
        """Type into a shell what stands behind its prompts on a page."""
        text = (self.service / "docs/howto" / page).read_text()
        lines = re.findall(r"^(?:>>>|\.\.\.) ?(.*)$", text, re.MULTILINE)
        return self.run(["make", "shell"], typed="".join(f"{each}\n" for each in lines))

    def run(self, command: list[str], *, typed: str = "", code: int = 0) -> str:
        done = subprocess.run(
            command,
            cwd=self.service,
            env=self._environment,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def follower(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Follower]:
    directory = tmp_path_factory.mktemp("howto")
    service = copy(folder, directory / "service", **ANSWERS)
    packages = superset_environment(
        Path(sys.executable).resolve(), ROOT / "build/suites"
    )
    python = packages / "bin/python"
    with servers.running(service, directory, python=python) as environment:
        yield Follower(
            service,
            environment
            | {
                "MYPY_CACHE_DIR": str(mypy_cache(ROOT / "build/suites")),
                "PYTHON": str(python),
                "UV_NO_SYNC": "1",
                "UV_PROJECT_ENVIRONMENT": str(packages),
            },
        )


@pytest.mark.timeout(600)
def test_does_and_says_what_the_pages_say(follower: Follower) -> None:
    made = follower.follow("add_a_module.md")
    changed = follower.follow("database.md")

    assert "Applied to invoices: create invoices.\n" in made
    assert "Applied to disputes: create disputes.\n" in made
    filled = "invoices: 2,500 rows filled\nApplied to invoices: require the country.\n"
    assert filled in changed
    assert "Applied to invoices: index the country.\n" in changed
    for _ in range(2):
        assert "Seeded invoices\n" in follower.run(["make", "seed"])
    assert "[('DE', 900), ('FR', 2500)]" in follower.shell("database.md")
    follower.run(["make", "format"])
    checked = "tests/modules tests/architecture"
    follower.run(["make", "check", f"PYTEST_ADDOPTS=--numprocesses=0 {checked}"])
    for mistake in MISTAKES:
        make_mistake(follower, mistake)


# What is changed, what is typed, how it ends, and what a page says is said then.
MISTAKES: list[tuple[str, str, str, int, str]] = [
    ("", "", "make migration", 2, "Which module? make migration module=NAME"),
    ("", "", "make migration module=invoces m=x", 2, "there is no module invoces"),
    (
        "app/modules/invoices/seed.py",
        '-get_or_add(row, "number")\n+add(row)',
        "make seed",
        2,
        "Seeding invoices failed: There is an invoice 2030-0 already.",
    ),
    (
        "app/modules/invoices/repository.py",
        "- WHERE deleted_at IS NULL\n+",
        "make shell",
        0,
        "This SQL takes the deleted rows of invoices along",
    ),
    (
        "tests/architecture/test_tables.py",
        '-    "app/modules/invoices/repository.py"\n+    "a"',
        "uv run pytest -q tests/architecture/test_tables.py",
        1,
        "Say it in app/modules/invoices/repository.py as SQLAlchemy",
    ),
    (
        "app/modules/invoices/service.py",
        "-from uuid import UUID\n+from uuid import UUID\n+import app.modules.disputes",
        "uv run lint-imports",
        1,
        "Modules form no cycle BROKEN",
    ),
    (
        "app/modules/invoices/models.py",
        "-    total_minor:\n+    vat: Mapped[int]\n+    total_minor:",
        "make migration module=invoices m=vat",
        0,
        "invoices.vat is required and has no server_default",
    ),
    (
        "",
        "",
        "make migrate",
        2,
        'column "vat" of relation "invoices" contains null values',
    ),
]
ASKING = """from app.modules.invoices.repository import InvoiceRepository
async with platform.database.read_session() as session:
    await InvoiceRepository(session).running()

"""


def make_mistake(follower: Follower, mistake: tuple[str, str, str, int, str]) -> None:
    """Nothing that is said is longer than a screen, but for what pytest shows."""
    path, diff, typed, code, said = mistake
    before = (follower.service / path).read_text() if path else ""
    if path:
        old, new = (
            "\n".join(line[1:] for line in diff.splitlines() if line[0] == sign)
            for sign in "-+"
        )
        assert old in before, path
        (follower.service / path).write_text(before.replace(old, new, 1))
    heard = follower.run(["sh", "-c", typed], typed=ASKING, code=code)
    if path and not path.endswith("models.py"):
        (follower.service / path).write_text(before)
    assert said in heard, heard
    assert len(heard.splitlines()) < 60 or "pytest" in typed, heard
