"""The command line, on a database of the test's own."""

import pytest
from typer.testing import CliRunner

from app.platform.database import DatabaseSettings


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, database_settings: DatabaseSettings
) -> CliRunner:
    """Give what types commands, as an operator of that database would."""
    monkeypatch.setenv("DATABASE__URL", database_settings.url.get_secret_value())
    return CliRunner()
