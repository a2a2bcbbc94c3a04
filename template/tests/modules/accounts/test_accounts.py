"""Accounts are registered, verified, logged in and out, and not given away."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from pydantic import SecretStr
from sqlalchemy import select, update

from app.modules.accounts.models import AuditEvent, TokenFamily
from app.modules.accounts.passwords import Passwords
from app.modules.accounts.tasks import purge_security
from app.platform.tasks import Tick
from dev.smtp import MailSink
from tests.fixtures.identity_jwt import shown
from tests.fixtures.service import Service, acting
from tests.modules.accounts.conftest import EMAIL, PASSWORD, Finish, Letter, LogIn

DRAFT = {"email": EMAIL, "password": PASSWORD}
OTHER = "an even longer horse"


def bearing(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def refreshed(client: AsyncClient, tokens: dict[str, Any]) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    return await client.post("/v1/accounts/token", data=form)


async def events(service: Service) -> list[str]:
    async with service.platform.database.read_session() as session:
        kinds = await session.scalars(select(AuditEvent.kind).order_by(AuditEvent.id))
        return list(kinds)


class TestRegister:
    @pytest.mark.parametrize(
        "draft",
        [
            {"email": EMAIL, "password": "short"},
            {"email": EMAIL, "password": "x" * 257},
            {"email": "nobody", "password": PASSWORD},
            {**DRAFT, "scopes": "admin"},
            {**DRAFT, "id": "00000000-0000-7000-8000-000000000000"},
        ],
    )
    async def test_refuses_what_makes_no_sense(
        self, client: AsyncClient, draft: dict[str, str]
    ) -> None:
        refused = await client.post("/v1/accounts", json=draft)

        assert refused.status_code == 422
        assert PASSWORD not in refused.text

    async def test_answers_alike_for_an_address_that_is_taken(
        self,
        client: AsyncClient,
        ada: str,
        finish_tasks: Finish,
        mail_sink: MailSink,
        log_in: LogIn,
    ) -> None:
        upper = {"email": ada.upper(), "password": OTHER}
        again = await client.post("/v1/accounts", json=upper)
        new = await client.post("/v1/accounts", json={**upper, "email": "b@e.org"})

        assert again.status_code == new.status_code == 202
        assert again.content == new.content
        await finish_tasks()
        subjects = [mail["subject"] for mail in mail_sink.mails if mail["to"] == ada]
        assert subjects == ["Verify your address", "Choose a new password"]
        assert (await log_in(OTHER)).status_code == 401

    async def test_makes_one_account_of_many_at_once(
        self, client: AsyncClient, service: Service
    ) -> None:
        answers = await asyncio.gather(
            *(client.post("/v1/accounts", json=DRAFT) for _ in range(3))
        )

        assert {answer.status_code for answer in answers} == {202}
        assert (await events(service)).count("registered") == 1


class TestVerify:
    async def test_is_needed_to_log_in(
        self, client: AsyncClient, letter: Letter, log_in: LogIn
    ) -> None:
        await client.post("/v1/accounts", json=DRAFT)

        refused = await log_in()

        assert refused.status_code == 403
        assert refused.json()["type"] == "/problems/email-not-verified"

    async def test_takes_a_token_once(
        self, client: AsyncClient, letter: Letter
    ) -> None:
        await client.post("/v1/accounts", json=DRAFT)
        token = {"token": await letter()}

        verified = await client.post("/v1/accounts/verifications", json=token)
        again = await client.post("/v1/accounts/verifications", json=token)

        assert (verified.status_code, again.status_code) == (204, 422)

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "\u00e9.1.\u00e9", "x" * 500])
    async def test_refuses_a_token_that_is_none(
        self, client: AsyncClient, token: str
    ) -> None:
        refused = await client.post("/v1/accounts/verifications", json={"token": token})

        assert refused.status_code == 422


class TestLogIn:
    async def test_answers_alike_for_unknown_and_known(
        self, ada: str, log_in: LogIn
    ) -> None:
        wrong = await log_in("wrong")
        unknown = await log_in(username="eve@example.com")

        assert wrong.status_code == unknown.status_code == 401
        assert wrong.json()["detail"] == unknown.json()["detail"]

    async def test_lets_in_who_knows_the_password(
        self, client: AsyncClient, ada: str, log_in: LogIn
    ) -> None:
        tokens = (await log_in()).json()

        me = await client.get("/v1/accounts/me", headers=bearing(tokens))

        assert tokens["token_type"] == "bearer"
        assert (me.json()["email"], me.json()["scopes"]) == (ada, "")
        assert "password" not in me.text

    async def test_turns_away_more_than_it_can_hash(
        self, ada: str, log_in: LogIn
    ) -> None:
        answers = await asyncio.gather(*(log_in("wrong") for _ in range(20)))

        statuses = {answer.status_code for answer in answers}
        assert statuses == {401, 503}
        [busy, *_] = [each for each in answers if each.status_code == 503]
        assert busy.headers["retry-after"] == "1"
        assert (await log_in()).status_code == 200

    async def test_is_noted(self, ada: str, service: Service, log_in: LogIn) -> None:
        await log_in("wrong")
        await log_in()

        noted = await events(service)
        assert noted == ["registered", "verified", "log_in_refused", "logged_in"]


class TestRefresh:
    async def test_gives_new_tokens_for_old_ones(
        self, client: AsyncClient, ada: str, log_in: LogIn
    ) -> None:
        tokens = (await log_in()).json()

        new = (await refreshed(client, tokens)).json()

        assert new["refresh_token"] != tokens["refresh_token"]
        assert (await refreshed(client, new)).status_code == 200

    async def test_ends_the_family_when_a_token_comes_twice(
        self, client: AsyncClient, ada: str, service: Service, log_in: LogIn
    ) -> None:
        tokens = (await log_in()).json()
        new = (await refreshed(client, tokens)).json()

        stolen = await refreshed(client, tokens)

        assert stolen.status_code == 401
        assert (await refreshed(client, new)).status_code == 401
        assert (await events(service))[-1] == "refresh_token_reused"

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


class TestPassword:
    async def test_is_changed_by_who_knows_it_and_logs_out_everywhere(
        self, client: AsyncClient, ada: str, log_in: LogIn
    ) -> None:
        tokens, path = (await log_in()).json(), "/v1/accounts/me/password"
        change = {"current": "wrong", "password": OTHER}
        wrong = await client.put(path, json=change, headers=bearing(tokens))
        change["current"] = PASSWORD

        changed = await client.put(path, json=change, headers=bearing(tokens))

        assert (wrong.status_code, changed.status_code) == (401, 204)
        assert (await refreshed(client, tokens)).status_code == 401
        assert (await log_in()).status_code == 401
        assert (await log_in(OTHER)).status_code == 200

    async def test_is_reset_once_with_a_letter(
        self, client: AsyncClient, ada: str, letter: Letter, log_in: LogIn
    ) -> None:
        asked = await client.post("/v1/accounts/password-resets", json={"email": ada})
        reset = {"token": await letter(), "password": OTHER}

        done = await client.put("/v1/accounts/password-resets", json=reset)
        again = await client.put("/v1/accounts/password-resets", json=reset)

        assert (asked.status_code, done.status_code) == (202, 204)
        assert again.status_code == 422
        assert (await log_in(OTHER)).status_code == 200

    async def test_of_nobody_is_reset_as_quietly(
        self, client: AsyncClient, finish_tasks: Finish, mail_sink: MailSink
    ) -> None:
        body = {"email": "eve@example.com"}
        asked = await client.post("/v1/accounts/password-resets", json=body)

        await finish_tasks()
        assert asked.status_code == 202
        assert not mail_sink.mails


class TestKeys:
    async def test_are_published_without_what_is_private(
        self, client: AsyncClient
    ) -> None:
        [key] = (await client.get("/v1/accounts/keys")).json()["keys"]

        assert key.keys() == {"kty", "crv", "use", "kid", "x"}

    async def test_that_name_no_account_have_none_of_their_own(
        self, client: AsyncClient, service: Service
    ) -> None:
        async with acting(service, await shown(service.platform, id_="a-machine")):
            own = await client.get("/v1/accounts/me")

        assert own.status_code == 401


async def test_a_stored_password_that_cannot_be_read_fits_nobody() -> None:
    assert not await Passwords().fits(SecretStr(PASSWORD), "of another kind")


async def test_what_is_over_is_forgotten(
    ada: str, service: Service, log_in: LogIn
) -> None:
    database, now = service.platform.database, datetime.now(UTC)
    await log_in()
    async with database.unit_of_work() as unit:
        await unit.session.execute(update(TokenFamily).values(expires_at=now))
        old = update(AuditEvent).values(created_at=now - timedelta(days=366))
        await unit.session.execute(old)
    await log_in()

    async with database.unit_of_work() as unit:
        await purge_security(Tick(due_at=now), unit, service.platform)

    assert await events(service) == ["logged_in"]
    async with database.read_session() as session:
        assert len(list(await session.scalars(select(TokenFamily)))) == 1
