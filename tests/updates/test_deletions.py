"""What becomes of a file that you or the template delete or rename."""

from pathlib import Path

from tests.conftest import git
from tests.edits import append, delete, move
from tests.updates.projects import committed, released, status, told, update

ERRORS = "app/platform/errors.py"
OURS = f"template/{ERRORS}"


class TestAFileThatTheTemplateDeletes:
    def test_leaves(self, template: Path, service: Path) -> None:
        """The template deletes a file that you never touched.

        Happens: It is deleted.
        Do: Nothing.
        """
        released(template, "v2.0.0", delete(OURS))

        update(service)

        assert status(service) == [" M .copier-answers.yml", f" D {ERRORS}"]

    def test_stays_when_the_release_keeps_it_for_those_who_edited_it(
        self, template: Path, service: Path
    ) -> None:
        """The template deletes a file that you may have edited.

        Happens: Its release lists the file in `_exclude`: it stays, with your edits,
            and is yours from then on.
        Do: Delete it when the release notes say that you do not need it.
        """
        append(ERRORS, "\n\nclass Mine(NotFound): ...\n")(service)
        committed(service)

        keep = append("questions/ownership.yml", f"  - /{ERRORS}\n")
        released(template, "v2.0.0", delete(OURS), keep)
        update(service)

        assert "class Mine(NotFound)" in told(service, ERRORS)

    def test_leaves_with_your_edits_when_you_decline_it(self, service: Path) -> None:
        """You edited a file of a choice that you now decline.

        Happens: It is deleted with your edits, without a conflict. Git still has it.
        Do: Look for ` D` in `git status`, as `make update` does for you; `git show
            HEAD:FILE` shows what it was, `git restore FILE` brings it back.
        """
        name = "app/platform/cache/redis.py"
        append(name, "\n# Mine.\n")(service)
        committed(service)

        update(service, cache="none")

        assert f" D {name}" in status(service)
        assert "# Mine." in git(service, "show", f"HEAD:{name}")


class TestAFileThatYouDeleted:
    def test_stays_deleted(self, template: Path, service: Path) -> None:
        """You deleted a file, and the template changes it.

        Happens: It stays deleted.
        Do: Nothing.
        """
        delete(ERRORS)(service)
        committed(service)

        released(template, "v2.0.0", append(OURS, "\n# Ours.\n"))
        update(service)

        assert not (service / ERRORS).exists()

    def test_comes_back_with_a_choice_that_comes_back(self, service: Path) -> None:
        """You deleted a file of a choice, declined the choice, and take it again.

        Happens: The file is there again.
        Do: Delete it again.
        """
        name = "docs/adapters/cache-redis.md"
        delete(name)(service)
        committed(service)
        update(service, cache="none")

        update(committed(service), cache="redis")

        assert (service / name).exists()


class TestAFileThatYouRenamed:
    def test_no_longer_hears_from_the_template(
        self, template: Path, service: Path
    ) -> None:
        """You renamed a file, and the template changes it.

        Happens: Yours stays as it is, and the old name stays away: the change does not
            reach you.
        Do: Do not rename rendered files. If you must, make the changes that the release
            notes name by hand.
        """
        move(ERRORS, "app/platform/problems.py")(service)
        committed(service)

        released(template, "v2.0.0", append(OURS, "\n# Ours.\n"))
        update(service)

        assert not (service / ERRORS).exists()
        assert "# Ours." not in told(service, "app/platform/problems.py")
