"""When an update does not begin."""

from pathlib import Path

import pytest
from copier.errors import UserMessageError

from tests.conftest import copy
from tests.edits import Edit, append, replace, write
from tests.updates.projects import committed, project, released, tree, update


class TestADirtyTree:
    @pytest.mark.parametrize(
        "edit", [append("README.md", "Mine.\n"), write("notes.txt", "Mine.\n")]
    )
    def test_is_refused(self, service: Path, edit: Edit) -> None:
        """Something is not committed, be it changed or new.

        Happens: Refused: `Destination repository is dirty`. Nothing has changed.
        Do: `git commit` or `git stash -u`, then update.
        """
        edit(service)
        before = tree(service)

        with pytest.raises(UserMessageError, match="repository is dirty"):
            update(service)

        assert tree(service) == before


class TestADowngrade:
    def test_is_refused(self, template: Path, tmp_path: Path) -> None:
        """The version asked for is older than the one you have.

        Happens: Refused: `Downgrades are not supported`. Nothing has changed.
        Do: `git revert` the commit of the update.
        """
        released(template, "v2.0.0", append("template/Makefile", "# Two.\n"))
        service = project(template, tmp_path / "newer")

        with pytest.raises(UserMessageError, match="Downgrades are not supported"):
            update(service, to="v1.0.0")


class TestNoRepository:
    def test_is_refused(self, template: Path, tmp_path: Path) -> None:
        """The service is not in a Git repository.

        Happens: Refused: `only supported in git-tracked subprojects`.
        Do: `git init`, commit what you have, then update.
        """
        service = copy(template, tmp_path / "plain")

        with pytest.raises(UserMessageError, match="git-tracked subprojects"):
            update(service)


class TestNoVersion:
    def test_is_refused(self, folder: Path, tmp_path: Path) -> None:
        """The service was rendered from a plain folder of the template, not from Git.

        Happens: Refused: `cannot obtain old template references`.
        Do: `make update SOURCE=URL FROM=v1.0.0` names the repository, and the version
            that the folder had.
        """
        service = project(folder, tmp_path / "plain", tasks="inline", cache="none")

        with pytest.raises(UserMessageError, match="cannot obtain old template"):
            update(service)


class TestARelativeAddress:
    def test_is_not_found(self, template: Path, tmp_path: Path) -> None:
        """The path of the template on record leads nowhere, or is relative.

        Happens: `copier update` says `Local template must be a directory`.
            `make update` looks from the folders above, or says what to type.
        Do: `make update SOURCE=path/or/url` finds it, and records the whole path.
        """
        service = project(template, tmp_path / "service")
        absolute = f"_src_path: {template}"
        replace(".copier-answers.yml", absolute, "_src_path: strata")(service)
        with pytest.raises(ValueError, match="Local template must be a directory"):
            update(committed(service))

        replace(".copier-answers.yml", "_src_path: strata", absolute)(service)

        update(committed(service))


class TestAWrongAnswer:
    def test_is_refused(self, service: Path) -> None:
        """`--data` names no question, or an answer that is not to be had.

        Happens: Refused in one sentence that names the question. Nothing has changed.
        Do: See docs/reference/questions.md.
        """
        before = tree(service)

        with pytest.raises(UserMessageError, match="cache takes none or redis"):
            update(service, cache="memcached")

        assert tree(service) == before


class TestAPrerelease:
    def test_is_not_taken(self, template: Path, service: Path) -> None:
        """The newest tag is a prerelease.

        Happens: It is passed over.
        Do: `copier update --prereleases` takes it.
        """
        released(template, "v2.0.0rc1", write("template/app/clock.py", "OURS = 1\n"))

        update(service)

        assert not (service / "app/clock.py").exists()
