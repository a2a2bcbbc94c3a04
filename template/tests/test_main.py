import asyncio

from httpx import AsyncClient

from app.main import create_app
from app.settings import Settings


async def test_opens_what_it_needs_from_its_start_to_its_end(
    settings: Settings,
) -> None:
    app = create_app(settings)

    async with app.router.lifespan_context(app) as state:
        assert state is not None
        await state["platform"].database.check()

    assert state["readiness"].stopping


async def test_is_ready_soon_after_its_start(client: AsyncClient) -> None:
    async with asyncio.timeout(10):
        while True:
            answer = await client.get("/readyz")
            if answer.status_code == 200:
                break
            await asyncio.sleep(0.05)

    assert answer.json()["dependencies"]["schema"]["status"] == "ok"
