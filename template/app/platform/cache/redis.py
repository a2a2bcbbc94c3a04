"""The cache in Redis, or in Valkey; without it, the service works on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from secrets import token_bytes
from time import monotonic
from typing import Annotated, ClassVar, Self

import structlog
from pydantic import Field, SecretStr
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from app.platform.cache.lease import Lease
from app.platform.configuration import Limit, Refusal, Section, refuse_url, speaks

log = structlog.get_logger(__name__)

# No JSON begins with a zero byte.
LEASE = b"\x00lease:"
OWED_AT_MOST = 1_000
FILL = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class RedisCacheSettings(Section):
    """`CACHE__*` in the environment."""

    url: Annotated[SecretStr, speaks("redis", "rediss", "unix")]
    """redis://, rediss:// or unix://, with user and password if needed."""
    timeout_ms: int = Field(50, ge=1)
    """For all that one read asks, so that a server that hangs delays it no longer."""
    cooldown_seconds: float = Field(1.0, gt=0)
    """After a failure, how often one caller tries again on behalf of all."""
    max_connections: int = Field(32, ge=1)
    """Of each process; callers beyond wait for their turn, within the timeout."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(
            "CACHE__TIMEOUT_MS",
            below="WEB__DEADLINE_SECONDS",
            reason="a cache that hangs takes every request with it",
        ),
    )

    def unsafe(self) -> Iterator[Refusal]:
        yield from refuse_url("url", self.url)


class RedisCache:
    """A server that is down, slow or full is a miss: no error leaves this class."""

    system: str | None = "redis"

    def __init__(self, redis: Redis, settings: RedisCacheSettings) -> None:
        self._redis = redis
        self._timeout_seconds = settings.timeout_ms / 1000
        self._cooldown = Cooldown(settings.cooldown_seconds)
        self._turns = asyncio.Semaphore(settings.max_connections)
        self._owed: dict[str, object] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: RedisCacheSettings) -> AsyncIterator[Self]:
        async with Redis.from_url(
            settings.url.get_secret_value(),
            max_connections=settings.max_connections,
            # By default the client retries for seconds. How long one command may take
            # is said in `_ask`; a second clock would cost a quarter of each hit.
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=settings.timeout_ms / 1000,
            socket_timeout=None,
            # The third version would reuse a connection that has an unread reply.
            protocol=2,
        ) as redis:
            yield cls(redis, settings)

    async def get(self, key: str, *, lease_seconds: float) -> bytes | Lease | None:
        asked = monotonic()
        token = LEASE + token_bytes(16)
        held = await self._ask(lambda: self._get(key, token, lease_seconds))
        if held is None or not held.startswith(LEASE):
            return held
        left = self._timeout_seconds - (monotonic() - asked)
        return Lease(held, granted=held == token, fill_within_seconds=left)

    async def fill(
        self, key: str, value: bytes, *, lease: Lease, ttl_seconds: float
    ) -> bool:
        ttl_ms = _milliseconds(ttl_seconds)
        filled = await self._ask(
            lambda: self._redis.eval(FILL, 1, key, lease.token, value, ttl_ms),
            within_seconds=lease.fill_within_seconds,
        )
        return filled == 1

    async def release(self, key: str, *, lease: Lease) -> None:
        await self._ask(lambda: self._redis.eval(RELEASE, 1, key, lease.token))

    async def forget(self, *keys: str) -> None:
        """Keys that cannot be forgotten now are, before the next answer is believed."""
        forgotten: int | None = None
        try:
            forgotten = await self._ask(lambda: self._redis.delete(*keys))
        finally:
            if forgotten is None and len(self._owed) < OWED_AT_MOST:
                self._owed.update((key, object()) for key in keys)

    async def ping(self) -> bool:
        return await self._ask(self._redis.ping) is not None

    @property
    def available(self) -> bool:
        return not self._cooldown.failing

    async def _get(self, key: str, token: bytes, lease_seconds: float) -> bytes | None:
        held = await self._held(key)
        if held is not None:
            return held
        leased_ms = _milliseconds(lease_seconds)
        if await self._redis.set(key, token, nx=True, px=leased_ms):
            return token
        return await self._held(key)

    async def _held(self, key: str) -> bytes | None:
        held = await self._redis.get(key)
        return held if isinstance(held, bytes) else None

    async def _ask[T](
        self, command: Callable[[], Awaitable[T]], within_seconds: float | None = None
    ) -> T | None:
        """Return the answer, or `None` if there is none in time."""
        if not self._cooldown.admits():
            return None
        deadline = monotonic() + self._timeout_seconds
        try:
            async with asyncio.timeout(within_seconds or self._timeout_seconds):
                answer = await self._answer(command)
        except (RedisError, OSError) as error:
            self._cooldown.report(error)
            if not isinstance(error, ResponseError) and not self._was_busy(deadline):
                self._cooldown.begin()
            return None
        self._cooldown.end()
        return answer

    async def _answer[T](self, command: Callable[[], Awaitable[T]]) -> T:
        async with self._turns:
            if self._owed:
                await self._settle()
            return await command()

    def _was_busy(self, deadline: float) -> bool:
        """Say if the timer fired so late that it was not the server that was slow."""
        return monotonic() - deadline > self._timeout_seconds / 2

    async def _settle(self) -> None:
        owed = dict(self._owed)
        await self._redis.delete(*owed)
        # A key that came to be owed again meanwhile has another mark, and stays.
        for key, mark in owed.items():
            if self._owed.get(key) is mark:
                del self._owed[key]


class Cooldown:
    """After a failure, one caller at a time finds out for all whether it is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.failing = False
        self._next_try = 0.0
        self._next_report = 0.0

    def admits(self) -> bool:
        if not self.failing:
            return True
        if monotonic() < self._next_try:
            return False
        self._next_try = monotonic() + self._seconds
        return True

    def begin(self) -> None:
        self.failing = True
        self._next_try = monotonic() + self._seconds

    def end(self) -> None:
        self.failing = False

    def report(self, error: Exception) -> None:
        """Log it, once per cool-down."""
        if monotonic() < self._next_report:
            return
        self._next_report = monotonic() + self._seconds
        log.warning("cache.unavailable", error=type(error).__name__)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
