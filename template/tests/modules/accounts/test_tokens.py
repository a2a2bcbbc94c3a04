"""Tokens are given for a password, exchanged once each, and ended."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import func, select, update

from app.platform.identity.models import TokenFamily
from tests.fixtures.service import Bearing, Service
from tests.modules.accounts.conftest import PASSWORD, Events, LogIn, Run


async def refreshed(client: AsyncClient, tokens: dict[str, Any]) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    return await client.post("/v1/accounts/token", data=form)


class TestRefresh:
    async def test_gives_new_tokens_for_old_ones(
        self, client: AsyncClient, ada: str, log_in: LogIn
    ) -> None:
        tokens = (await log_in()).json()

        new = (await refreshed(client, tokens)).json()

        assert new["refresh_token"] != tokens["refresh_token"]
        assert (await refreshed(client, new)).status_code == 200

    async def test_ends_the_family_when_a_token_comes_twice(
        self, client: AsyncClient, ada: str, events: Events, log_in: LogIn
    ) -> None:
        tokens = (await log_in()).json()
        new = (await refreshed(client, tokens)).json()

        stolen = await refreshed(client, tokens)

        assert stolen.status_code == 401
        assert (await refreshed(client, new)).status_code == 401
        assert (await events())[-1] == "refresh_token_reused"

    async def test_is_won_by_one_of_many_at_once(
        self, client: AsyncClient, ada: str, log_in: LogIn
    ) -> None:
        tokens = (await log_in()).json()

        answers = await asyncio.gather(*(refreshed(client, tokens) for _ in range(3)))

        statuses = [answer.status_code for answer in answers]
        assert statuses.count(200) <= 1
        assert set(statuses) <= {200, 401, 503}

    @pytest.mark.parametrize("token", ["", "x", "a.1.b.c", "\u00e9.1.2.\u00e9"])
    async def test_refuses_what_was_never_given(
        self, client: AsyncClient, token: str
    ) -> None:
        refused = await refreshed(client, {"refresh_token": token})

        assert refused.status_code == 401


class TestLogOut:
    async def test_ends_the_log_in(
        self, client: AsyncClient, ada: str, log_in: LogIn
    ) -> None:
        tokens = (await log_in()).json()

        shown = {"refresh_token": tokens["refresh_token"]}
        left = await client.post("/v1/accounts/logout", json=shown)

        assert left.status_code == 204
        assert (await refreshed(client, tokens)).status_code == 401

    async def test_is_what_a_change_of_the_password_does_everywhere(
        self, client: AsyncClient, ada: str, log_in: LogIn, bearing: Bearing
    ) -> None:
        logged_in = await log_in()
        change = {"current": PASSWORD, "password": "an even longer horse"}

        await client.put(
            "/v1/accounts/me/password", json=change, headers=bearing(logged_in)
        )

        assert (await refreshed(client, logged_in.json())).status_code == 401

    async def test_is_forgotten_when_it_is_over(
        self, ada: str, log_in: LogIn, service: Service
    ) -> None:
        database = service.platform.database
        await log_in()
        async with database.unit_of_work() as unit:
            over = update(TokenFamily).values(expires_at=datetime.now(UTC))
            await unit.session.execute(over)
        await log_in()

        assert await service.platform.identity.purge() == 1

        async with database.read_session() as session:
            left = select(func.count()).select_from(TokenFamily)
            assert await session.scalar(left) == 1


class TestKeys:
    async def test_are_published_without_what_is_private(
        self, client: AsyncClient
    ) -> None:
        [key] = (await client.get("/v1/accounts/keys")).json()["keys"]

        assert key.keys() == {"kty", "crv", "use", "kid", "x"}


class TestCommands:
    async def test_grant_and_revoke(
        self, client: AsyncClient, ada: str, run: Run, log_in: LogIn, bearing: Bearing
    ) -> None:
        tokens = (await log_in()).json()
        await run("grant", ada, "reports")
        new = await refreshed(client, tokens)
        me = await client.get("/v1/accounts/me", headers=bearing(new))

        await run("revoke", ada)

        assert me.json()["scopes"] == "reports"
        assert (await refreshed(client, new.json())).status_code == 401

    async def test_rotate_the_keys(self, client: AsyncClient, run: Run) -> None:
        [before] = (await client.get("/v1/accounts/keys")).json()["keys"]

        said = await run("rotate-keys")

        assert before["kid"] not in said
        assert "signs in 60 seconds" in said
