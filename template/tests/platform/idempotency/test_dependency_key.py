import pytest

from tests.platform.idempotency.effects import Effects


class TestKey:
    async def test_is_needed(self, effects: Effects) -> None:
        response = await effects.cause(None)

        assert response.status_code == 400
        assert response.json()["type"] == "/problems/idempotency-key-missing"
        assert await effects.count() == 0

    @pytest.mark.parametrize("key", ["", "x" * 256, "two words", "tab\there", "\x7f"])
    async def test_that_cannot_be_kept_is_refused(
        self, effects: Effects, key: str
    ) -> None:
        response = await effects.cause(key)

        assert response.status_code == 400
        assert await effects.count() == 0

    async def test_that_came_with_another_body_is_refused(
        self, effects: Effects
    ) -> None:
        await effects.cause("key")

        response = await effects.cause("key", name="y")

        assert response.status_code == 422
        assert response.json()["type"] == "/problems/idempotency-key-reused"
        assert await effects.count() == 1
