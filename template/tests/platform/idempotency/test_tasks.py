from datetime import UTC, datetime

from app.platform.database import Database
from app.platform.idempotency.tasks import purge_idempotency_keys
from app.platform.tasks import Tick
from tests.platform.idempotency.effects import Effects


class TestPurgeIdempotencyKeys:
    async def test_leaves_only_what_has_not_expired(
        self, effects: Effects, database: Database
    ) -> None:
        await effects.cause("old")
        await effects.expire()
        await effects.cause("new")

        async with database.unit_of_work() as unit:
            tick = Tick(due_at=datetime.now(UTC))
            await purge_idempotency_keys(tick, unit, effects)

        assert await effects.count("idempotency_keys") == 1
