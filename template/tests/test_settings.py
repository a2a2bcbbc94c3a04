"""What the settings say of themselves, and what they refuse at start."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, HttpUrl, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from app.cli import cli
from app.platform.configuration import Section
from app.platform.configuration.section import HEADING, describe, rewrite
from app.platform.configuration.url import KNOWN_TO_ALL
from app.settings import Settings

SERVICE = Path(__file__).parents[1]


class TestPage:
    def test_says_what_the_code_says(self) -> None:
        page = (SERVICE / "docs/settings.md").read_text()

        assert page.endswith(f"\n\n{describe(Settings)}"), (
            "Run `uv run python -m app.cli settings`."
        )

    def test_has_a_table_that_can_be_written_anew(self, tmp_path: Path) -> None:
        (tmp_path / "page.md").write_text(f"Before\n\n{HEADING}| old |\n")

        rewrite(tmp_path / "page.md", Settings)

        page = (tmp_path / "page.md").read_text()
        assert page == f"Before\n\n{describe(Settings)}"

    def test_explains_every_setting(self) -> None:
        for row in describe(Settings).splitlines():
            assert not row.endswith("|  |"), f"Write a line under the field of {row}"


SECRET = re.compile(r"password|passphrase|secret|token|(^|_)key$|(^|_)url$")


class TestSecrets:
    def test_are_not_shown_by_accident(self) -> None:
        for name, field in _fields(Settings):
            if SECRET.search(name):
                kinds = set(_kinds(field.annotation))
                # The address of a web server, which is refused if it has a password.
                assert kinds & {SecretStr, HttpUrl}, f"{name} is to be a SecretStr."

    def test_are_refused_where_they_would_be_shown(self) -> None:
        class Carrier(Section):
            address: HttpUrl | None = None

        with pytest.raises(ValidationError, match="SecretStr"):
            Carrier(address=HttpUrl("https://shop:password@carrier.example"))


PLACES = ("compose.yaml", ".env.example", "README.md", "ops", "docs")


class TestStart:
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_is_refused_with_what_only_development_has(
        self, monkeypatch: pytest.MonkeyPatch, environment: str
    ) -> None:
        monkeypatch.setenv("ENVIRONMENT", environment)
        monkeypatch.setenv("LOGGING__FORMAT", "console")
        monkeypatch.delenv("MAIL__URL", raising=False)

        with pytest.raises(SystemExit) as refused:
            Settings.load()

        for variable in ("DATABASE__URL", "MAIL__URL", "LOGGING", "WEB__HOSTS"):
            assert f"\n  {variable}" in str(refused.value)

    def test_of_a_migration_needs_the_database_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE__URL", "")
        monkeypatch.setenv("DATABASE__POOL_SIZE", "many")
        monkeypatch.setenv("WEB__MAX_BODY_BYTES", "much")

        ended = CliRunner().invoke(cli, ["migrate"])

        heading, *refusals = ended.output.splitlines()
        assert ended.exit_code == 1
        assert "docs/settings.md" in heading
        assert [line.split()[0] for line in refusals] == [
            "DATABASE__URL",
            "DATABASE__POOL_SIZE:",
        ]


class TestSurroundings:
    @pytest.mark.parametrize("value", ["/var/mail/ada", "{", "[1]"])
    def test_do_not_disturb(self, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        for section in Settings.model_fields.keys() - {"environment", "service_name"}:
            monkeypatch.setenv(section.upper(), value)

        assert Settings.load().environment == "development"

    def test_may_leave_optional_settings_empty(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LOGGING__LEVEL", "")
        monkeypatch.setenv("LOGGING__FORMAT", "Console")

        assert Settings.load().logging.format == "console"

    def test_have_slips_that_are_explained(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE__POOLSIZE", "3")

        with pytest.raises(SystemExit, match="DATABASE__POOL_SIZE is") as refused:
            Settings.load()

        assert "DATABASE__POOLSIZE is no setting" in str(refused.value)


class TestPasswords:
    def test_that_this_repository_shows_are_refused(self) -> None:
        shown = re.compile(r"PASSWORD:-([^}]+)}|://[^/\s`@:]*:([\w-]+)@")
        found = {
            word
            for place in [*map(SERVICE.joinpath, PLACES), *SERVICE.glob(".git?*")]
            for file in _texts(place)
            for pair in shown.findall(file)
            for word in pair
            if word
        }

        assert "local-only" in found
        assert found <= KNOWN_TO_ALL, found - KNOWN_TO_ALL


def _fields(owner: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in owner.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _fields(kind)
        else:
            yield name, field


def _kinds(annotation: Any) -> Iterator[Any]:
    named = getattr(annotation, "__value__", annotation)
    inner = get_args(named)
    yield named
    for each in inner:
        yield from _kinds(each)


def _texts(place: Path) -> Iterator[str]:
    files = [place] if place.is_file() else place.rglob("*.*")
    return (file.read_text() for file in files if file.is_file())
