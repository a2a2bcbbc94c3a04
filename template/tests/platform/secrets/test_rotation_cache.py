"""The cache's password changes while requests are answered, and none fails."""

from itertools import pairwise
from secrets import token_hex
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.fixtures.redis import Victim
from tests.fixtures.service import Service
from tests.platform.secrets.contract import Kept
from tests.platform.secrets.drill import Drill, Load, known_to

PASSWORDS = [token_hex(16) for _ in range(3)]


class Pings(Load):
    asks = "cache"


class TestCache(Drill):
    @pytest.fixture(autouse=True)
    async def cache(
        self,
        kept: Kept,
        managed: None,
        victim: Victim,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.delenv("CACHE__URL", raising=False)
        # The machine of the test may be busy; what is asked here is not how fast it is.
        monkeypatch.setenv("CACHE__TIMEOUT_MS", "8000")
        await tell(victim.url, f"ACL SETUSER default resetpass >{PASSWORDS[0]}")
        kept.put(CACHE__URL=url_of(victim, PASSWORDS[0]))

    async def test_changes_its_password_without_a_failed_request(
        self, kept: Kept, service: Service, victim: Victim
    ) -> None:
        load = Pings(service)

        async with load.going_on():
            for old, new in pairwise(PASSWORDS):
                # Both are good until all know the new one.
                await tell(url_of(victim, old), f"ACL SETUSER default >{new}")
                kept.put(CACHE__URL=url_of(victim, new))
                await known_to(service, CACHE__URL=url_of(victim, new))
                await tell(url_of(victim, new), f"ACL SETUSER default <{old}")

        assert load.failed() == {}
        end_all = "CLIENT KILL TYPE normal SKIPME yes"
        await tell(url_of(victim, PASSWORDS[-1]), end_all)
        assert await load.ask() == 200


def url_of(victim: Victim, password: str) -> str:
    return victim.url.replace("//", f"//:{password}@")


async def tell(url: str, command: str) -> None:
    redis: Any = Redis.from_url(url)
    async with redis:
        await redis.execute_command(*command.split())
