"""`make update` in a service, without the checks at its end."""

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import git
from tests.edits import append, delete, move, replace, write
from tests.updates.commands import COPIER, go_back, make_update
from tests.updates.projects import (
    RECORD,
    clone,
    committed,
    conflicts,
    project,
    released,
    status,
    tree,
)
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

        run = make_update(service, copier=COPIER)

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
        assert f"The template is not at {template}" in run.stderr
        assert "make update SOURCE=" in run.stderr
        assert run.stderr.count("\n") == 1
        assert status(service) == []

    @pytest.mark.usefixtures("next_release")
    def test_finds_a_template_that_has_moved(
        self, template: Path, service: Path
    ) -> None:
        template.rename(template.parent / "elsewhere")

        shown = make_update(service, "--dry-run", "--source=../elsewhere")
        assert "?? app/clock.py" in shown.stdout
        assert status(service) == []

        run = make_update(service, "--source=../elsewhere")
        assert run.returncode == 0, run.stderr
        assert (service / "app/clock.py").exists()
        assert (
            f"_src_path: {template.parent}/elsewhere\n"
            in (service / RECORD).read_text()
        )

    def test_notes_where_the_template_is_though_nothing_is_new(
        self, template: Path, service: Path
    ) -> None:
        template.rename(template.parent / "elsewhere")

        run = make_update(service, "--source=../elsewhere")

        assert run.returncode == 0, run.stderr
        assert status(service) == [f" M {RECORD}"]
        assert f"{RECORD} says where the template is: commit it." in run.stdout

    @pytest.mark.usefixtures("next_release")
    def test_a_source_that_is_none_leaves_the_record_alone(self, service: Path) -> None:
        run = make_update(service, "--source=file:///nowhere/strata.git")

        assert run.returncode == 1
        assert status(service) == []

    @pytest.mark.usefixtures("next_release")
    def test_finds_a_relative_path_from_the_folders_above(self, service: Path) -> None:
        """The record of a service that Copier was told of as `strata`."""
        record = (service / RECORD).read_text()
        relative = re.sub("(?m)^_src_path: .*$", "_src_path: strata", record)
        write(RECORD, relative)(service)
        committed(service)

        shown = make_update(service, "--dry-run")
        assert "?? app/clock.py" in shown.stdout, shown.stderr
        assert status(service) == []

        run = make_update(service)
        assert run.returncode == 0, run.stderr
        assert (service / "app/clock.py").exists()
        assert "_src_path: /" in (service / RECORD).read_text()

    def test_needs_a_version_where_none_is_on_record(
        self, template: Path, tmp_path: Path, next_release: Path
    ) -> None:
        """The service was rendered from a folder that Git did not know."""
        plain = clone(template, tmp_path / "plain")
        git(plain, "switch", "--quiet", "--detach", "v1.0.0")
        shutil.rmtree(plain / ".git")
        service = project(plain, tmp_path / "theirs")

        refused = make_update(service)
        assert refused.returncode == 1
        assert "make update SOURCE=URL FROM=v1.0.0" in refused.stderr
        assert refused.stderr.count("\n") == 1
        assert status(service) == []

        source = f"--source={next_release}"
        run = make_update(service, source, "--from=v1.0.0")
        assert run.returncode == 0, run.stderr
        assert (service / "app/clock.py").exists()
        assert "_commit: v2.0.0" in (service / RECORD).read_text()


HOSTILE = """
[color]
ui = always
status = always
diff = always
[core]
quotePath = false
pager = false
hooksPath = {hooks}
attributesFile = {attributes}
autocrlf = true
[status]
showUntrackedFiles = no
short = true
branch = true
relativePaths = false
[diff]
noprefix = true
external = false
[column]
ui = always
[log]
showSignature = true
[apply]
whitespace = error
[merge]
conflictStyle = diff3
[init]
templateDir = {hooks}
[clone]
defaultRemoteName = theirs
[commit]
gpgSign = true
[advice]
statusHints = true
"""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's Git that colours, hides, signs, refuses, and is used within a hook."""
    hooks = tmp_path / "hooks"
    for name in ("pre-commit", "prepare-commit-msg", "post-checkout", "commit-msg"):
        write(name, "#!/bin/sh\nexit 1\n")(hooks)
        (hooks / name).chmod(0o755)
    attributes = tmp_path / "attributes"
    attributes.write_text("* diff=theirs -text\n")
    settings = tmp_path / "gitconfig"
    settings.write_text(HOSTILE.format(hooks=hooks, attributes=attributes))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "no-repository"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    monkeypatch.setenv("GIT_PAGER", "false")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'color.status'='always'")


class TestAHostileGit:
    """Whatever a user has told Git, an update says what it would say to anybody."""

    def test_conflicts_are_found_and_said(
        self, next_release: Path, service: Path, request: pytest.FixtureRequest
    ) -> None:
        replace("Makefile", "# `make` alone", "# Mine")(service)
        write("notes/größe und 'maß'.txt", "Mine.\n")(service)
        committed(service)
        change = replace("template/Makefile", "# `make` alone", "# Ours")
        released(next_release, "v2.1.0", change)
        request.getfixturevalue("hostile")

        run = make_update(service)

        assert run.returncode == 1, run.stdout
        assert "The template: 1.0.0 -> 2.1.0" in run.stdout
        assert "+bell: true" in run.stdout
        assert "UU Makefile" in run.stdout
        assert "?? app/clock.py" in run.stdout
        assert "\n   D dev/find-python" in run.stdout
        assert "In conflict: both of you changed the same lines" in run.stdout
        assert "Resolve the conflicts" in run.stderr
        assert not list(service.rglob("*.rej"))

    @pytest.mark.usefixtures("next_release")
    def test_a_dirty_tree_is_refused(
        self, service: Path, request: pytest.FixtureRequest
    ) -> None:
        write("notes.txt", "Mine.\n")(service)
        request.getfixturevalue("hostile")

        run = make_update(service)

        assert run.returncode == 1
        assert run.stderr.startswith("Commit or stash")

    @pytest.mark.usefixtures("next_release")
    def test_it_is_shown_as_it_would_be(
        self, service: Path, request: pytest.FixtureRequest
    ) -> None:
        request.getfixturevalue("hostile")

        run = make_update(service, "--dry-run")

        assert run.returncode == 0, run.stderr
        assert "?? app/clock.py" in run.stdout
        assert "Nothing has changed here" in run.stdout
