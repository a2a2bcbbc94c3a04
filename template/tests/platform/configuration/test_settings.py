from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, SecretStr

from app.platform.configuration import (
    SECTION,
    Refusal,
    Section,
    ServiceSettings,
    variables,
)


class Shelf(Section):
    key: SecretStr
    boards: int = Field(3, ge=1)
    height_ms: int = 5
    wood: Literal["OAK", "ash"] = "ash"
    lamp: int | None = None

    def unsafe(self) -> Iterator[Refusal]:
        if self.boards > 9:
            yield Refusal("boards", "are too many")
            yield Refusal("height_ms", "is too low for them")


class Furnished(ServiceSettings):
    shelf: Shelf = SECTION
    other: Shelf = SECTION


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELF__KEY", "hush")
    monkeypatch.setenv("OTHER__KEY", "hush")


def refusals() -> list[str]:
    """The sentences with which a start is refused."""
    with pytest.raises(SystemExit) as refused:
        Furnished.load()
    _, *sentences = str(refused.value).split("\n  ")
    assert "hush" not in str(refused.value)
    return sentences


class TestLoad:
    def test_names_what_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SHELF__KEY")

        assert refusals() == ["SHELF__KEY is missing."]

    def test_names_what_is_malformed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SHELF__BOARDS", "hush")

        [sentence] = refusals()

        assert sentence.startswith("SHELF__BOARDS: Input should be a valid integer")

    def test_names_an_environment_that_there_is_not(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ENVIRONMENT", "prod")
        monkeypatch.setenv("SHELF__BOARDS", "10")

        [sentence] = refusals()

        assert sentence.startswith("ENVIRONMENT: Input should be 'development'")

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_names_all_at_once(
        self, monkeypatch: pytest.MonkeyPatch, environment: str
    ) -> None:
        monkeypatch.setenv("ENVIRONMENT", environment)
        monkeypatch.setenv("SHELF__BOARDS", "10")
        monkeypatch.delenv("OTHER__KEY")
        monkeypatch.setenv("OTHER__BOARDS", "0")

        assert refusals() == [
            "SHELF__BOARDS are too many.",
            "SHELF__HEIGHT_MS is too low for them.",
            "OTHER__KEY is missing.",
            "OTHER__BOARDS: Input should be greater than or equal to 1.",
        ]

    def test_lets_development_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SHELF__BOARDS", "10")

        assert Furnished.load().shelf.boards == 10

    @pytest.mark.parametrize("value", ["/var/mail/ada", "{hush", "[]", '{"boards": 9}'])
    @pytest.mark.parametrize("name", ["SHELF", "shelf", "Other"])
    def test_leaves_a_bare_section_to_whoever_logged_in(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)

        assert Furnished.load().shelf.boards == 3

    def test_takes_an_empty_variable_for_absent(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("ENVIRONMENT", "SHELF__LAMP", "SHELF__BOARDS", "SHELF__WOOD"):
            monkeypatch.setenv(name, "")

        settings = Furnished.load()

        assert settings.environment == "development"
        assert settings.shelf == Shelf(key=SecretStr("hush"))

    def test_reads_a_choice_in_any_spelling(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ENVIRONMENT", "Staging")
        monkeypatch.setenv("SHELF__WOOD", "oak")
        monkeypatch.setenv("OTHER__WOOD", "ASH")

        settings = Furnished.load()

        assert settings.environment == "staging"
        assert (settings.shelf.wood, settings.other.wood) == ("OAK", "ash")


class TestNames:
    @pytest.mark.parametrize(
        "name", ["SHELF__BOARD", "shelf__board", "SHELF__HEIGHTMS", "OTHER__BORADS"]
    )
    def test_that_are_slips_are_refused(
        self, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "4")

        [sentence] = refusals()

        assert sentence.startswith(f"{name} is no setting: ")

    def test_that_are_slips_in_the_file_are_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        tmp_path.joinpath(".env").write_text("SHELF__BOARD=4\n")
        monkeypatch.setenv("SERVICE_ENV_FILE", str(tmp_path / ".env"))

        assert refusals() == ["SHELF__BOARD is no setting: SHELF__BOARDS is."]

    def test_are_said_with_what_is_missing_for_them(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SHELF__KEY")
        monkeypatch.setenv("SHELFS__KEY", "hush")

        assert refusals() == [
            "SHELF__KEY is missing.",
            "SHELFS__KEY is no setting; perhaps SHELF__KEY is meant.",
        ]

    def test_of_another_version_are_only_mentioned(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("SHELF__DOORS", "2")
        monkeypatch.setenv("GIT__CONFIG", "2")
        monkeypatch.setenv("__SHELF__", "2")

        Furnished.load()

        assert capsys.readouterr().err.split("\n")[0].startswith("SHELF__DOORS is no")
        assert capsys.readouterr().err == ""


class TestVariables:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Make a service's folder of a test's own, and work beside it."""
        folder = tmp_path / "service"
        folder.mkdir()
        monkeypatch.delenv("SERVICE_ENV_FILE")
        monkeypatch.setattr("app.platform.configuration.settings.FOLDER", folder)
        monkeypatch.chdir(tmp_path)
        return folder

    def test_are_those_of_the_file_in_the_folder_of_the_service_alone(
        self, folder: Path
    ) -> None:
        for place in (folder.parent, folder.parent.parent):
            place.joinpath(".env").write_text("SHELF__BOARDS=7\n")
        assert "SHELF__BOARDS" not in variables()

        folder.joinpath(".env").write_text("SHELF__BOARDS=5\n")

        assert Furnished.load().shelf.boards == 5

    def test_come_from_the_environment_first(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder.joinpath(".env").write_text("SHELF__BOARDS=5\nSHELF__LAMP=6\n")
        monkeypatch.setenv("SHELF__BOARDS", "8")
        monkeypatch.setenv("SHELF__LAMP", "")

        shelf = Furnished.load().shelf

        assert (shelf.boards, shelf.lamp) == (8, None)
