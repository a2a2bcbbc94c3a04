import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

from app.platform.idempotency.models import claim, storing
from tests.platform.idempotency.effects import Effects

HOUR = timedelta(hours=1)
ANSWER: dict[str, Any] = {
    "scope": "POST /effects",
    "fingerprint": b"f",
    "status": 201,
    "headers": [],
    "body": b"first",
}


class TestRepetition:
    async def test_has_the_same_response(self, effects: Effects) -> None:
        first = await effects.cause("x" * 255)

        again = await effects.cause("x" * 255)

        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        assert "set-cookie" not in again.headers
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
        assert await effects.count() == 1

    async def test_takes_effect_once_however_many_ask_at_once(
        self, effects: Effects
    ) -> None:
        attempts = [effects.cause("key", seconds=0.1) for _ in range(20)]

        responses = await asyncio.gather(*attempts)

        statuses = Counter(response.status_code for response in responses)
        assert statuses[201] >= 1
        assert statuses[201] + statuses[409] == 20
        assert len({r.content for r in responses if r.status_code == 201}) == 1
        assert all(r.headers["retry-after"] for r in responses if r.status_code == 409)
        assert await effects.count() == 1

    async def test_keeps_an_answer_given_while_a_claim_was_on_its_way(
        self, effects: Effects
    ) -> None:
        stored: list[int] = []
        async with effects.database.unit_of_work() as late:
            assert (await claim(late.session, b"key")).fingerprint is None
            async with effects.database.unit_of_work() as early:
                first = storing(retention=HOUR, key_hash=b"key", **ANSWER)
                early.write_last(first, judge=stored.append)

            other = ANSWER | {"body": b"second"}
            second = storing(retention=HOUR, key_hash=b"key", **other)
            late.write_last(second, judge=stored.append)

        assert stored == [1, 0]
        async with effects.database.unit_of_work() as unit:
            assert (await claim(unit.session, b"key")).body == b"first"
