"""One count for all replicas, on a real server that is killed, stopped and back."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from app.platform.cache import Cache, CacheStore
from app.platform.cache.redis import RedisCache, RedisCacheSettings
from app.platform.ratelimits import RateLimitSettings
from app.platform.ratelimits.meter import Quota
from app.platform.ratelimits.redis import Shared
from app.settings import Settings
from dev.process import HOST, answers, end, free_port, launch
from tests.fixtures.redis import Victim
from tests.platform import canaries
from tests.platform.ratelimits.replica import router
from tests.platform.web.live import Api

REPLICA = (sys.executable, "-m", "tests.platform.ratelimits.replica")
LIVE = b"GET /livez HTTP/1.1\r\nHost: replica\r\n\r\n"
OK = b"HTTP/1.1 200"
HOURLY = Quota(100, 3600)
# Longer than a test on a busy machine waits, since none of them waits for it.
TIMEOUT_MS = 1000


@asynccontextmanager
async def meter(url: str, **limits: Any) -> AsyncIterator[Shared]:
    settings = RedisCacheSettings(
        url=SecretStr(url), timeout_ms=TIMEOUT_MS, cooldown_seconds=0.2, **limits
    )
    async with RedisCache.open(settings) as cache:
        yield Shared(Cache(cache, namespace="test"))


@asynccontextmanager
async def replicas(
    folder: Path, number: int, **settings: str
) -> AsyncIterator[list[int]]:
    """Serve in so many processes, as one service; tell their ports."""
    named = {"SERVICE_NAME": f"test-{uuid4().hex}", "CACHE__TIMEOUT_MS": "5000"}
    ports = [free_port() for _ in range(number)]
    with ExitStack() as stack:
        for port in ports:
            environment = {**os.environ, **named, **settings, "SERVER__PORT": str(port)}
            log = folder / f"{port}.log"
            process = launch(REPLICA, log=log, environment=environment)
            stack.callback(end, process, signal.SIGKILL)
        for port in ports:
            # On a busy machine a process takes its time to begin, and tells nobody.
            while not answers(port, question=LIVE, answer=OK):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        yield ports


async def asked_at_once(path: str, ports: list[int], times: int) -> Counter[bytes]:
    """Count statuses. A client of the web would be slower than those it asks."""
    asking = [_asked(path, ports[each % len(ports)]) for each in range(times)]
    return Counter(await asyncio.gather(*asking))


async def _asked(path: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    return answer[9:12]


class TestReplicas:
    @pytest.mark.timeout(300)
    async def test_count_together(self, tmp_path: Path) -> None:
        async with replicas(tmp_path, 2, RATELIMITS__READS="100/minute") as ports:
            hourly = await asked_at_once("/v1/counted/hourly", ports, 400)
            began = monotonic()
            reads = await asked_at_once("/v1/counted/reads", ports, 400)
            grown_back = int((monotonic() - began) / 0.6)

        assert hourly == {b"200": 100, b"429": 300}
        assert 100 <= reads[b"200"] <= 100 + grown_back
        assert reads[b"200"] + reads[b"429"] == 400


class TestSpend:
    async def test_is_counted_once_for_all(self, redis_url: str) -> None:
        key = uuid4().hex
        async with meter(redis_url) as one, meter(redis_url) as other:
            asked = [each.spend(key, HOURLY) for each in (one, other) * 100]
            spent = await asyncio.gather(*asked)

        passed = sorted(each for each in spent if each is not None and each > 0)
        assert len(passed) == 100
        assert passed[-1] <= HOURLY.window

    async def test_grows_back(self, redis_url: str) -> None:
        key, quota = uuid4().hex, Quota(2, 1)
        async with meter(redis_url) as one:
            wait = None
            for _ in range(100):
                spent = await one.spend(key, quota)
                assert spent is not None
                if spent < 0:
                    wait = -spent
                    break
            assert wait is not None, "Nothing was refused."
            await asyncio.sleep(wait / 1_000_000 + 0.05)

            assert (await one.spend(key, quota) or 0) > 0

    async def test_leaves_nothing_behind(self, redis_url: str) -> None:
        key = uuid4().hex
        async with meter(redis_url) as one, Redis.from_url(redis_url) as redis:
            await one.spend(key, Quota(1000, 60))

            left = [await redis.pttl(key) async for key in redis.scan_iter(f"*{key}")]

        assert all(0 < each <= 60 for each in left)

    async def test_takes_one_command(self, victim: Victim) -> None:
        async with meter(victim.url) as one, Redis.from_url(victim.url) as redis:
            await one.spend("a", HOURLY)
            before = (await redis.info("commandstats")).get("cmdstat_eval", {})
            await one.spend("a", HOURLY)
            after = (await redis.info("commandstats"))["cmdstat_eval"]

        assert after["calls"] == before["calls"] + 1

    def test_needs_a_shared_server(self) -> None:
        with pytest.raises(TypeError, match="Redis"):
            Shared(Cache(cast("CacheStore", object()), namespace="test"))


class TestSecret:
    async def test_is_in_no_key_and_no_value(
        self, places: dict[str, Any], victim: Victim
    ) -> None:
        cache = RedisCacheSettings(url=SecretStr(victim.url), timeout_ms=TIMEOUT_MS)
        settings = Settings(service_name="test", **{**places, "cache": cache})
        service = Api(settings, canaries.router)
        async with service.running() as api, api.client() as client:
            await canaries.push(client)

        async with Redis.from_url(victim.url) as redis:
            keys = [key async for key in redis.scan_iter()]
            held = [await redis.get(key) for key in keys]

        assert any(b":rate:writes:127.0.0.1" in key for key in keys)
        assert canaries.CANARY not in f"{keys}{held}"


class TestOutage:
    @pytest.fixture
    async def api(
        self, places: dict[str, Any], victim: Victim
    ) -> AsyncIterator[httpx.AsyncClient]:
        cache = RedisCacheSettings(
            url=SecretStr(victim.url), timeout_ms=TIMEOUT_MS, cooldown_seconds=0.2
        )
        limits = RateLimitSettings(
            reads="5/hour", writes="1000/minute", closed="writes"
        )
        settings = Settings(
            service_name="test", **{**places, "cache": cache, "ratelimits": limits}
        )
        async with Api(settings, router).running() as api, api.client() as client:
            yield client

    @pytest.mark.parametrize("outage", ["kill", "freeze"])
    async def test_is_counted_alone_or_refused_until_the_server_is_back(
        self, api: httpx.AsyncClient, victim: Victim, outage: str
    ) -> None:
        recover = {"kill": victim.start, "freeze": victim.thaw}[outage]
        for _ in range(5):
            assert (await api.get("/v1/counted/reads")).status_code == 200
        assert (await api.get("/v1/counted/reads")).status_code == 429
        assert (await api.post("/v1/counted/writes")).status_code == 200

        getattr(victim, outage)()
        alone = [(await api.get("/v1/counted/reads")).status_code for _ in range(6)]
        refused = await api.post("/v1/counted/writes")
        recover()
        async with asyncio.timeout(30):
            while (await api.post("/v1/counted/writes")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

        assert alone == [200] * 5 + [429]
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"

    async def test_lasts_no_longer_than_the_timeout(self, victim: Victim) -> None:
        async with meter(victim.url) as one:
            await one.spend("a", HOURLY)
            victim.freeze()
            began = monotonic()

            spent = [await one.spend("a", HOURLY) for _ in range(50)]

            assert spent == [None] * 50
            assert monotonic() - began < 50 * TIMEOUT_MS / 1000 / 2
            victim.thaw()
