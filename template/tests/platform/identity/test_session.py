import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from app.main import create_app, running
from app.platform.identity import CredentialsRefused
from app.platform.identity.session import SessionIdentity
from app.platform.observability.context import ADMIN, Principal
from app.platform.sessions import AT_MOST, COOKIE, Lasting, id_of
from app.platform.sessions.guard import HEADER
from app.platform.web.edge import WebSettings
from app.settings import Settings
from tests.fixtures.service import Service, Show, acting
from tests.platform.web.live import Served

ADA = Principal(str(uuid4()), tenant="acme", kind="user", scopes=frozenset({"a", "b"}))
ME, ALL = "/v1/accounts/sessions", "/v1/accounts/sessions"
HOUR = timedelta(hours=1)
SHORT = timedelta(milliseconds=200)


@pytest.fixture
def identity(service: Service) -> SessionIdentity:
    identity = service.platform.identity
    assert isinstance(identity, SessionIdentity)
    return identity


async def begun(service: Service, lasting: Lasting | None = None) -> str:
    identity: Any = service.platform.identity
    identity.lasting = lasting or identity.lasting
    async with service.platform.database.unit_of_work() as unit:
        token: str = await identity.begin(unit, ADA)
        return token


class TestProve:
    async def test_names_whose_session_it_is(
        self, service: Service, identity: SessionIdentity
    ) -> None:
        assert await identity.prove(await begun(service)) == ADA

    async def test_refuses_what_nobody_has_begun(
        self, identity: SessionIdentity
    ) -> None:
        with pytest.raises(CredentialsRefused):
            await identity.prove("x" * 43)

    async def test_makes_tokens_that_nobody_guesses(self, service: Service) -> None:
        tokens = {await begun(service) for _ in range(3)}

        assert len(tokens) == 3
        assert {len(token) for token in tokens} == {43}

    async def test_ends_when_nobody_asks_for_so_long(
        self, service: Service, identity: SessionIdentity
    ) -> None:
        token = await begun(service, Lasting(SHORT, HOUR))

        await asyncio.sleep(2 * SHORT.total_seconds())

        with pytest.raises(CredentialsRefused):
            await identity.prove(token)
        assert await identity.list_of(ADA.id) == []

    async def test_goes_on_while_somebody_asks(
        self, service: Service, identity: SessionIdentity
    ) -> None:
        token = await begun(service, Lasting(timedelta(seconds=4), HOUR))
        for _ in range(5):
            await asyncio.sleep(1)

            assert await identity.prove(token) == ADA

        [session] = await identity.list_of(ADA.id)
        assert session.seen_at - session.created_at > timedelta(seconds=3)

    async def test_ends_in_the_end_whoever_asks(
        self, service: Service, identity: SessionIdentity
    ) -> None:
        token = await begun(service, Lasting(HOUR, SHORT))

        await asyncio.sleep(2 * SHORT.total_seconds())

        with pytest.raises(CredentialsRefused):
            await identity.prove(token)


class TestSessions:
    async def test_are_so_many_at_most(
        self, service: Service, identity: SessionIdentity
    ) -> None:
        tokens = [await begun(service) for _ in range(AT_MOST + 2)]

        going_on = {each.id for each in await identity.list_of(ADA.id)}

        assert going_on == {id_of(token) for token in tokens[2:]}
        with pytest.raises(CredentialsRefused):
            await identity.prove(tokens[0])

    async def test_of_one_principal_alone_are_ended(
        self, service: Service, identity: SessionIdentity
    ) -> None:
        token = await begun(service)
        async with service.platform.database.unit_of_work() as unit:
            other = await identity.begin(unit, Principal("eve", kind="user"))
            assert not await identity.sessions.end(unit, "eve", id_of(token))
            await identity.granted(unit, ADA.id)

        with pytest.raises(CredentialsRefused):
            await identity.prove(token)
        assert (await identity.prove(other)).id == "eve"

    async def test_can_be_found(self, identity: SessionIdentity) -> None:
        await identity.check()


class TestCookie:
    @pytest.mark.parametrize(
        ("cookie", "status"),
        [
            ("", 401),
            ("session=x", 401),
            (f"{COOKIE}=" + "x" * 43, 401),
            (f"{COOKIE}=", 400),
            (f"{COOKIE}=short", 400),
            (f"{COOKIE}=" + "x" * 30_000, 400),
            (f"{COOKIE}=" + "\u00e9" * 43, 401),
            (f"{COOKIE}={'x' * 43}; {COOKIE}={'y' * 43}", 400),
            (f";;=;{COOKIE}", 400),
            (f'{COOKIE}="{"x" * 41}"', 401),
        ],
    )
    async def test_that_is_none_is_a_problem(
        self, service: Service, cookie: str, status: int
    ) -> None:
        async with acting(service, {}):
            raw = [(b"cookie", cookie.encode("latin-1"))]
            refused = await service.client.get(ME, headers=raw)

        assert refused.status_code == status
        assert refused.headers["content-type"] == "application/problem+json"
        assert len(refused.content) <= 8 * 1024
        challenged = COOKIE in refused.headers.get("www-authenticate", "")
        assert challenged == (status == 401)

    async def test_in_two_headers_is_one_too_many(
        self, service: Service, show: Show
    ) -> None:
        cookie = (await show(service.platform))["Cookie"].encode()
        async with acting(service, {}):
            twice = [(b"cookie", cookie), (b"cookie", cookie)]
            refused = await service.client.get(ME, headers=twice)

        assert refused.status_code == 400

    async def test_beside_others_is_found(self, service: Service, show: Show) -> None:
        cookie = (await show(service.platform))["Cookie"].encode()
        async with acting(service, {}):
            spread = [(b"cookie", b"a=b; c"), (b"cookie", b"d=e;" + cookie)]
            found = await service.client.get(ME, headers=spread)

        assert found.status_code == 200

    async def test_is_what_is_believed_and_no_header(
        self, service: Service, show: Show
    ) -> None:
        token = (await show(service.platform, ADMIN))["Cookie"].partition("=")[2]
        async with acting(service, {"Authorization": f"Bearer {token}"}):
            refused = await service.client.get(ME)

        assert refused.status_code == 401


class TestForeignPages:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 204),
            ({"Sec-Fetch-Site": "same-origin", "Origin": "http://test"}, 204),
            ({"Sec-Fetch-Site": "none"}, 204),
            ({"Origin": "http://test"}, 204),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Sec-Fetch-Site": "same-site", "Origin": "https://a.test"}, 403),
            ({"Sec-Fetch-Site": "cross-site", "Origin": "http://test"}, 403),
            ({"Origin": "https://evil.example"}, 403),
            ({"Origin": "http://test.evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": ""}, 403),
            ({HEADER: None}, 403),
            ({HEADER: None, "Sec-Fetch-Site": "same-origin"}, 403),
        ],
    )
    async def test_change_nothing(
        self, service: Service, show: Show, headers: dict[str, str], status: int
    ) -> None:
        given = await show(service.platform) | headers
        told = {name: value for name, value in given.items() if value is not None}
        async with acting(service, {}):
            del service.client.headers[HEADER]
            answer = await service.client.delete(ALL, headers=told)
            del told["Cookie"]
            registered = await service.client.post(
                "/v1/accounts/password-resets",
                json={"email": "ada@example.com"},
                headers=told,
            )

        assert answer.status_code == status
        # Nobody need be logged in for this, and so nothing need be sent besides.
        asked = 202 if status == 204 or HEADER in headers else 403
        assert registered.status_code == asked

    async def test_said_twice_are_refused(self, service: Service, show: Show) -> None:
        given = await show(service.platform)
        told = [*given.items(), ("Origin", "http://test"), ("Origin", "http://b")]
        async with acting(service, {}):
            refused = await service.client.delete(ALL, headers=told)

        assert refused.status_code == 400

    async def test_may_look(self, service: Service) -> None:
        foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}

        looked = await service.client.get(ME, headers=foreign)

        # What it says is kept from the page by CORS.
        assert looked.status_code == 200

    @pytest.mark.parametrize(("credentials", "status"), [(True, 204), (False, 403)])
    async def test_that_are_let_in_by_name_may_change_something(
        self, settings: Settings, show: Show, credentials: bool, status: int
    ) -> None:
        web = WebSettings(
            cors_origins="https://shop.test", cors_credentials=credentials
        )
        let_in = settings.model_copy(update={"web": web})
        told = {"Sec-Fetch-Site": "same-site", "Origin": "https://shop.test"}
        async with running(let_in) as state, Served(create_app(let_in)).running() as it:
            headers = await show(state["platform"]) | told
            async with it.client() as client:
                answer = await client.delete(ALL, headers=headers)

        assert answer.status_code == status


class TestDescription:
    def test_shows_the_cookie_and_the_header(self, application: FastAPI) -> None:
        description = application.openapi()

        schemes = description["components"]["securitySchemes"]
        path = description["paths"][ALL]
        assert (schemes["session"]["in"], schemes["session"]["name"]) == (
            "cookie",
            COOKIE,
        )
        assert path["get"]["security"][0] == {"session": []}
        assert path["delete"]["security"][0] == {"session": [], "csrf": []}
        assert "403" in path["delete"]["responses"]
        assert "403" not in path["get"]["responses"]
        assert "security" not in path["post"]
