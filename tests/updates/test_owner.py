"""A service whose owner has changed more than sixty files takes a new version."""

import os
import re
import subprocess
import sys
from pathlib import Path

import copier
import pytest

from tests.conftest import git
from tests.edits import append, delete
from tests.suites.environment import superset_environment
from tests.updates import next_version, owner
from tests.updates.projects import clone, committed, conflicts, project, update
from variants import ROOT

# The Python that runs this, which is certainly here.
ANSWERS = {"python_version": f"{sys.version_info[0]}.{sys.version_info[1]}"}
HEADS = """
import asyncio, os
import asyncpg
from alembic.script import ScriptDirectory
from app.platform.database.migrations import alembic_config, branches

async def applied():
    url = os.environ["DATABASE__URL"].replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT version_num FROM alembic_version")
    return {row[0] for row in rows}

heads = set(ScriptDirectory.from_config(alembic_config()).get_heads())
assert len(heads) == len(branches()), heads
assert asyncio.run(applied()) == heads, heads
"""


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Path:
    return clone(checkout, tmp_path / "strata")


@pytest.fixture
def service(template: Path, tmp_path: Path) -> Path:
    return project(template, tmp_path / "service", **ANSWERS)


@pytest.mark.timeout(900)
def test_all_their_work_is_there_and_the_service_works(
    template: Path, service: Path, tmp_path: Path
) -> None:
    """You changed sixty files; the template edits, adds, deletes and moves some.

    Happens: Your work is all there. Only the line that both changed is in conflict.
        The service migrates its database and passes its own suite.
    Do: Resolve the conflict, then `make setup check`.
    """
    edited = owner.modules(service)
    marks = owner.work(service)
    make(service, "setup")
    document_settings(service)
    committed(service)
    assert len(git(service, "diff", "--name-only", "HEAD~1").split()) >= 60
    make(service, "migrate")

    next_version.release(template, edited)
    update(service, trust=True)

    assert conflicts(service) == {"Makefile"}
    resolve(service / "Makefile")
    assert not missing(marks, service)
    assert not missing({f"ours_{number:02}" for number in range(0, 48, 2)}, service)
    assert not (service / "docs/howto/orders_own_service.md").exists()
    assert not any((service / name).exists() for name in owner.DELETED)
    committed(service)
    subprocess.run([os.environ.get("UV", "uv"), "lock"], cwd=service, check=True)
    make(service, "setup", "migrate", "test")


@pytest.mark.timeout(900)
def test_one_head_for_each_branch_whatever_was_switched(
    template: Path, service: Path, tmp_path: Path
) -> None:
    """Options go and return, versions come, and you have revisions of your own.

    Happens: `make migrate` brings the same database to one head for each branch, each
        time. Tables of what you declined stay; their branch goes on when it returns.
    Do: `make migrate`. Delete a revision of yours with the branch that you decline, and
        restore it with the branch.
    """
    owner.add_module(service)
    append("app/tables.py", "import app.modules.notes.models\n")(service)
    owner.extend_orders(service)
    migrate(committed(service), tmp_path)
    next_version.release(template, [])

    update(service, to=copier.VcsRef.CURRENT, tasks="inline")
    migrate(committed(service), tmp_path)
    update(service, trust=True)
    migrate(committed(service), tmp_path)
    update(service, example=False, tasks="celery")
    delete(owner.WISHES)(service)
    migrate(committed(service), tmp_path)
    update(service, example=True)
    owner.extend_orders(service)
    migrate(committed(service), tmp_path)


def document_settings(service: Path) -> None:
    """Write the page of settings anew, as the service asks of those who add one."""
    if (service / "docs/settings.md").exists():
        command = [".venv/bin/python", "-m", "app.cli", "settings"]
        subprocess.run(command, cwd=service, check=True)


def migrate(service: Path, folder: Path) -> None:
    """Migrate the data of `make dev`, and compare it with the heads."""
    assert not conflicts(service)
    (folder / "heads.py").write_text(HEADS)
    python = shared_environment() / "bin/python"
    steps = f"{python} -m app.cli migrate && {python} {folder}/heads.py"
    typed(service, str(python), "-m", "dev", "exec", "sh", "-c", steps)


def make(service: Path, *targets: str) -> None:
    typed(service, "make", *targets)


def shared_environment() -> Path:
    """One that is there already, for whom it does not matter how it was made."""
    return superset_environment(Path(sys.executable).resolve(), ROOT / "build/suites")


def typed(service: Path, *command: str, **variables: str) -> None:
    """Run a command as a developer of the service would."""
    ours = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHON", "COV_", "PYTEST_")
    rest = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    python = {"UV_PYTHON": sys.executable, "PYTHONPATH": str(service)}
    run = subprocess.run(
        command,
        cwd=service,
        env=rest | python | {"PYTEST_XDIST_AUTO_NUM_WORKERS": "1"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:]


def resolve(file: Path) -> None:
    """Take both sides, which is what a comment allows."""
    marker = re.compile(r"(?m)^(<{7} before updating|={7}|>{7} after updating)\n")
    file.write_text(marker.sub("", file.read_text()))


def missing(marks: set[str], service: Path) -> set[str]:
    """The pieces that no file of the service has any more."""
    listed = git(service, "ls-files", "--cached", "--others", "--exclude-standard")
    files = [service / name for name in set(listed.splitlines())]
    text = "".join(file.read_text() for file in files if file.is_file())
    return {mark for mark in marks if mark not in text}
