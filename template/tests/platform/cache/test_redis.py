import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from time import monotonic, sleep
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from app.platform.cache import Lease
from app.platform.cache.redis import RedisCache, RedisCacheSettings
from dev.process import free_port
from tests.fixtures.redis import (
    Connection,
    Victim,
    chatter,
    served,
    served_elsewhere,
    silence,
    slowly,
)
from tests.fixtures.tls import HOST, TlsServer
from tests.platform.cache.contract import RememberingStoreContract, leased
from tests.platform.cache.interleaving import interleave
from tests.platform.cache.notes import NOTE, Loader, Note, cache_over

COOLDOWN_SECONDS = 0.2


def opened(url: str, **limits: int) -> AbstractAsyncContextManager[RedisCache]:
    settings = {"url": url, "cooldown_seconds": COOLDOWN_SECONDS, **limits}
    return RedisCache.open(RedisCacheSettings.model_validate(settings))


async def read(store: RedisCache) -> float:
    """Read through the store, see that the value is there, and say how long it took."""
    began = monotonic()
    note = await cache_over(store).read(NOTE, "1", load=Loader(Note(text="hello")))
    assert note == Note(text="hello")
    return monotonic() - began


async def read_twice(url: str) -> tuple[float, float]:
    """Say how long reads take, first and then; the best of five on a busy machine."""
    seconds = []
    for _ in range(5):
        async with opened(url) as store:
            seconds.append((await read(store), await read(store)))
    return min(first for first, _ in seconds), min(second for _, second in seconds)


async def answered(store: RedisCache, key: str) -> bytes | Lease:
    """Ask until the server answers again: after the cool-down, or a few of them."""
    async with asyncio.timeout(40):
        while (found := await store.get(key, lease_seconds=5)) is None:  # noqa: ASYNC110
            await asyncio.sleep(COOLDOWN_SECONDS / 10)
    return found


@pytest.fixture
async def stores(redis_url: str) -> AsyncIterator[list[RedisCache]]:
    """Those of two replicas; patient, since the machine of a test may be busy."""
    limits = {"timeout_ms": 2_000, "max_connections": 4}
    async with (
        opened(redis_url, **limits) as here,
        opened(redis_url, **limits) as there,
    ):
        yield [here, there]


@pytest.fixture
async def frail(victim: Victim) -> AsyncIterator[RedisCache]:
    """A store over a server that the test will hurt, and that has answered once."""
    async with opened(victim.url) as store:
        assert await store.ping()
        yield store


class TestContract(RememberingStoreContract):
    @pytest.fixture
    def store(self, stores: list[RedisCache]) -> RedisCache:
        return stores[0]


class TestSettings:
    def test_the_password_is_not_shown(self) -> None:
        settings = RedisCacheSettings(url=SecretStr("redis://:hush@localhost"))

        assert "hush" not in repr(settings)


class TestUrl:
    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://cache", "must begin with redis:// or rediss:// or unix://"),
            ("cache:6379", "must begin with"),
            ("redis://:hush@cache:many", "a host or a port that is none"),
            ("redis://:hush@:6379", "names no host"),
            ("redis://cache/first", "not the number of a database"),
            ("redis://:hu#sh@cache", "in a password, write %23"),
            ("redis://cache?db=one", "is no URL that the client can read"),
            ("redis://cache?host=127.0.0.1", "cannot end in [?]host="),
            ("rediss://cache?ssl_cert_reqs=none", "cannot end in [?]ssl_cert_reqs="),
            ("rediss://cache?ssl_check_hostname=0", "cannot end in"),
            ("unix://", "names no socket"),
        ],
    )
    def test_that_cannot_work_is_refused(self, url: str, reason: str) -> None:
        with pytest.raises(ValidationError, match=reason) as refused:
            RedisCacheSettings(url=SecretStr(url))

        assert "hush" not in str(refused.value)

    @pytest.mark.parametrize(
        "url",
        [
            "redis://cache",
            "rediss://me:p%40ss-long-word@cache:6380/2",
            "unix:///run/c.sock?db=1",
        ],
    )
    def test_that_works_is_accepted(self, url: str) -> None:
        assert list(RedisCacheSettings(url=SecretStr(url)).unsafe()) == []


class TestTls:
    async def test_an_impostor_is_told_nothing(self, impostor: TlsServer) -> None:
        async with impostor.serve() as port:
            url = f"rediss://:hush@{HOST}:{port}/0"
            async with opened(url, timeout_ms=2_000) as store:
                assert not await store.ping()

        assert not impostor.heard

    async def test_a_server_that_proves_itself_answers(
        self, proven: TlsServer, redis_url: str
    ) -> None:
        server = urlsplit(redis_url)
        behind = (str(server.hostname), server.port or 6379)

        async with proven.serve(behind=behind) as port:
            url = f"rediss://{HOST}:{port}/0"
            async with opened(url, timeout_ms=2_000) as store:
                assert await store.ping()


class TestReplicas:
    async def test_200_callers_in_each_of_two_replicas_load_once(
        self, stores: list[RedisCache]
    ) -> None:
        load, key = Loader(Note(text="hello")), uuid4().hex
        caches = [cache_over(store) for store in stores]

        notes = await asyncio.gather(
            *(cache.read(NOTE, key, load=load) for cache in caches for _ in range(200))
        )

        assert notes == [Note(text="hello")] * 400
        assert load.calls == 1

    async def test_no_read_is_older_than_the_last_write(
        self, stores: list[RedisCache]
    ) -> None:
        caches = [cache_over(store, patience_seconds=0.05) for store in stores]

        await interleave(caches, seed=uuid4().int)

    async def test_keys_beyond_the_connections_wait_for_their_turn(
        self, stores: list[RedisCache]
    ) -> None:
        leases = [leased(stores[0], uuid4().hex) for _ in range(50)]

        assert all(lease.granted for lease in await asyncio.gather(*leases))


class TestFaults:
    async def test_a_closed_port_is_a_miss(self) -> None:
        first, second = await read_twice(f"redis://127.0.0.1:{free_port()}")

        assert first < 0.09
        assert second < 0.02

    @pytest.mark.parametrize("behave", [silence, chatter])
    async def test_a_server_that_makes_no_sense_is_a_miss(
        self, behave: Connection
    ) -> None:
        async with served(behave) as url:
            first, second = await read_twice(url)

        assert first < 0.09
        assert second < 0.02

    @pytest.mark.parametrize("delay_seconds", [0.012, 0.2])
    async def test_a_slow_server_delays_a_read_no_longer_than_one_that_hangs(
        self, redis_url: str, delay_seconds: float
    ) -> None:
        async with served(slowly(redis_url, delay_seconds=delay_seconds)) as url:
            assert max(await read_twice(url)) < 0.19

    async def test_what_a_search_took_is_not_taken_from_the_fill(
        self, redis_url: str
    ) -> None:
        # A search asks twice, a fill once: 1.0 s and 0.5 s of 1.4 s for each.
        slow, key = slowly(redis_url, delay_seconds=0.5), uuid4().hex
        async with served(slow) as url, opened(url, timeout_ms=1400) as store:
            await store.ping()
            lease = await leased(store, key)

            assert await store.fill(key, b"1", lease=lease, ttl_seconds=5)
            assert store.available

    async def test_one_that_waits_longer_is_not_kept_from_it_by_the_other(
        self, redis_url: str
    ) -> None:
        slow = slowly(redis_url, delay_seconds=0.2)
        async with served(slow) as url, opened(url) as store:
            patient = store.waiting(30)

            assert not await store.ping()
            assert await patient.ping()
            assert patient.available

    async def test_it_is_reported_once_per_cooldown(self) -> None:
        began = monotonic()
        async with opened(f"redis://127.0.0.1:{free_port()}") as store:
            with capture_logs() as logs:
                while len(logs) < 2:
                    await asyncio.gather(*(store.ping() for _ in range(20)))
                    await asyncio.sleep(0.01)

        assert {line["event"] for line in logs} == {"cache.unavailable"}
        assert len(logs) <= 1 + (monotonic() - began) / COOLDOWN_SECONDS

    async def test_after_the_cooldown_one_caller_waits_for_all(self) -> None:
        async with served(silence) as url, opened(url, timeout_ms=500) as store:
            await store.ping()
            await asyncio.sleep(COOLDOWN_SECONDS)

            first = asyncio.create_task(read(store))
            await asyncio.sleep(0)
            await read(store)

            assert not first.done()
            await first

    async def test_a_killed_server_is_a_miss_until_it_is_back(
        self, victim: Victim, frail: RedisCache
    ) -> None:
        victim.kill()
        assert await read(frail) < 20
        victim.start()

        assert isinstance(await answered(frail, "key"), Lease)

    async def test_what_was_forgotten_while_the_server_hung_is_never_found(
        self, victim: Victim, frail: RedisCache
    ) -> None:
        lease = await leased(frail, "key")
        await frail.fill("key", b"old", lease=lease, ttl_seconds=60)
        victim.freeze()
        await frail.ping()
        await frail.forget("key")
        victim.thaw()

        assert isinstance(await answered(frail, "key"), Lease)

    @pytest.mark.parametrize("begin", [0, 0.01, 0.03, 0.19])
    @pytest.mark.parametrize("blocked", [0.01, 0.14, 0.3])
    async def test_a_busy_process_does_not_take_the_server_for_gone(
        self, redis_url: str, begin: float, blocked: float
    ) -> None:
        elsewhere = served_elsewhere(slowly(redis_url, delay_seconds=0.04))
        async with elsewhere as url, opened(url, timeout_ms=200) as store:
            assert await store.ping()
            asyncio.get_running_loop().call_later(begin, sleep, blocked)

            assert await store.ping()

            assert store.available
