"""Where a service lives, and the files that no merge can serve."""

from pathlib import Path

import pytest
import yaml

from tests.conftest import copy, git
from tests.edits import Edit, append, delete, replace, write
from tests.updates.projects import (
    committed,
    conflicts,
    project,
    released,
    status,
    update,
)
from variants import ROOT

PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00ours"
NEWER_PICTURE = PICTURE + b"\x00newer"
YOURS = PICTURE + b"\x00yours"


class TestABinary:
    def test_is_yours_once_you_have_it(self, template: Path, tmp_path: Path) -> None:
        """You replaced a binary that the template brought, such as a picture.

        Happens: It stays yours: every binary is listed in `_skip_if_exists`.
        Do: Delete it before an update to get the template's newest.
        """
        drawing(PICTURE)(template)
        skip = "_skip_if_exists: [uv.lock, logo.png]"
        released(
            template,
            "v1.1.0",
            replace("copier.yml", "_skip_if_exists: [uv.lock]", skip),
        )
        service = project(template, tmp_path / "service")
        (service / "logo.png").write_bytes(YOURS)
        committed(service)

        released(template, "v2.0.0", drawing(NEWER_PICTURE))
        update(service)

        assert (service / "logo.png").read_bytes() == YOURS

    def test_is_listed(self, folder: Path) -> None:
        settings = (ROOT / "copier.yml").read_text()
        _, _, listed = settings.partition("_skip_if_exists:")
        kept = yaml.safe_load(listed.splitlines()[0])

        for path in (folder / "template").rglob("*"):
            if path.is_file() and b"\0" in path.read_bytes():
                assert path.name in kept, f"{path} needs a line in _skip_if_exists"


class TestTheLock:
    def test_is_yours(self, template: Path, service: Path) -> None:
        """The template locks newer packages, or your `uv.lock` has others.

        Happens: Yours stays as it is.
        Do: `uv lock` when `pyproject.toml` changed; `make update` does it.
        """
        write("uv.lock", "mine\n")(service)
        committed(service)

        released(template, "v2.0.0", append("template/uv.lock", "# ours\n"))
        update(service)

        assert (service / "uv.lock").read_text() == "mine\n"

    def test_comes_back_when_it_is_gone(self, service: Path) -> None:
        """You deleted `uv.lock`, or another file of `_skip_if_exists`.

        Happens: It is there again.
        Do: Nothing.
        """
        delete("uv.lock")(service)
        committed(service)

        update(service)

        assert (service / "uv.lock").exists()


class TestYourEnvironment:
    def test_is_untouched(self, template: Path, service: Path) -> None:
        """You have a `.env`, and the template changes `.env.example`.

        Happens: `.env` stays; the example is merged.
        Do: See in the diff of `.env.example` whether a variable is new.
        """
        write(".env", "SECRET=1\n")(service)
        assert status(service) == []

        released(template, "v2.0.0", append("template/.env.example.jinja", "NEW=1\n"))
        update(service)

        assert (service / ".env").read_text() == "SECRET=1\n"
        assert "NEW=1" in (service / ".env.example").read_text()

    def test_no_rendered_file_is_ignored_by_git(
        self, checkout: Path, tmp_path: Path
    ) -> None:
        service = project(checkout, tmp_path / "service")

        # Copier would overwrite it: Git, which it asks, does not see such a file.
        assert git(service, "status", "--porcelain", "--ignored") == ""


class TestLineEndings:
    @pytest.mark.parametrize("autocrlf", ["true", "input"])
    def test_do_not_conflict(
        self, template: Path, service: Path, tmp_path: Path, autocrlf: str
    ) -> None:
        """Your Git turns line endings into CRLF.

        Happens: Not here: `.gitattributes` keeps LF, and the update merges.
        Do: Keep `* text=auto eol=lf` in `.gitattributes`.
        """
        colleague = tmp_path / "colleague"
        setting = f"core.autocrlf={autocrlf}"
        git(
            tmp_path, "clone", "--quiet", "--config", setting, str(service), "colleague"
        )
        assert b"\r\n" not in (colleague / "Makefile").read_bytes()
        append("Makefile", "\n# Mine.\n")(colleague)
        committed(colleague)

        change = replace("template/Makefile", "# `make` alone", "# Just `make`")
        released(template, "v2.0.0", change)
        update(colleague)

        assert conflicts(colleague) == set()
        assert b"\r\n" not in (colleague / "Makefile").read_bytes()


class TestASubfolder:
    def test_is_updated_by_itself(self, template: Path, tmp_path: Path) -> None:
        """The service is a folder of a larger repository.

        Happens: It is updated; nothing beside it changes.
        Do: Type `copier update` in that folder.
        """
        whole = tmp_path / "whole"
        copy(template, whole / "services/shop")
        write("README.md", "The whole.\n")(whole)
        git(whole, "init", "--quiet")
        append("services/shop/Makefile", "\n# Mine.\n")(whole)
        committed(whole)

        change = replace("template/Makefile", "# `make` alone", "# Just `make`")
        released(template, "v2.0.0", change)
        update(whole / "services/shop")

        makefile = (whole / "services/shop/Makefile").read_text()
        assert "# Just `make`" in makefile
        assert "# Mine." in makefile
        changed = {line[3:] for line in status(whole)}
        assert changed == {
            "services/shop/.copier-answers.yml",
            "services/shop/Makefile",
        }


class TestAMode:
    def test_is_kept(self, template: Path, service: Path) -> None:
        """You made a file executable.

        Happens: It stays executable.
        Do: Nothing.
        """
        (service / "dev/find-python").chmod(0o755)
        committed(service)

        released(template, "v2.0.0", append("template/dev/find-python", "# Ours.\n"))
        update(service)

        assert (service / "dev/find-python").stat().st_mode & 0o111


def drawing(picture: bytes) -> Edit:
    return lambda where: (where / "template/logo.png").write_bytes(picture)
