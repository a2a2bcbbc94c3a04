"""Sessions on a server that is killed, stopped and back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from app.main import create_app, running
from app.platform.cache import Cache, CacheStore
from app.platform.cache.redis import RedisCacheSettings
from app.platform.sessions.redis import SharedSessions
from app.settings import Settings
from tests.fixtures.redis import Victim
from tests.fixtures.service import Show
from tests.platform.web.live import Served

PATH = "/v1/accounts/sessions"


@pytest.fixture
async def client(
    places: dict[str, Any], victim: Victim, show: Show
) -> AsyncIterator[httpx.AsyncClient]:
    """Of a replica whose sessions are on a server of its own; it shows one."""
    cache = RedisCacheSettings(url=SecretStr(victim.url), cooldown_seconds=0.2)
    settings = Settings(service_name="test", **{**places, "cache": cache})
    async with (
        running(settings) as state,
        Served(create_app(settings)).running() as served,
        served.client() as client,
    ):
        client.headers.update(await show(state["platform"]))
        yield client


@asynccontextmanager
async def asking(client: httpx.AsyncClient) -> AsyncIterator[Counter[int]]:
    """Ask all the time, until the block ends: so many answers of each status."""
    answers: Counter[int] = Counter()

    async def ask() -> None:
        while True:
            answer = await client.get(PATH)
            answers[answer.status_code] += 1
            if answer.status_code == 503:
                assert answer.headers["retry-after"] == "1"

    tasks = [asyncio.create_task(ask()) for _ in range(4)]
    yield answers
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended


async def seen(answers: Counter[int], status: int, times: int = 5) -> None:
    """Wait until there were so many more of a status."""
    enough = answers[status] + times
    async with asyncio.timeout(30):
        while answers[status] < enough:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def calls(redis: Redis) -> int:
    """Count how often it was asked for a session."""
    called = (await redis.info("commandstats")).get("cmdstat_hmget", {"calls": 0})
    count: int = called["calls"]
    return count


class TestOutage:
    async def test_of_a_server_that_stands_still_says_so_and_loses_nobody(
        self, client: httpx.AsyncClient, victim: Victim
    ) -> None:
        async with asking(client) as answers:
            await seen(answers, 200)
            victim.freeze()
            await seen(answers, 503)
            victim.thaw()
            await seen(answers, 200)

        assert answers.keys() == {200, 503}

    async def test_of_a_server_that_is_killed_says_so_until_another_is_there(
        self, client: httpx.AsyncClient, victim: Victim
    ) -> None:
        async with asking(client) as answers:
            await seen(answers, 200)
            victim.kill()
            await seen(answers, 503)
            assert answers.keys() == {200, 503}
            victim.start()
            # It kept nothing: who was logged in is not any more.
            await seen(answers, 401)

    async def test_lets_nobody_log_out_who_would_not_be(
        self, client: httpx.AsyncClient, victim: Victim
    ) -> None:
        victim.freeze()

        refused = await client.delete(PATH)

        victim.thaw()
        assert refused.status_code == 503
        assert "set-cookie" not in refused.headers

    async def test_is_told_to_who_asks_how_the_replica_is(
        self, client: httpx.AsyncClient, victim: Victim
    ) -> None:
        victim.kill()

        async with asyncio.timeout(30):
            while True:
                ready = (await client.get("/readyz")).json()["dependencies"]
                if ready["identity"]["status"] != "ok":
                    break
                await asyncio.sleep(0.1)


class TestKept:
    async def test_is_what_shows_no_session_and_ends_by_itself(
        self, client: httpx.AsyncClient, victim: Victim
    ) -> None:
        token = client.headers["cookie"].partition("=")[2]
        async with Redis.from_url(victim.url) as redis:
            keys = [key async for key in redis.scan_iter("test:session*")]
            held = [await redis.dump(key) or b"" for key in keys]
            ends = [await redis.pttl(key) for key in keys]

        assert len(keys) == 2
        assert token.encode() not in b"".join([*keys, *held])
        assert all(0 < each <= 24 * 3600 * 1000 for each in ends)

    async def test_takes_one_command_for_each_request(
        self, client: httpx.AsyncClient, victim: Victim
    ) -> None:
        async with Redis.from_url(victim.url) as redis:
            before = await calls(redis)
            assert (await client.get("/v1/accounts/me")).status_code == 404
            after = await calls(redis)

        assert after == before + 1

    def test_needs_a_shared_server(self) -> None:
        with pytest.raises(TypeError, match="Redis"):
            SharedSessions(Cache(cast("CacheStore", object()), namespace="test"))
