from tests.platform.idempotency.effects import Effects


class TestFailure:
    async def test_is_forgotten(self, effects: Effects) -> None:
        effects.client.headers["X-Refuse"] = "yes"
        refused = await effects.cause("key")
        del effects.client.headers["X-Refuse"]

        response = await effects.cause("key")

        assert refused.status_code == 409
        assert response.status_code == 201
        assert "idempotent-replayed" not in response.headers
        assert await effects.count() == 1

    async def test_that_is_returned_is_not_kept(self, effects: Effects) -> None:
        response = await effects.cause("key", "/effects/failed")

        assert response.status_code == 502
        assert await effects.count("idempotency_keys") == 0

    async def test_to_keep_the_answer_undoes_the_effect(self, effects: Effects) -> None:
        response = await effects.cause("key", "/effects/streamed")

        assert response.status_code == 500
        assert await effects.count() == 0
