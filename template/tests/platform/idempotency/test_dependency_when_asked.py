from tests.platform.idempotency.effects import Effects


class TestIdempotentWhenAsked:
    async def test_does_without_a_key(self, effects: Effects) -> None:
        for _ in range(2):
            await effects.cause(None, "/effects/optional")

        assert await effects.count() == 2

    async def test_honours_a_key(self, effects: Effects) -> None:
        for _ in range(2):
            await effects.cause("key", "/effects/optional")

        assert await effects.count() == 1
