from typing import Any

from redis.asyncio import Redis

from app.platform.cache.redis import RedisCache, RedisCacheSettings
from tests.fixtures.redis import Victim
from tests.platform.rotation import Rotated


async def told(victim: Victim, *commands: str) -> None:
    """Tell the server what an operator would."""
    redis: Any = Redis.from_url(victim.url)
    async with redis:
        for command in commands:
            await redis.execute_command(*command.split())


class TestPassword:
    async def test_that_has_changed_is_looked_up_again(self, victim: Victim) -> None:
        place = victim.url.partition("//")[2]
        url = Rotated(f"redis://:old@{place}", f"redis://:new%21@{place}")
        await told(victim, "ACL SETUSER default resetpass >new!")
        settings = RedisCacheSettings(url=url, timeout_ms=10_000)

        async with RedisCache.open(settings) as store:
            there = await store.ping()

        assert there
        assert url.looked == 1

    async def test_of_a_user_is_looked_up_at_each_connect(self, victim: Victim) -> None:
        place = victim.url.partition("//")[2]
        url = Rotated(f"redis://shop:old@{place}", f"redis://shop:new@{place}")
        settings = RedisCacheSettings(url=url, timeout_ms=10_000)
        await told(victim, "ACL SETUSER shop on >old >new +ping")

        async with RedisCache.open(settings) as store:
            first = await store.ping()
            url.renew()
            await told(victim, "ACL SETUSER shop <old", "CLIENT KILL USER shop")
            second = await store.ping()

        assert first
        assert second
        assert url.looked == 1
