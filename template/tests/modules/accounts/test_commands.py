"""What an operator does with accounts and keys, at the command line."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import cli
from app.modules.accounts.models import TokenFamily
from app.modules.accounts.seed import PASSWORD as KNOWN
from app.modules.accounts.seed import SCOPES, seed
from tests.fixtures.service import Service
from tests.modules.accounts.conftest import EMAIL, PASSWORD, LogIn
from tests.modules.accounts.test_accounts import bearing, refreshed


class TestCommands:
    @pytest.fixture
    def run(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> Any:
        url = service.platform.settings.database.url.get_secret_value()
        monkeypatch.setenv("DATABASE__URL", url)

        async def run(*words: str, said: str | None = None) -> str:
            ended = await asyncio.to_thread(
                CliRunner().invoke, cli, ["accounts", *words], said
            )
            assert ended.exit_code == 0, ended.output
            return ended.output

        return run

    async def test_make_an_admin_and_say_what_happened(
        self, client: AsyncClient, run: Any, log_in: LogIn
    ) -> None:
        await run("create-admin", EMAIL, said=f"{PASSWORD}\n{PASSWORD}\n")

        tokens = (await log_in()).json()
        me = await client.get("/v1/accounts/me", headers=bearing(tokens))
        assert me.json()["scopes"] == "admin"
        told = await run("events", "--of", EMAIL)
        assert [line.split("\t")[1] for line in told.splitlines() if "\t" in line] == [
            "logged_in",
            "admin_created",
        ]

    async def test_grant_and_revoke(
        self, client: AsyncClient, ada: str, run: Any, log_in: LogIn, service: Service
    ) -> None:
        tokens = (await log_in()).json()
        await run("grant", ada, "reports")
        new = (await refreshed(client, tokens)).json()
        me = await client.get("/v1/accounts/me", headers=bearing(new))

        await run("revoke", ada)

        assert me.json()["scopes"] == "reports"
        assert (await refreshed(client, new)).status_code == 401
        async with service.platform.database.read_session() as session:
            assert all(await session.scalars(select(TokenFamily.revoked_at)))

    async def test_rotate_the_keys(self, client: AsyncClient, run: Any) -> None:
        [before] = (await client.get("/v1/accounts/keys")).json()["keys"]

        said = await run("rotate-keys")

        assert before["kid"] not in said
        assert "signs in 60 seconds" in said


class TestSeed:
    async def test_lets_an_admin_and_another_log_in(
        self, client: AsyncClient, service: Service, log_in: LogIn
    ) -> None:
        for _ in range(2):
            await seed(service.platform)

        for email, scopes in SCOPES.items():
            tokens = (await log_in(KNOWN.get_secret_value(), email)).json()
            me = await client.get("/v1/accounts/me", headers=bearing(tokens))
            assert me.json()["scopes"] == scopes

    @pytest.mark.parametrize("environment", ["staging", "production"])
    async def test_leaves_every_other_place_alone(
        self, service: Service, log_in: LogIn, environment: str
    ) -> None:
        settings = SimpleNamespace(environment=environment)
        database = service.platform.database

        await seed(SimpleNamespace(settings=settings, database=database))

        refused = await log_in(KNOWN.get_secret_value(), next(iter(SCOPES)))
        assert refused.status_code == 401
