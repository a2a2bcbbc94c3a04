"""The command line, on a database of the test's own."""

from typing import Any

import pytest
from typer.testing import CliRunner

from app.platform.database import DatabaseSettings
from app.platform.observability.context import ADMIN
from tests.fixtures.service import Service, Show
from tests.platform.canaries import real_secrets


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, database_settings: DatabaseSettings
) -> CliRunner:
    """Give what types commands, as an operator of that database would."""
    monkeypatch.setenv("DATABASE__URL", database_settings.url.get_secret_value())
    return CliRunner()


@pytest.fixture
async def secrets(
    service: Service, show: Show, request: pytest.FixtureRequest
) -> dict[str, str]:
    """One of each kind of secret that this service makes or is told."""
    paths = (await service.client.get("/openapi.json")).json()["paths"]
    accounts: Any = None
    if "/v1/accounts" in paths:
        accounts = request.getfixturevalue("ask_log_in")
    return await real_secrets(service, await show(service.platform, ADMIN), accounts)
