import asyncio
from collections import Counter

import pytest

from tests.platform.idempotency.conftest import Effects


class TestIdempotent:
    async def test_needs_a_key(self, effects: Effects) -> None:
        response = await effects.cause(None)

        assert response.status_code == 400
        assert response.json()["type"] == "/problems/idempotency-key-missing"
        assert await effects.count() == 0

    @pytest.mark.parametrize("key", ["", "x" * 256, "two words", "tab\there", "\x7f"])
    async def test_refuses_a_key_it_cannot_keep(
        self, effects: Effects, key: str
    ) -> None:
        response = await effects.cause(key)

        assert response.status_code == 400
        assert await effects.count() == 0

    async def test_refuses_a_key_that_came_with_another_body(
        self, effects: Effects
    ) -> None:
        await effects.cause("key")

        response = await effects.cause("key", name="y")

        assert response.status_code == 422
        assert response.json()["type"] == "/problems/idempotency-key-reused"
        assert await effects.count() == 1

    async def test_answers_a_repetition_with_the_same_response(
        self, effects: Effects
    ) -> None:
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

    async def test_takes_effect_again_for_another_key(self, effects: Effects) -> None:
        await effects.cause("one")
        await effects.cause("two")

        assert await effects.count() == 2

    async def test_takes_effect_again_on_another_path(self, effects: Effects) -> None:
        await effects.cause("key")
        await effects.cause("key", "/effects/optional")

        assert await effects.count() == 2

    async def test_forgets_a_failure(self, effects: Effects) -> None:
        effects.client.headers["X-Refuse"] = "yes"
        refused = await effects.cause("key")
        del effects.client.headers["X-Refuse"]

        response = await effects.cause("key")

        assert refused.status_code == 409
        assert response.status_code == 201
        assert "idempotent-replayed" not in response.headers
        assert await effects.count() == 1

    async def test_does_not_keep_a_returned_failure(self, effects: Effects) -> None:
        response = await effects.cause("key", "/effects/failed")

        assert response.status_code == 502
        assert await effects.count("idempotency_keys") == 0

    async def test_forgets_an_answer_in_time(self, effects: Effects) -> None:
        first = await effects.cause("key")
        await effects.expire()

        again = await effects.cause("key")
        third = await effects.cause("key")

        assert again.status_code == 201
        assert again.content != first.content
        assert third.content == again.content
        assert await effects.count() == 2

    async def test_has_no_effect_if_the_answer_cannot_be_kept(
        self, effects: Effects
    ) -> None:
        response = await effects.cause("key", "/effects/streamed")

        assert response.status_code == 500
        assert await effects.count() == 0


class TestIdempotentWhenAsked:
    async def test_does_without_a_key(self, effects: Effects) -> None:
        for _ in range(2):
            await effects.cause(None, "/effects/optional")

        assert await effects.count() == 2

    async def test_honours_a_key(self, effects: Effects) -> None:
        for _ in range(2):
            await effects.cause("key", "/effects/optional")

        assert await effects.count() == 1
