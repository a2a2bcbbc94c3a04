from collections.abc import Iterator

import pytest
from pydantic import Field, SecretStr

from app.platform.configuration import SECTION, Refusal, Section, ServiceSettings


class Shelf(Section):
    key: SecretStr
    boards: int = Field(3, ge=1)
    height_ms: int = 5

    def unsafe(self) -> Iterator[Refusal]:
        if self.boards > 9:
            yield Refusal("boards", "are too many")
            yield Refusal("height_ms", "is too low for them")


class Furnished(ServiceSettings):
    shelf: Shelf = SECTION
    other: Shelf = SECTION


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Furnished.model_config, "env_file", None)
    monkeypatch.delenv("ENVIRONMENT", raising=False)
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

    def test_names_a_section_that_is_no_section(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SHELF", "{hush")

        [sentence] = refusals()

        assert '"shelf"' in sentence

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
