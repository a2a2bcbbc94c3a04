import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.settings import Settings


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

        for variable in ("DATABASE__URL", "MAIL__URL", "MAIL__SENDER", "LOGGING"):
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
