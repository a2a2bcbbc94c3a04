"""What every cache store promises, whatever stands behind it."""

import asyncio
from random import Random
from uuid import uuid4

import pytest

from app.platform.cache import CacheStore, Lease

NOT_HELD = Lease(b"not held", granted=True)


async def leased(store: CacheStore, key: str) -> Lease:
    """Return the lease of a key that holds no value."""
    lease = await store.get(key, lease_seconds=5)
    assert isinstance(lease, Lease)
    return lease


class CacheStoreContract:
    """Also kept by a store that remembers nothing. Subclasses give the `store`."""

    @pytest.fixture
    def key(self) -> str:
        return f"contract:{uuid4()}"

    async def test_a_key_that_was_never_filled_holds_no_value(
        self, store: CacheStore, key: str
    ) -> None:
        found = await store.get(key, lease_seconds=5)

        assert not isinstance(found, bytes)

    async def test_a_fill_without_the_lease_is_refused(
        self, store: CacheStore, key: str
    ) -> None:
        filled = await store.fill(key, b"1", lease=NOT_HELD, ttl_seconds=5)

        assert not filled
        assert not isinstance(await store.get(key, lease_seconds=5), bytes)

    async def test_what_is_not_held_may_be_released_and_forgotten(
        self, store: CacheStore, key: str
    ) -> None:
        await store.release(key, lease=NOT_HELD)

        await store.forget(key, f"{key}:other")

    async def test_a_store_that_is_there_answers_a_ping(
        self, store: CacheStore
    ) -> None:
        assert await store.ping()


class RememberingStoreContract(CacheStoreContract):
    """Kept by a store that remembers."""

    async def test_a_fill_with_the_lease_is_found(
        self, store: CacheStore, key: str
    ) -> None:
        lease = await leased(store, key)

        filled = await store.fill(key, b'"\xc3\xa9"', lease=lease, ttl_seconds=5)

        assert filled
        assert await store.get(key, lease_seconds=5) == b'"\xc3\xa9"'

    async def test_one_of_many_callers_is_granted_the_lease(
        self, store: CacheStore, key: str
    ) -> None:
        leases = await asyncio.gather(*(leased(store, key) for _ in range(20)))

        assert [lease.granted for lease in leases].count(True) == 1
        assert len({lease.token for lease in leases}) == 1

    async def test_whoever_sees_the_lease_may_fill_and_the_first_fill_counts(
        self, store: CacheStore, key: str
    ) -> None:
        granted, seen = await leased(store, key), await leased(store, key)

        filled = await store.fill(key, b"1", lease=seen, ttl_seconds=5)
        filled_again = await store.fill(key, b"2", lease=granted, ttl_seconds=5)

        assert (filled, filled_again) == (True, False)
        assert await store.get(key, lease_seconds=5) == b"1"

    async def test_a_forgotten_value_is_not_found(
        self, store: CacheStore, key: str
    ) -> None:
        lease = await leased(store, key)
        await store.fill(key, b"1", lease=lease, ttl_seconds=5)

        await store.forget(key)

        assert (await leased(store, key)).granted

    async def test_a_fill_that_began_before_a_forget_is_refused(
        self, store: CacheStore, key: str
    ) -> None:
        stale = await leased(store, key)
        await store.forget(key)

        filled = await store.fill(key, b"stale", lease=stale, ttl_seconds=5)

        assert not filled
        assert (await leased(store, key)).granted

    async def test_a_fill_that_began_before_a_forget_never_replaces_a_newer_one(
        self, store: CacheStore, key: str
    ) -> None:
        stale = await leased(store, key)
        await store.forget(key)
        lease = await leased(store, key)
        await store.fill(key, b"newer", lease=lease, ttl_seconds=5)

        filled = await store.fill(key, b"stale", lease=stale, ttl_seconds=5)

        assert not filled
        assert await store.get(key, lease_seconds=5) == b"newer"

    async def test_a_released_lease_is_granted_to_the_next_caller(
        self, store: CacheStore, key: str
    ) -> None:
        await store.release(key, lease=await leased(store, key))

        assert (await leased(store, key)).granted

    async def test_releasing_a_lost_lease_leaves_the_newer_one(
        self, store: CacheStore, key: str
    ) -> None:
        lost = await leased(store, key)
        await store.forget(key)
        lease = await leased(store, key)

        await store.release(key, lease=lost)

        assert await store.fill(key, b"1", lease=lease, ttl_seconds=5)

    async def test_leases_and_values_expire(self, store: CacheStore, key: str) -> None:
        lease = await store.get(key, lease_seconds=0.05)
        await asyncio.sleep(0.1)
        assert isinstance(lease, Lease)
        assert not await store.fill(key, b"late", lease=lease, ttl_seconds=5)

        lease = await leased(store, key)
        await store.fill(key, b"1", lease=lease, ttl_seconds=0.05)
        await asyncio.sleep(0.1)

        assert (await leased(store, key)).granted

    async def test_cancelled_callers_lose_nothing_and_swap_no_answers(
        self, store: CacheStore, key: str
    ) -> None:
        dice = Random(1)
        keys = [f"{key}:{number}" for number in range(20)]
        for each in keys:
            lease = await leased(store, each)
            await store.fill(each, each.encode(), lease=lease, ttl_seconds=60)

        for each in dice.choices(keys, k=300):
            reading = asyncio.create_task(store.get(each, lease_seconds=5))
            await asyncio.sleep(dice.uniform(0, 0.0005))
            reading.cancel()
            await asyncio.wait([reading])
            assert reading.cancelled() or reading.result() == each.encode()

        for each in keys:
            assert await store.get(each, lease_seconds=5) == each.encode()
