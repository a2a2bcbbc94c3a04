from app.platform.database import Database
from app.platform.idempotency import purge_expired
from tests.platform.idempotency.effects import Effects


async def purge(database: Database, *, batch: int) -> int:
    async with database.unit_of_work() as unit:
        return await purge_expired(unit.session, batch=batch)


class TestPurgeExpired:
    async def test_keeps_what_has_not_expired(
        self, effects: Effects, database: Database
    ) -> None:
        await effects.cause("key")

        assert await purge(database, batch=10) == 0
        assert await effects.count("idempotency_keys") == 1

    async def test_deletes_a_batch_at_a_time(
        self, effects: Effects, database: Database
    ) -> None:
        for number in range(3):
            await effects.cause(f"key-{number}")
        await effects.expire()

        assert [await purge(database, batch=2) for _ in range(3)] == [2, 1, 0]
        assert await effects.count("idempotency_keys") == 0
