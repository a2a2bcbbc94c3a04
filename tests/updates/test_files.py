"""What becomes of a file that you and the template both know."""

from pathlib import Path

from tests.edits import append, replace, write
from tests.updates.projects import committed, conflicts, released, status, told, update

ERRORS = "app/platform/errors.py"
OURS = f"template/{ERRORS}"
LINE = "The errors the domain raises."


class TestAFileThatBothChange:
    def test_is_merged(self, template: Path, service: Path) -> None:
        """You edited a file, and the template edits another part of it.

        Happens: Both edits are there.
        Do: Nothing.
        """
        append(ERRORS, "\n\nclass Mine(NotFound): ...\n")(service)
        write(ERRORS, "# Mine.\n" + told(service, ERRORS))(service)
        committed(service)

        released(
            template,
            "v2.0.0",
            replace(OURS, "There is no such thing", "Nothing is there"),
        )
        update(service)

        assert conflicts(service) == set()
        assert "class Mine(NotFound)" in told(service, ERRORS)
        assert "# Mine." in told(service, ERRORS)
        assert "Nothing is there" in told(service, ERRORS)

    def test_conflicts_where_both_changed_the_same_lines(
        self, template: Path, service: Path
    ) -> None:
        """You edited the lines that the template edits.

        Happens: The file has conflict markers, and Git calls it unmerged: `UU`. All
            other files are updated.
        Do: Resolve it as after `git merge`, then `git add` it.
        """
        replace(ERRORS, LINE, "Mine.")(service)
        committed(service)

        released(
            template,
            "v2.0.0",
            replace(OURS, LINE, "Ours."),
            append("template/Makefile", "\n# Ours.\n"),
        )
        update(service)

        assert conflicts(service) == {ERRORS}
        assert f"UU {ERRORS}" in status(service)
        assert "Mine." in told(service, ERRORS)
        assert "Ours." in told(service, ERRORS)
        assert "# Ours." in told(service, "Makefile")

    def test_is_left_alone_where_both_did_the_same(
        self, template: Path, service: Path
    ) -> None:
        """You made the change that the template makes now.

        Happens: Nothing: it is made once.
        Do: Nothing.
        """
        append(ERRORS, "\n\nclass Same(NotFound): ...\n")(service)
        committed(service)

        released(template, "v2.0.0", append(OURS, "\n\nclass Same(NotFound): ...\n"))
        update(service)

        assert conflicts(service) == set()
        assert told(service, ERRORS).count("class Same") == 1


class TestASeam:
    def test_keeps_a_line_of_yours_beside_one_that_changes(
        self, template: Path, service: Path
    ) -> None:
        """You added a dependency, and another answer changes the list.

        Happens: Yours stays, and the list follows the answer. Next to a line that
            changes there may be a conflict.
        Do: Run `uv lock` afterwards.
        """
        mine = '  "zstandard>=0.25",\n]\n\n[dependency-groups]'
        replace("pyproject.toml", "]\n\n[dependency-groups]", mine)(service)
        committed(service)

        update(service, cache="none", tasks="inline")

        assert conflicts(service) == set()
        assert "zstandard" in told(service, "pyproject.toml")
        assert '"redis' not in told(service, "pyproject.toml")


class TestAFileOfYourOwn:
    def test_is_untouched(self, service: Path) -> None:
        """You added a file, perhaps among those of a choice that you now decline.

        Happens: It stays as it is.
        Do: Nothing.
        """
        write("app/platform/cache/mine.py", "X = 1\n")(service)
        committed(service)

        update(service, cache="none")

        assert told(service, "app/platform/cache/mine.py") == "X = 1\n"

    def test_meets_one_that_the_template_adds(
        self, template: Path, service: Path
    ) -> None:
        """You added a file, and the template adds one of the same name.

        Happens: A conflict with both contents.
        Do: Keep one, or merge them; then `git add` it.
        """
        write("app/clock.py", "MINE = 1\n")(service)
        committed(service)

        released(template, "v2.0.0", write("template/app/clock.py", "OURS = 1\n"))
        update(service)

        assert conflicts(service) == {"app/clock.py"}


class TestAFileThatTheTemplateAdds:
    def test_appears(self, template: Path, service: Path) -> None:
        """The template adds a file.

        Happens: You have it.
        Do: Nothing.
        """
        released(template, "v2.0.0", write("template/app/clock.py", "OURS = 1\n"))

        update(service)

        assert told(service, "app/clock.py") == "OURS = 1\n"
