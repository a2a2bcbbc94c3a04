"""`make update` in a service, without the checks at its end."""

from pathlib import Path

import pytest

from tests.edits import append, delete, move, replace, write
from tests.updates.commands import go_back, make_update
from tests.updates.projects import committed, conflicts, project, released, status, tree
from tests.updates.test_hooks import MIGRATIONS, SCRIPT, insert_settings

NOTES = """# Changelog

## Unreleased

- Not yet.

## 2.0.0

- A clock.

## 1.5.0 - 2027-01-31

- A watch.

## 1.0.0

- The first.
"""


@pytest.fixture
def next_release(template: Path, service: Path) -> Path:
    """Version 2.0.0 with notes, when the service has 1.0.0."""
    return released(
        template,
        "v2.0.0",
        write("CHANGELOG.md", NOTES),
        write("template/app/clock.py", "OURS = 1\n"),
        delete("template/dev/find-python"),
        append("questions/extras.yml", "\nbell:\n  type: bool\n  default: true\n"),
        replace("questions/choices.yml", "    ci:", "    bell: switch\n    ci:"),
    )


class TestMakeUpdate:
    def test_says_when_nothing_is_new(self, service: Path) -> None:
        run = make_update(service)

        assert run.returncode == 0
        assert run.stdout == "This is the template's newest version: 1.0.0.\n"

    @pytest.mark.usefixtures("next_release")
    def test_refuses_a_dirty_tree(self, service: Path) -> None:
        write("notes.txt", "Mine.\n")(service)

        run = make_update(service)

        assert run.returncode == 1
        assert run.stderr.startswith("Commit or stash")
        assert run.stderr.count("\n") == 1

    @pytest.mark.usefixtures("next_release")
    def test_shows_what_changed_and_how_to_go_back(self, service: Path) -> None:
        before = tree(service)

        run = make_update(service)

        assert run.returncode == 0, run.stderr
        assert "The template: 1.0.0 -> 2.0.0" in run.stdout
        assert "- A clock." in run.stdout
        assert "- A watch." in run.stdout
        assert "- The first." not in run.stdout
        assert "- Not yet." not in run.stdout
        assert "+bell: true" in run.stdout
        assert "?? app/clock.py" in run.stdout
        assert "Deleted, with your edits" in run.stdout
        go_back(service, run.stdout)
        assert tree(service) == before
        assert status(service) == []

    @pytest.mark.usefixtures("next_release")
    def test_only_shows_when_asked_to(self, service: Path) -> None:
        before = tree(service)

        run = make_update(service, "--dry-run")

        assert "?? app/clock.py" in run.stdout
        assert "Nothing has changed here" in run.stdout
        assert tree(service) == before
        assert status(service) == []

    @pytest.mark.parametrize(("passes", "said"), [("true", ""), ("false", "go back")])
    def test_locks_and_checks_at_the_end(
        self, template: Path, service: Path, tmp_path: Path, passes: str, said: str
    ) -> None:
        calls = f"setup check:\n\t@echo $@ >>{tmp_path}/calls; {passes}\n"
        write("Makefile", calls)(service)
        committed(service)
        uv = tmp_path / "uv"
        uv.write_text(f"#!/bin/sh\necho $@ >>{tmp_path}/calls\n")
        uv.chmod(0o755)
        more = "- idna>=3\n      - httpx>="
        change = replace("questions/computed.yml", "- httpx>=", more)
        released(template, "v2.0.0", change)

        run = make_update(service, checked_by=uv)

        ran = (tmp_path / "calls").read_text().split()
        assert ran[:2] == ["lock", "setup"]
        assert said in run.stderr
        assert run.returncode == (1 if said else 0)

    def test_names_what_is_in_conflict(self, next_release: Path, service: Path) -> None:
        replace("Makefile", "# `make` alone", "# Mine")(service)
        committed(service)
        change = replace("template/Makefile", "# `make` alone", "# Ours")
        released(next_release, "v2.1.0", change)
        before = tree(service)

        run = make_update(service)

        assert run.returncode == 1
        assert "UU Makefile" in run.stdout
        assert "Resolve the conflicts" in run.stderr
        assert conflicts(service) == {"Makefile"}
        go_back(service, run.stdout)
        assert tree(service) == before
        assert status(service) == []

    def test_asks_for_trust_where_there_is_a_migration(
        self, template: Path, service: Path
    ) -> None:
        old, new = "app/platform/errors.py", "app/platform/problems.py"
        released(
            template,
            "v2.0.0",
            move(f"template/{old}", f"template/{new}"),
            write("hooks/migrations/v2_0_0.py", SCRIPT),
            insert_settings(MIGRATIONS),
        )

        refused = make_update(service)
        assert refused.returncode == 1
        assert "make update TRUST=1" in refused.stderr
        assert status(service) == []

        assert make_update(service, "--trust").returncode == 0
        assert (service / new).exists()

    def test_says_when_there_are_no_notes(self, template: Path, service: Path) -> None:
        released(template, "v2.0.0", write("template/app/clock.py", "OURS = 1\n"))

        run = make_update(service, "--dry-run")

        assert run.returncode == 0
        assert "release notes cannot be read" in run.stdout

    def test_works_in_a_folder_of_a_repository(
        self, template: Path, tmp_path: Path
    ) -> None:
        service = project(template, tmp_path / "whole/services/shop")
        (service / ".git").rename(tmp_path / "whole/.git")
        committed(tmp_path / "whole")
        released(template, "v2.0.0", write("template/app/clock.py", "OURS = 1\n"))

        shown = make_update(service, "--dry-run")

        assert "?? app/clock.py" in shown.stdout
        assert make_update(service).returncode == 0
        assert (service / "app/clock.py").exists()

    def test_says_when_the_template_is_gone(
        self, template: Path, service: Path
    ) -> None:
        template.rename(template.parent / "elsewhere")

        run = make_update(service)

        assert run.returncode == 1
        assert "Copier cannot look for a newer version" in run.stderr
