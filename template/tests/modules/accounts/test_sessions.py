"""Who logs in with a browser gets a cookie, sees what goes on, and ends it."""

import pytest
from httpx import AsyncClient, Response

from app.main import running
from app.platform.identity import CredentialsRefused
from app.platform.sessions import COOKIE, id_of
from tests.fixtures.identity_session import cookie_of
from tests.fixtures.service import Bearing, Service
from tests.modules.accounts.conftest import PASSWORD, Events, LogIn, Run

ME, SESSIONS = "/v1/accounts/me", "/v1/accounts/sessions"
OTHER = "an even longer horse"


@pytest.fixture
async def logged_in(ada: str, log_in: LogIn) -> Response:
    return await log_in()


@pytest.fixture
def headers(logged_in: Response, bearing: Bearing) -> dict[str, str]:
    return bearing(logged_in)


class TestLogIn:
    async def test_sets_a_cookie_that_no_script_and_no_other_host_has(
        self, logged_in: Response
    ) -> None:
        said = logged_in.headers["set-cookie"].split("; ")

        assert logged_in.status_code == 204
        assert said[0].startswith(f"{COOKIE}=")
        assert {each.lower() for each in said[1:]} == {
            *("httponly", "secure", "path=/", "samesite=lax", "max-age=86400")
        }

    async def test_makes_another_cookie_each_time_and_ends_the_one_shown(
        self, client: AsyncClient, headers: dict[str, str]
    ) -> None:
        draft = {"email": "ada@example.com", "password": PASSWORD}

        again = await client.post(SESSIONS, json=draft, headers=headers)

        assert cookie_of(again) not in headers["Cookie"]
        assert (await client.get(ME, headers=headers)).status_code == 401

    async def test_takes_no_cookie_that_somebody_else_has_made_up(
        self, client: AsyncClient, ada: str
    ) -> None:
        planted = "x" * 43
        draft = {"email": ada, "password": PASSWORD}
        cookie = {"Cookie": f"{COOKIE}={planted}"}

        answer = await client.post(SESSIONS, json=draft, headers=cookie)

        assert cookie_of(answer) != planted
        assert (await client.get(ME, headers=cookie)).status_code == 401

    async def test_that_is_refused_names_the_cookie(
        self, ada: str, log_in: LogIn
    ) -> None:
        refused = await log_in("wrong")

        assert refused.status_code == 401
        assert COOKIE in refused.headers["www-authenticate"]
        assert "set-cookie" not in refused.headers


class TestSessions:
    async def test_are_listed_the_newest_first(
        self,
        client: AsyncClient,
        headers: dict[str, str],
        log_in: LogIn,
        bearing: Bearing,
    ) -> None:
        newer = bearing(await log_in())

        listed = (await client.get(SESSIONS, headers=newer)).json()

        assert [each["is_current"] for each in listed] == [True, False]
        assert listed[0]["expires_at"] > listed[0]["seen_at"]
        assert headers["Cookie"].partition("=")[2] not in str(listed)

    async def test_are_ended_one_by_one(
        self,
        client: AsyncClient,
        headers: dict[str, str],
        log_in: LogIn,
        bearing: Bearing,
    ) -> None:
        newer = bearing(await log_in())
        path = f"{SESSIONS}/{id_of(headers['Cookie'].partition('=')[2])}"

        ended = await client.delete(path, headers=newer)
        again = await client.delete(path, headers=newer)

        assert (ended.status_code, again.status_code) == (204, 404)
        assert (await client.get(ME, headers=headers)).status_code == 401
        assert (await client.get(ME, headers=newer)).status_code == 200

    async def test_of_others_are_not_ended(
        self, client: AsyncClient, headers: dict[str, str]
    ) -> None:
        # The client itself is somebody else.
        path = f"{SESSIONS}/{id_of(headers['Cookie'].partition('=')[2])}"

        refused = await client.delete(path)

        assert refused.status_code == 404
        assert (await client.get(ME, headers=headers)).status_code == 200

    async def test_end_all_at_once(
        self,
        client: AsyncClient,
        headers: dict[str, str],
        log_in: LogIn,
        bearing: Bearing,
        events: Events,
    ) -> None:
        newer = bearing(await log_in())

        ended = await client.delete(SESSIONS, headers=newer)

        assert ended.status_code == 204
        assert "max-age=0" in ended.headers["set-cookie"].lower()
        for each in (headers, newer):
            assert (await client.get(ME, headers=each)).status_code == 401
        assert (await events())[-1] == "logged_out_everywhere"

    async def test_end_at_once_on_another_replica(
        self, client: AsyncClient, headers: dict[str, str], service: Service
    ) -> None:
        async with running(service.platform.settings) as state:
            other = state["platform"].identity
            cookie = headers["Cookie"].partition("=")[2]
            assert await other.prove(cookie)

            left = await client.delete(f"{SESSIONS}/current", headers=headers)

            assert left.status_code == 204
            with pytest.raises(CredentialsRefused):
                await other.prove(cookie)


class TestPassword:
    async def test_ends_all_sessions_when_it_is_changed_and_begins_another(
        self, client: AsyncClient, headers: dict[str, str], bearing: Bearing
    ) -> None:
        change = {"current": PASSWORD, "password": OTHER}

        changed = await client.put(f"{ME}/password", json=change, headers=headers)

        assert (await client.get(ME, headers=headers)).status_code == 401
        assert (await client.get(ME, headers=bearing(changed))).status_code == 200

    async def test_that_is_wrong_ends_nothing(
        self, client: AsyncClient, headers: dict[str, str]
    ) -> None:
        change = {"current": "wrong", "password": OTHER}

        refused = await client.put(f"{ME}/password", json=change, headers=headers)

        assert refused.status_code == 401
        assert (await client.get(ME, headers=headers)).status_code == 200


class TestCommands:
    @pytest.mark.parametrize("words", [["revoke"], ["grant", "reports"]])
    async def test_log_out_at_once(
        self, client: AsyncClient, headers: dict[str, str], run: Run, words: list[str]
    ) -> None:
        verb, *scopes = words

        await run(verb, "ada@example.com", *scopes)

        assert (await client.get(ME, headers=headers)).status_code == 401
