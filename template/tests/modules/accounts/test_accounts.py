"""Accounts are registered, verified, logged in and out, and not given away."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product
from math import inf
from time import process_time

import pytest
from httpx import AsyncClient
from pydantic import SecretStr
from sqlalchemy import text, update

from app.modules.accounts.errors import LogInRefused
from app.modules.accounts.models import Account
from app.modules.accounts.repository import AccountRepository
from app.modules.accounts.service import AccountService, Passwords
from app.modules.accounts.tasks import purge_log_ins
from app.platform.audit import purge_audit_events
from app.platform.audit.models import AuditEvent
from app.platform.tasks import Tick
from dev.smtp import MailSink
from tests.fixtures.service import Bearing, Service, Show, acting
from tests.modules.accounts.conftest import (
    EMAIL,
    PASSWORD,
    Events,
    Finish,
    Letter,
    LogIn,
)

# How far the time of a log-in may tell whether there is such an account, and how often
# one is tried to learn what it takes: on a busy machine, most take longer.
MOST = 0.05
FEWEST, TRIES = 14, 112
DRAFT = {"email": EMAIL, "password": PASSWORD}
OTHER = "an even longer horse"
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


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
        self, client: AsyncClient, events: Events
    ) -> None:
        answers = await asyncio.gather(
            *(client.post("/v1/accounts", json=DRAFT) for _ in range(3))
        )

        assert {answer.status_code for answer in answers} == {202}
        assert (await events()).count("registered") == 1


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
        self, client: AsyncClient, ada: str, log_in: LogIn, bearing: Bearing
    ) -> None:
        headers = bearing(await log_in())

        me = await client.get("/v1/accounts/me", headers=headers)

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
        assert (await log_in()).is_success

    async def test_is_noted(self, ada: str, events: Events, log_in: LogIn) -> None:
        await log_in("wrong")
        await log_in()

        noted = await events()
        assert noted == ["registered", "verified", "log_in_refused", "logged_in"]

    async def test_waits_for_a_password_that_is_being_changed(
        self, ada: str, service: Service, log_in: LogIn
    ) -> None:
        database = service.platform.database
        async with database.unit_of_work() as unit:
            await unit.session.execute(update(Account).values(password_hash="other"))
            logging_in = asyncio.ensure_future(log_in())
            async with asyncio.timeout(30), database.watching() as connection:
                while not await connection.scalar(text(WAITING)):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

        assert (await logging_in).status_code == 401


class TestOwnAccount:
    async def test_is_not_had_by_who_has_no_account(
        self, client: AsyncClient, service: Service, show: Show
    ) -> None:
        async with acting(service, await show(service.platform, id_="a-machine")):
            own = await client.get("/v1/accounts/me")

        assert own.status_code == 401


class TestPassword:
    async def test_is_changed_by_who_knows_it(
        self, client: AsyncClient, ada: str, log_in: LogIn, bearing: Bearing
    ) -> None:
        headers, path = bearing(await log_in()), "/v1/accounts/me/password"
        change = {"current": "wrong", "password": OTHER}
        wrong = await client.put(path, json=change, headers=headers)
        change["current"] = PASSWORD

        changed = await client.put(path, json=change, headers=headers)

        assert (wrong.status_code, changed.status_code) == (401, 204)
        assert (await log_in()).status_code == 401
        assert (await log_in(OTHER)).is_success

    async def test_is_reset_once_with_a_letter(
        self, client: AsyncClient, ada: str, letter: Letter, log_in: LogIn
    ) -> None:
        asked = await client.post("/v1/accounts/password-resets", json={"email": ada})
        reset = {"token": await letter(), "password": OTHER}

        done = await client.put("/v1/accounts/password-resets", json=reset)
        again = await client.put("/v1/accounts/password-resets", json=reset)

        assert (asked.status_code, done.status_code) == (202, 204)
        assert again.status_code == 422
        assert (await log_in(OTHER)).is_success

    async def test_of_nobody_is_reset_as_quietly(
        self, client: AsyncClient, finish_tasks: Finish, mail_sink: MailSink
    ) -> None:
        body = {"email": "eve@example.com"}
        asked = await client.post("/v1/accounts/password-resets", json=body)

        await finish_tasks()
        assert asked.status_code == 202
        assert not mail_sink.mails


async def test_a_log_in_takes_as_long_for_nobody(ada: str, service: Service) -> None:
    database, identity = service.platform.database, service.platform.identity
    spent: dict[str, list[float]] = {ada: [], "nobody@example.com": []}
    known, unknown = 0.0, inf
    while abs(known - unknown) > MOST * unknown and len(spent[ada]) < TRIES:
        for _, (email, seconds) in product(range(FEWEST), spent.items()):
            begin = process_time()
            async with database.unit_of_work() as unit:
                accounts = AccountRepository(unit.session)
                log_ins = AccountService(unit, accounts, identity, Passwords())
                refused = await log_ins.log_in(email, SecretStr(OTHER))
            # Of all threads of this process: others may need the machine.
            seconds.append(process_time() - begin)
            assert isinstance(refused, LogInRefused)
        # The least is what it takes: a busy machine adds to the others.
        known, unknown = map(min, spent.values())

    assert abs(known - unknown) <= MOST * unknown


async def test_a_stored_password_that_cannot_be_read_fits_nobody() -> None:
    assert not await Passwords().fits(SecretStr(PASSWORD), "of another kind")


async def test_what_is_over_is_forgotten(
    ada: str, events: Events, log_in: LogIn, service: Service
) -> None:
    database, now = service.platform.database, datetime.now(UTC)
    async with database.unit_of_work() as unit:
        old = update(AuditEvent).values(created_at=now - timedelta(days=366))
        await unit.session.execute(old)
    await log_in()

    async with database.unit_of_work() as unit:
        for purge in (purge_audit_events, purge_log_ins):
            await purge(Tick(due_at=now), unit, service.platform)

    assert await events() == ["logged_in"]
