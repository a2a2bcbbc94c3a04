"""What each caller spends, counted in Redis or Valkey for all replicas."""

from app.platform.cache import Cache
from app.platform.cache.redis import RedisCache
from app.platform.ratelimits.meter import Quota

# By the server's clock, since those of replicas differ. What is whole again is
# forgotten: a caller who asks once leaves a key for no longer than one interval.
SPEND = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local whole_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + ARGV[1]
local spent = whole_at - now
if spent > tonumber(ARGV[2]) then return ARGV[2] - spent end
local kept = string.format('%.0f', whole_at)
redis.call('SET', KEYS[1], kept, 'PX', math.ceil(spent / 1000))
return spent
"""


class Shared:
    """
    One round trip for each request, on the cache's connections and within its timeout.

    Written here because throttled-py 3.5, which has this algorithm too, opens
    connections of its own, waits for them without end, and takes twice the time.
    """

    def __init__(self, cache: Cache) -> None:
        if not isinstance(cache.store, RedisCache):
            raise TypeError("Replicas count together only where their cache is Redis.")
        self._server = cache.store
        self._namespace = cache.namespace

    async def spend(self, key: str, quota: Quota) -> int | None:
        key = f"{self._namespace}:rate:{key}"
        spent = await self._server.run(SPEND, key, quota.interval, quota.window)
        return spent if isinstance(spent, int) else None
