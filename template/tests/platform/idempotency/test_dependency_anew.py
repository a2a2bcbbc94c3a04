from tests.platform.idempotency.effects import Effects


class TestEffectAnew:
    async def test_is_had_for_another_key(self, effects: Effects) -> None:
        await effects.cause("one")
        await effects.cause("two")

        assert await effects.count() == 2

    async def test_is_had_on_another_path(self, effects: Effects) -> None:
        await effects.cause("key")
        await effects.cause("key", "/effects/optional")

        assert await effects.count() == 2

    async def test_is_had_when_the_answer_has_expired(self, effects: Effects) -> None:
        first = await effects.cause("key")
        await effects.expire()

        again = await effects.cause("key")
        third = await effects.cause("key")

        assert again.status_code == 201
        assert again.content != first.content
        assert third.content == again.content
        assert await effects.count() == 2
