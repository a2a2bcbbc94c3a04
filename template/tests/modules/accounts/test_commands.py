"""What an operator does with accounts, at the command line."""

from types import SimpleNamespace

import pytest
from httpx import AsyncClient

from app.modules.accounts.seed import PASSWORD as KNOWN
from app.modules.accounts.seed import SCOPES, seed
from tests.fixtures.service import Bearing, Service
from tests.modules.accounts.conftest import EMAIL, PASSWORD, LogIn, Run


class TestCommands:
    async def test_make_an_admin_and_say_what_happened(
        self, client: AsyncClient, run: Run, log_in: LogIn, bearing: Bearing
    ) -> None:
        await run("create-admin", EMAIL, said=f"{PASSWORD}\n{PASSWORD}\n")

        headers = bearing(await log_in())
        me = await client.get("/v1/accounts/me", headers=headers)
        assert me.json()["scopes"] == "admin"
        told = await run("events", "--of", EMAIL)
        noted = [line.split("\t")[1] for line in told.splitlines() if "\t" in line]
        assert noted == ["logged_in", "admin_created"]

    async def test_say_what_an_account_may_do_from_its_next_log_in_on(
        self, client: AsyncClient, ada: str, run: Run, log_in: LogIn, bearing: Bearing
    ) -> None:
        await run("grant", ada, "reports")

        headers = bearing(await log_in())
        me = await client.get("/v1/accounts/me", headers=headers)
        assert me.json()["scopes"] == "reports"


class TestSeed:
    async def test_lets_an_admin_and_another_log_in(
        self, client: AsyncClient, service: Service, log_in: LogIn, bearing: Bearing
    ) -> None:
        for _ in range(2):
            await seed(service.platform)

        for email, scopes in SCOPES.items():
            headers = bearing(await log_in(KNOWN.get_secret_value(), email))
            me = await client.get("/v1/accounts/me", headers=headers)
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
