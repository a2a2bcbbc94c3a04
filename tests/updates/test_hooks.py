"""What runs on the machine of somebody who updates."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from copier.errors import UnsafeTemplateError

from tests.conftest import copy
from tests.edits import Edit, append, delete, move, write
from tests.updates.projects import (
    committed,
    conflicts,
    project,
    released,
    status,
    tree,
    update,
)
from variants import ROOT

OLD = "app/platform/errors.py"
NEW = "app/platform/problems.py"
SCRIPT = f'''"""2.0.0: problems, not errors."""

from moves import move

move("{OLD}", "{NEW}")
'''
MIGRATIONS = """
_migrations:
  - version: v2.0.0
    command:
      - "{{ _copier_python }}"
      - "{{ _copier_conf.src_path }}/hooks/migrations/v2_0_0.py"
"""


def moving() -> list[Edit]:
    """What a release consists of that moves a file."""
    return [
        move(f"template/{OLD}", f"template/{NEW}"),
        write("hooks/migrations/v2_0_0.py", SCRIPT),
        insert_settings(MIGRATIONS),
    ]


def insert_settings(text: str) -> Edit:
    def change(where: Path) -> None:
        settings = where / "copier.yml"
        first, rest = settings.read_text().split("---", 1)
        settings.write_text(f"{first}{text}---{rest}")

    return change


class TestAMovedFile:
    def test_takes_your_edits_along(self, template: Path, service: Path) -> None:
        """The template moves a file that you edited.

        Happens: The release has a migration: your edits are under the new name. Copier
            asks you to trust it.
        Do: Read `hooks/migrations/` of that version, then `copier update --trust`, or
            `make update TRUST=1`.
        """
        append(OLD, "\n\nclass Mine(NotFound): ...\n")(service)
        committed(service)

        released(template, "v2.0.0", *moving())
        update(service, trust=True)

        assert conflicts(service) == set()
        assert "class Mine(NotFound)" in (service / NEW).read_text()
        assert not (service / OLD).exists()

    def test_is_as_in_a_fresh_copy_when_you_never_touched_it(
        self, template: Path, service: Path, tmp_path: Path
    ) -> None:
        released(template, "v2.0.0", *moving())

        update(service, trust=True)

        assert tree(service) == tree(copy(template, tmp_path / "fresh"))

    def test_is_not_there_when_you_deleted_it(
        self, template: Path, service: Path
    ) -> None:
        """The template moves a file that you deleted.

        Happens: It is there again, under its new name.
        Do: Delete it again.
        """
        delete(OLD)(service)
        committed(service)

        released(template, "v2.0.0", *moving())
        update(service, trust=True)

        assert (service / NEW).exists()


class TestAMigration:
    def test_needs_trust(self, template: Path, service: Path) -> None:
        """The update crosses a version that has a migration.

        Happens: Refused until you trust it. Nothing has changed.
        Do: As above. An update that crosses no such version never asks.
        """
        released(template, "v2.0.0", *moving())
        before = tree(service)

        with pytest.raises(UnsafeTemplateError, match="migrations"):
            update(service)

        assert tree(service) == before

    def test_needs_none_after_its_version(self, template: Path, tmp_path: Path) -> None:
        released(template, "v2.0.0", *moving())
        service = project(template, tmp_path / "newer")
        released(template, "v2.1.0", write("template/app/clock.py", "OURS = 1\n"))

        update(service)

        assert (service / "app/clock.py").exists()

    def test_may_run_twice(self, template: Path, service: Path) -> None:
        append(OLD, "\n\nclass Mine(NotFound): ...\n")(service)
        committed(service)
        released(template, "v2.0.0", *moving())
        update(service, trust=True)
        once = tree(service)

        assert run(template, service) == ""
        assert tree(service) == once
        committed(service)
        assert run(template, service) == ""
        assert status(service) == []

    def test_does_nothing_where_its_work_is_done(
        self, template: Path, service: Path
    ) -> None:
        move(OLD, NEW)(service)
        committed(service)
        released(template, "v2.0.0", *moving())

        assert run(template, service) == ""
        assert status(service) == []


class TestEveryHook:
    @pytest.mark.parametrize(
        "hook", sorted(ROOT.glob("hooks/migrations/*.py")), ids=lambda path: path.name
    )
    def test_needs_the_standard_library_only(self, hook: Path) -> None:
        siblings = {path.stem for path in hook.parent.glob("*.py")}

        assert imported(hook) <= sys.stdlib_module_names | siblings


def run(template: Path, service: Path) -> str:
    """Run the migration as Copier does, and return what it printed."""
    command = [sys.executable, template / "hooks/migrations/v2_0_0.py"]
    done = subprocess.run(
        command, cwd=service, capture_output=True, text=True, check=True
    )
    return done.stdout


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).split(".")[0])
    return names
