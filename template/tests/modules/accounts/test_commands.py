"""What an operator does with accounts, at the command line."""

from httpx import AsyncClient

from tests.fixtures.service import Bearing
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
