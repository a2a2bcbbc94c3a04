"""Sessions in the Redis or Valkey of the cache, which forgets them by itself."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app.platform.cache import Cache
from app.platform.cache.redis import RedisCache
from app.platform.database import UnitOfWork
from app.platform.errors import Unavailable
from app.platform.observability.context import Principal
from app.platform.sessions import AT_MOST, Lasting, Session

PATIENCE_SECONDS = 1.0
# By the server's clock, since those of replicas differ, in milliseconds.
NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
# The key goes when nobody has asked for so long, or when the end is reached.
FIND = f"""{NOW}
local held = redis.call('HMGET', KEYS[1], 'principal', 'expires')
if not held[1] then return '' end
local left = held[2] - now
if left <= 0 then return '' end
redis.call('HSET', KEYS[1], 'seen', now)
redis.call('PEXPIRE', KEYS[1], math.min(tonumber(ARGV[1]), left))
return held[1]
"""
# A principal's sessions are listed by when they began, to the microsecond.
BEGIN = f"""{NOW}
local own = ARGV[1] .. ARGV[2]
local idle, absolute = tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('HSET', own, 'principal', ARGV[3],
    'created', now, 'seen', now, 'expires', now + absolute)
redis.call('PEXPIRE', own, math.min(idle, absolute))
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if redis.call('EXISTS', ARGV[1] .. id) == 0 then
        redis.call('ZREM', KEYS[1], id)
    end
end
redis.call('ZADD', KEYS[1], time[1] * 1000000 + time[2], ARGV[2])
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1 - ARGV[6])) do
    redis.call('DEL', ARGV[1] .. id)
    redis.call('ZREM', KEYS[1], id)
end
redis.call('PEXPIRE', KEYS[1], absolute)
return 1
"""
LIST = """
local found = {}
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
    local held = redis.call('HMGET', ARGV[1] .. id, 'created', 'seen', 'expires')
    if held[1] then
        table.insert(found, {id, held[1], held[2], held[3]})
    end
end
return found
"""
END = """
if redis.call('ZREM', KEYS[1], ARGV[2]) == 0 then return 0 end
return redis.call('DEL', ARGV[1] .. ARGV[2])
"""
END_ALL = """
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    redis.call('DEL', ARGV[1] .. id)
end
redis.call('DEL', KEYS[1])
return 1
"""


class SharedSessions:
    """One round trip for each request. Without the server nobody is known, or lost."""

    def __init__(self, cache: Cache) -> None:
        if not isinstance(cache.store, RedisCache):
            raise TypeError("Replicas share sessions only where their cache is Redis.")
        # Apart from the cache, whose patience is short since one can do without it.
        self._server = cache.store.waiting(PATIENCE_SECONDS)
        self._prefix = f"{cache.namespace}:session:"
        self._lists = f"{cache.namespace}:sessions:"

    async def find(self, id_: str, *, idle: timedelta) -> Principal | None:
        held = await self._run(FIND, self._prefix + id_, _milliseconds(idle))
        return Principal.restored(json.loads(held)) if held else None

    async def begin(
        self, unit: UnitOfWork, id_: str, principal: Principal, lasting: Lasting
    ) -> None:
        """Do so before the unit's commit: what does not begin is not committed."""
        await self._run(
            BEGIN,
            self._lists + principal.id,
            self._prefix.encode(),
            id_.encode(),
            json.dumps(principal.carried()).encode(),
            _milliseconds(lasting.idle),
            _milliseconds(lasting.absolute),
            AT_MOST,
        )

    async def list_of(self, principal_id: str, *, idle: timedelta) -> Sequence[Session]:
        prefix = self._prefix.encode()
        found = await self._run(LIST, self._lists + principal_id, prefix)
        return [
            Session(id_.decode(), *(_instant(each) for each in moments))
            for id_, *moments in found
        ]

    async def end(self, unit: UnitOfWork, principal_id: str, id_: str) -> bool:
        given = self._prefix.encode(), id_.encode()
        return bool(await self._run(END, self._lists + principal_id, *given))

    async def end_all(self, unit: UnitOfWork, principal_id: str) -> None:
        """Do so before the unit's commit: it fails if this does."""
        prefix = self._prefix.encode()
        await self._run(END_ALL, self._lists + principal_id, prefix)

    async def purge(self) -> int:
        """Do nothing: the server does."""
        return 0

    async def check(self) -> None:
        if not await self._server.ping():
            raise _refusal()

    async def _run(self, script: str, key: str, *given: bytes | int) -> Any:
        answer = await self._server.run(script, key, *given)
        if answer is None:
            raise _refusal()
        return answer


def _refusal() -> Unavailable:
    return Unavailable("Who is logged in cannot be told just now.")


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _instant(milliseconds: bytes) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
