"""The cache in Redis, or in Valkey; without it, the service works on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from secrets import token_bytes
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr
from redis.asyncio import Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from app.platform.cache.store import Cooldown, Lease
from app.platform.configuration import (
    Address,
    Limit,
    Refusal,
    Section,
    authorities,
    readable_by,
    refuse_address,
    refuse_arguments,
    renewed,
    split,
)

# No JSON begins with a zero byte.
LEASE = b"\x00lease:"
OWED_AT_MOST = 1_000
# None of them loosens how a server proves who it is.
ARGUMENTS = ("db", "ssl_certfile", "ssl_keyfile")
FILL = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


def read_url(url: str) -> Address:
    """Have the client read the URL; raise for what would fail at the first command."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        refuse_arguments(parse_qs(parts.query), known=ARGUMENTS)
        address = Address(())
    else:
        address = split(url, arguments=ARGUMENTS)
        if not parts.path.strip("/").isdecimal() and parts.path.strip("/"):
            raise ValueError("ends in what is not the number of a database")
    try:
        found = parse_url(url)
    except ValueError:
        raise ValueError("is no URL that the client can read") from None
    if not address.hosts and not found.get("path"):
        raise ValueError("names no socket")
    return address._replace(
        user=found.get("username"),
        password=found.get("password"),
        encrypted=parts.scheme == "rediss",
    )


class RedisCacheSettings(Section):
    """`CACHE__*` in the environment."""

    url: Annotated[SecretStr, readable_by(read_url, "redis", "rediss", "unix")]
    """redis://, rediss:// or unix://, with user and password if needed."""
    timeout_ms: int = Field(50, ge=1)
    """For one question: a read asks for a value, and again to keep what it loaded."""
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
        yield from refuse_address("url", read_url(self.url.get_secret_value()))


class RedisCache:
    """A server that is down, slow or full is a miss: no error leaves this class."""

    system: str | None = "redis"

    def __init__(
        self,
        redis: Redis,
        settings: RedisCacheSettings,
        turns: asyncio.Semaphore | None = None,
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._timeout_seconds = settings.timeout_ms / 1000
        self._cooldown = Cooldown(settings.cooldown_seconds)
        self._turns = turns or asyncio.Semaphore(settings.max_connections)
        self._owed: dict[str, object] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: RedisCacheSettings) -> AsyncIterator[Self]:
        url = settings.url.get_secret_value()
        given: dict[str, Any] = {}
        if read_url(url).password:
            url = _without_credentials(url)
            given["credential_provider"] = Credentials(settings.url)
        if url.startswith("rediss:"):
            # A certificate of the host's own, signed by an authority.
            given |= {
                "ssl_cert_reqs": "required",
                "ssl_check_hostname": True,
                "ssl_ca_certs": authorities(),
            }
        async with Redis.from_url(
            url,
            **given,
            max_connections=settings.max_connections,
            # By default the client retries for seconds. How long one command may take
            # is said in `_ask`; a second clock would cost a quarter of each hit.
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=None,
            socket_timeout=None,
            # The third version would reuse a connection that has an unread reply.
            protocol=2,
        ) as redis:
            yield cls(redis, settings)

    async def get(self, key: str, *, lease_seconds: float) -> bytes | Lease | None:
        token = LEASE + token_bytes(16)
        held = await self._ask(lambda: self._get(key, token, lease_seconds))
        if held is None or not held.startswith(LEASE):
            return held
        return Lease(held, granted=held == token)

    async def fill(
        self, key: str, value: bytes, *, lease: Lease, ttl_seconds: float
    ) -> bool:
        ttl_ms = _milliseconds(ttl_seconds)
        return await self.run(FILL, key, lease.token, value, ttl_ms) == 1

    async def release(self, key: str, *, lease: Lease) -> None:
        await self.run(RELEASE, key, lease.token)

    async def forget(self, *keys: str) -> None:
        """Keys that cannot be forgotten now are, before the next answer is believed."""
        forgotten: int | None = None
        try:
            forgotten = await self._ask(lambda: self._tell("DEL", *keys))
        finally:
            if forgotten is None and len(self._owed) < OWED_AT_MOST:
                self._owed.update((key, object()) for key in keys)

    async def run(self, script: str, key: str, *given: bytes | int) -> Any | None:
        """Have the server compute with a key, at once; `None` if it did not."""
        return await self._ask(lambda: self._tell("EVAL", script, 1, key, *given))

    def waiting(self, seconds: float) -> "RedisCache":
        """Share the connections, and wait longer, for what nobody can do without."""
        patient = self._settings.model_copy(update={"timeout_ms": seconds * 1000})
        return RedisCache(self._redis, patient, self._turns)

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
        if await self._tell("SET", key, token, "NX", "PX", leased_ms):
            return token
        return await self._held(key)

    async def _held(self, key: str) -> bytes | None:
        held = await self._tell("GET", key)
        return held if isinstance(held, bytes) else None

    async def _tell(self, *command: bytes | str | int) -> Any:
        """Leave out what else redis-py does for each: count it, be ready to repeat."""
        pool: Any = self._redis.connection_pool
        connection = await pool.get_connection()
        try:
            await connection.send_command(*command, check_health=False)
            return await connection.read_response()
        finally:
            await pool.release(connection)

    async def _ask[T](self, command: Callable[[], Awaitable[T]]) -> T | None:
        """Return the answer, or `None` if there is none in time."""
        if not self._cooldown.admits():
            return None
        patience = Patience(self._timeout_seconds)
        try:
            async with patience, self._turns:
                answer = await self._answer(command)
        except (RedisError, OSError) as error:
            self._cooldown.report(error)
            if not isinstance(error, ResponseError) and not patience.was_late:
                self._cooldown.begin()
            return None
        self._cooldown.failing = False
        return answer

    async def _answer[T](self, command: Callable[[], Awaitable[T]]) -> T:
        """Ask again if it refused a password that is another by now."""
        try:
            if self._owed:
                await self._settle()
            return await command()
        except AuthenticationError:
            if not await renewed(self._settings.url):
                raise
        return await command()

    async def _settle(self) -> None:
        owed = dict(self._owed)
        await self._redis.delete(*owed)
        # A key that came to be owed again meanwhile has another mark, and stays.
        for key, mark in owed.items():
            if self._owed.get(key) is mark:
                del self._owed[key]


class Credentials(CredentialProvider):
    """Asked at each connect, so that a password can change."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        address = read_url(self._url.get_secret_value())
        password = address.password or ""
        return (address.user, password) if address.user else (password,)


class Patience:
    """
    Waits so long for a server, and no shorter because this process was busy.

    When time is up, the answer may have come while nobody could read it. It has as
    long again as the event loop was late, and a little longer at least.
    """

    def __init__(self, seconds: float) -> None:
        self.was_late = False
        self._seconds = seconds
        self._least_grace = seconds / 20
        self._limit = asyncio.timeout(None)
        self._ends: float | None = None

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        self._loop = asyncio.get_running_loop()
        due = self._loop.time() + self._seconds
        self._timer = self._loop.call_at(due, self._grant, due)

    async def __aexit__(self, *error: Any) -> None:
        self._timer.cancel()
        if self._ends is not None:
            self.was_late = self._loop.time() - self._ends > self._least_grace
        await self._limit.__aexit__(*error)

    def _grant(self, due: float) -> None:
        now = self._loop.time()
        self._ends = now + max(now - due, self._least_grace)
        self._limit.reschedule(self._ends)


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
