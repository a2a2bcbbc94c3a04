import asyncio

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

    async def test_is_had_for_another_caller(self, effects: Effects) -> None:
        answers = []
        for caller in ("user-1", "user-2"):
            effects.client.headers["X-Test-Caller"] = caller
            answers.append(await effects.cause("key"))
        again = await effects.cause("key")
        del effects.client.headers["X-Test-Caller"]
        answers.append(await effects.cause("key"))

        assert [answer.status_code for answer in answers] == [201] * 3
        assert len({answer.content for answer in answers}) == 3
        assert again.content == answers[1].content
        assert await effects.count() == 3

    async def test_is_not_held_up_by_another_caller(self, effects: Effects) -> None:
        slow = effects.client.post(
            "/effects",
            json={"name": "x", "seconds": 0.5},
            headers={"Idempotency-Key": "key", "X-Test-Caller": "user-1"},
        )

        first, second = await asyncio.gather(slow, effects.cause("key"))

        assert (first.status_code, second.status_code) == (201, 201)

    async def test_is_had_when_the_answer_has_expired(self, effects: Effects) -> None:
        first = await effects.cause("key")
        await effects.expire()

        again = await effects.cause("key")
        third = await effects.cause("key")

        assert again.status_code == 201
        assert again.content != first.content
        assert third.content == again.content
        assert await effects.count() == 2
